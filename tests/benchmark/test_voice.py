"""What is said is whole: no name is cut or broken at 80 columns, JSON stands alone, --quiet leaves the last line."""

import io
import json
import re

import numpy as np
import pandas as pd
import pytest
from rich.console import Console
from rich.table import Table

from lodo.benchmark.jobs import Work
from lodo.benchmark.progress import ProgressListener
from lodo.benchmark.scheduler import Chain
from lodo.benchmark.store import Job
from lodo.benchmark.voice import plain, show_table
from lodo.methods.base import METHODS

from .conftest import write_jsonl

ONE = ("--task", "opt-equal", "--seeds", "1", "--runs", "1")
LABEL = "untrac-simnpo on opt-different/a-test-set-of-a-rather-long-name, seed 0, run 3 of the methods"


def console(terminal=False):
    return Console(file=io.StringIO(), width=80, force_terminal=terminal, color_system=None)


def listener(at, label=LABEL, cost=2.0):
    chain = Chain((Work(Job("estimate", {"name": label}), label, cost=cost),))
    return ProgressListener(at, [chain], "Running"), chain


def test_progress_is_one_whole_line_with_the_time_of_day_where_it_is_piped(monkeypatch):
    at = console()
    monkeypatch.setattr("time.strftime", lambda form: form.replace("%H:%M:%S", "12:34:56"))
    progress, chain = listener(at)
    progress._said = -1e9
    with progress:
        progress.begun(chain)
        progress.progress(chain, 0.5)
    assert at.file.getvalue() == f"12:34:56 Running: 50 %, about 0 s left ({LABEL})\n"


def test_a_note_is_one_whole_line_with_the_time_of_day_where_it_is_piped():
    at = console()
    progress, _ = listener(at)
    progress.note(f"{LABEL} failed: [out of memory]")
    assert re.fullmatch(rf"\d\d:\d\d:\d\d note {LABEL} failed: \[out of memory\]\n", at.file.getvalue())


def test_progress_is_whole_on_a_terminal_of_80_columns():
    at = console(terminal=True)
    progress, chain = listener(at)
    with progress:
        progress.begun(chain)
        progress.progress(chain, 0.5)
        shown = "\n".join("".join(part.text for part in line) for line in at.render_lines(progress._lines()))
    assert "…" not in shown
    words = shown.split()
    assert " ".join(words[words.index("untrac-simnpo") :]) == LABEL
    for part in ("Running", "50 %", "left"):
        assert part in " ".join(words)


def test_notes_on_a_terminal_have_no_time_of_day():
    at = console(terminal=True)
    progress, _ = listener(at)
    with progress:
        progress.note("something")
    assert "note something" in at.file.getvalue()
    assert not re.search(r"\d\d:\d\d:\d\d note", at.file.getvalue())


def test_a_table_grows_rather_than_cut_or_break_a_word():
    at, table = console(), Table(box=None, pad_edge=False)
    table.add_column("of several words", no_wrap=True)
    table.add_column("why")
    table.add_column("where")
    table.add_row("a b c " * 10, "some words and then some more words", "x" * 90)
    show_table(at, table)
    text = at.file.getvalue()
    assert ("a b c " * 10).strip() in text
    assert "x" * 90 in text
    assert "…" not in text
    head, first = text.splitlines()[:2]
    assert head.index("why") == first.index("some"), "columns stand below their heads"


def test_a_table_that_fits_is_no_wider_than_the_console():
    at, table = console(), Table(box=None, pad_edge=False)
    table.add_column("name", no_wrap=True)
    table.add_column("why")
    table.add_row("a-name", "word " * 60)
    show_table(at, table)
    assert max(map(len, at.file.getvalue().splitlines())) <= 80


def test_numbers_stand_to_the_right_and_markup_is_a_style():
    at, table = console(), Table(box=None, pad_edge=False)
    table.add_column("name")
    table.add_column("count", justify="right")
    table.add_row("[red]a[/]", "7")
    show_table(at, table)
    assert at.file.getvalue() == "name  count\na         7\n"


def test_room_that_is_left_goes_to_the_narrow_columns():
    at, table = console(), Table(box=None, pad_edge=False)
    for _ in range(2):
        table.add_column("why")
    table.add_row("word " * 4, "word " * 60)
    show_table(at, table)
    lines = at.file.getvalue().splitlines()
    assert lines[1].startswith(("word " * 4).strip())
    assert 74 < max(map(len, lines)) <= 80


def test_what_is_no_number_in_json_is_null():
    content = {"a": float("nan"), "b": np.float64("inf"), "c": np.int64(3), "d": pd.NA, "e": (1, None, True, "x")}
    assert plain(content) == {"a": None, "b": None, "c": 3, "d": None, "e": [1, None, True, "x"]}


@pytest.fixture
def narrow(monkeypatch):
    monkeypatch.setenv("COLUMNS", "80")


@pytest.fixture
def many(text):
    """The tiny text with test sets of long names, so that a row of them is wider than a terminal."""
    rows = (text / "tests/places.jsonl").read_text().splitlines()
    names = [f"a-test-set-of-a-long-name-{each}" for each in ("one", "two", "three", "four")]
    for name in names:
        write_jsonl(text / f"tests/{name}.jsonl", [json.loads(row) for row in rows])
    (text / "tests/places.jsonl").unlink()
    return [f"opt-equal/{name}" for name in names]


def whole(name, out):
    return re.search(rf"(?<![\w-]){re.escape(name)}(?![\w…-])", out)


def test_no_name_is_cut_in_the_scores_or_the_plan_of_a_run(narrow, many, run, tmp_path):
    said = run(*ONE, "--method", "untrac-simnpo", "--method", "hidden-states", out=tmp_path / "out").out
    for name in ("untrac-simnpo", "hidden-states", "opt-equal", *(task.partition("/")[2] for task in many)):
        assert whole(name, said[said.index("Pearson with") :]), name
    assert "…" not in said[said.index("4 tasks, ") :]
    heads = [line for line in said.splitlines() if line.startswith("opt-equal ")]
    assert len(heads) == 2, "as many test sets beside each other as there is room for"
    assert all(len(line) <= 80 for line in heads)


def test_no_name_is_cut_in_lists(narrow, many, command, lodo, made_up):
    places = ("--data", lodo.text, "--store", lodo.store)
    shown = command("list", "tasks", *places).out
    assert all(whole(task, shown) for task in many)
    for what in ("methods", "values", "suites"):
        shown = command("list", what).out
        assert "…" not in shown
        known = METHODS.names() if what == "methods" else ["untrac-simnpo", "hif-cg"]
        assert all(whole(name, shown) for name in known), what
        assert what != "suites" or max(map(len, shown.splitlines())) <= 80


def test_no_name_is_cut_in_a_comparison(narrow, many, run, command, tmp_path):
    for name, beta in (("one", 2), ("two", 3)):
        run(*ONE, "--method", "untrac-simnpo", "--set", f"untrac-simnpo.beta={beta}", out=tmp_path / name)
    shown = command("compare", tmp_path / "one", tmp_path / "two").out
    assert all(whole(task, shown) for task in many)
    assert whole("untrac-simnpo", shown)
    assert all(len(line) <= 80 for line in shown.splitlines() if line.startswith("untrac-simnpo"))
    assert "…" not in shown
    assert not whole("random", shown), "what did not move is not listed"


def test_no_name_is_cut_in_a_description(narrow, many, command, lodo, made_up):
    shown = command("describe", many[0], "--data", lodo.text, "--store", lodo.store).out
    assert whole(many[0], shown)


def test_the_line_of_what_was_computed_is_whole(narrow, many, run, tmp_path):
    said = run(*ONE, "--method", "untrac-simnpo", out=tmp_path / "out").out
    (line,) = [line for line in said.splitlines() if line.startswith("computed")]
    assert re.search(r"in \d+ s$", line)


def test_a_quiet_run_says_its_last_line_alone(run, tmp_path):
    said = run(*ONE, "--method", "graddot", "--quiet", out=tmp_path / "out")
    assert said.out == f"leaderboard: {tmp_path / 'out' / 'index.html'}\n"
    assert said.err == ""


def test_a_quiet_run_says_its_errors(run, made_up, tmp_path):
    made_up.fails |= {"graddot"}
    said = run(*ONE, "--method", "graddot", "--quiet", out=tmp_path / "out", code=1)
    assert said.err.startswith("failed no method that was asked for")


def test_a_quiet_sweep_says_its_last_line_alone(command, lodo, made_up, tmp_path):
    words = lodo.words(*ONE, "--method", "graddot", "--quiet", out=tmp_path / "out")[4:]
    said = command("sweep", "--over", "task.examples=4,6", *words)
    assert said.out == f"rows, table, figure: {tmp_path / 'out'}\n"


def test_a_run_in_json_has_its_result_alone_on_standard_output(run, made_up, tmp_path):
    made_up.fails |= {"gradcos"}
    said = run(*ONE, "--method", "graddot", "--method", "gradcos", "--json", out=tmp_path / "out")
    content = json.loads(said.out)
    assert content["page"] == str(tmp_path / "out" / "index.html")
    assert content["out"] == str(tmp_path / "out")
    assert content["computed"]["training"] == 5
    assert {row["method"] for row in content["scores"]} >= {"graddot", "gradcos", "retraining", "random"}
    (failure,) = content["failures"]
    assert failure["log"] == str(tmp_path / "out/failures/gradcos-opt-equal-places-seed0-run0.log")
    assert "1 tasks, 4 methods" in said.err
    again = json.loads(run(*ONE, "--method", "untrac", "--json", out=tmp_path / "out").out)
    assert again["merged"] == "methods gradcos, graddot"


def test_a_dry_run_in_json_is_its_plan(run, tmp_path):
    content = json.loads(run(*ONE, "--method", "graddot", "--json", "--dry-run", out=tmp_path / "out").out)
    assert content["work"]["training"] == {"needed": 5, "in_store": 0, "to_do": 5}
    assert content["methods"] == ["graddot", "dataset-size", "random"]
    assert content["unknown"] == []


@pytest.mark.parametrize("what", ["methods", "values", "suites", "tasks"])
def test_a_list_in_json_stands_alone(command, lodo, made_up, what):
    said = command("list", what, "--json", "--data", lodo.text, "--store", lodo.store)
    rows = json.loads(said.out)
    assert len({frozenset(row) for row in rows}) == 1
    key = {"values": "method"}.get(what, what[:-1])
    names = {row[key] for row in rows}
    assert {"methods": "untrac", "values": "untrac", "suites": "full", "tasks": "opt-equal/places"}[what] in names
    if what == "methods":
        (row,) = [row for row in rows if row["method"] == "untrac"]
        assert row["hyperparameters"]["lr"].keys() == {"value", "reason", "why"}


def test_a_comparison_in_json_stands_alone(run, command, tmp_path):
    for name in ("one", "two"):
        run(*ONE, "--method", "graddot", out=tmp_path / name)
    said = command("compare", tmp_path / "one", tmp_path / "two", "--json")
    content = json.loads(said.out)
    assert content["worse"] == 0
    assert {(row["method"], row["verdict"]) for row in content["changes"]} >= {("graddot", "same")}
    assert "got worse" in said.err
