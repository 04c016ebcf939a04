"""What the command line prints of tables: closing figures, what was planted, the terminal's scores."""

import dataclasses
from io import StringIO

import numpy as np
import pandas as pd
import pytest
from rich.console import Console
from typer.testing import CliRunner

from lodo.benchmark.cli import app
from lodo.benchmark.display import show_scores
from lodo.benchmark.planted import planted_table
from lodo.reports.schema import FACTS
from lodo.reports.tables import Tables, write_tables
from lodo.tasks.errors import InputError
from lodo.tasks.generated import CORPORA, GeneratedSource

SIZES = {name: 100 * (1 + index) for index, name in enumerate(sorted(CORPORA))}


def made(seeds=2, turned=(), definition="fixed-steps", source="generated"):
    """Tables of a task whose truth is what is planted, the other way round for the ``turned`` subsets."""
    planted = GeneratedSource().planted("winobias", SIZES)
    rows = {name: [] for name in FACTS}
    rows["datasets"] = [{"task": "opt/winobias", "dataset": name, "slots": n} for name, n in SIZES.items()]
    noise = np.random.default_rng(0)
    for seed in range(seeds):
        for method in ("good", "retraining", "random"):
            key = {"task": "opt/winobias", "method": method, "hyperparameters": "{}", "seed": seed, "run": 0}
            cost = {"seconds": 1.0, "peak_rss": 1, "tokens": 1, "training_equivalents": 0.5}
            rows["attempts"].append({**key, "status": "ok", "cause": "", **cost})
            for subset, shares in planted.items():
                for name, share in shares.items():
                    truth = (-share if subset in turned else share) * (1 + seed)
                    guess = noise.normal() if method == "random" else share**3
                    guess = truth if method == "retraining" else guess
                    cell = {"dataset": name, "subset": subset}
                    rows["estimates"].append({**key, **cell, "step": None, "influence": guess})
                    if method == "good":
                        place = {"task": "opt/winobias", "definition": definition, "seed": seed, **cell}
                        losses = {"base_loss": 5.0, "counterfactual_loss": 5.0 + truth, "influence": truth}
                        rows["ground_truth"].append({**place, **losses})
    methods = {"good": {"paper": "Eq. 1", "whole": False}, "random": {"whole": True}, "retraining": {"whole": True}}
    return Tables.from_rows(rows, {"tasks": {"opt/winobias": {"source": source}}, "methods": methods})


def test_what_was_planted_is_what_the_truth_is_held_against():
    assert planted_table(made()).splitlines()[-1] == "| opt/winobias | 1.00 |"
    turned = list(GeneratedSource().planted("winobias"))[:1]
    # One subset of four the other way round: (3 - 1) / 4.
    assert planted_table(made(turned=turned)).splitlines()[-1] == "| opt/winobias | 0.50 |"


def test_a_task_on_text_of_its_own_is_left_out_of_what_was_planted():
    tables = made()
    mine = tables.ground_truth.assign(task="mine/sums", subset="sums")
    tables.manifest["tasks"]["mine/sums"] = {"source": "mine"}
    both = dataclasses.replace(tables, ground_truth=pd.concat([tables.ground_truth, mine], ignore_index=True))
    assert planted_table(both) == planted_table(tables)


def test_where_nothing_is_planted_there_is_nothing_to_say():
    with pytest.raises(InputError, match="nothing is planted"):
        planted_table(made(source="folder"))
    with pytest.raises(InputError, match="refilled slots alone"):
        planted_table(made(definition="all-examples"))


def test_the_command_prints_markdown(tmp_path):
    write_tables(tmp_path, made())

    def shown(*options):
        command = CliRunner().invoke(app, ["table", str(tmp_path), *options])
        assert command.exit_code == 0, command.output
        return command.stdout

    head = "| method | source | cost, in trainings | Pearson | Spearman |"
    text = shown()
    assert head in text
    assert "average of the other seeds' truths" in text
    assert "| `good` | Eq. 1 | 0.50 |" in text
    assert "very model that was attributed" in shown("--truth", "own")
    assert "Pearson opt/winobias" in shown("--by", "task")
    assert "| rank | group | method |" in shown("--by", "standing")
    assert "| method | most helpful found |" in shown("--by", "action")
    assert shown("--by", "standing", "--truth", "own") != shown("--by", "standing")
    assert shown("--question", "mixture-aware") != text
    assert shown("--planted").endswith("| opt/winobias | 1.00 |\n")


@pytest.mark.parametrize(("seeds", "against"), [(2, "the other seeds' truth"), (1, "for want of another seed")])
def test_the_terminal_says_which_truth_ranks_and_puts_references_last(seeds, against):
    console = Console(file=StringIO(), width=100)
    show_scores(made(seeds=seeds), console)
    lines = console.file.getvalue().splitlines()
    assert against in lines[0]
    assert [line.split()[0] for line in lines[2:6]] == ["good", "retraining", "random", "R"]
    assert lines[3].split()[1] == "1.00"
    assert lines[5].split()[1] == ("1.00" if seeds == 2 else "—")
