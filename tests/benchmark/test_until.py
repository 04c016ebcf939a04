"""Seeds are added until the truth is as reliable as was asked for, and no longer."""

from dataclasses import make_dataclass
from io import StringIO

import numpy as np
import pytest
from rich.console import Console

from lodo.benchmark.result import Result
from lodo.benchmark.until import Until, lowest, until_of, with_more_seeds
from lodo.reports.tables import Tables
from lodo.tasks.errors import InputError

from ..reports.conftest import facts

SIGNAL = np.random.default_rng(0).standard_normal((8, 2))


def tables_of(seeds, noise=(0.5,)):
    """Tables of tasks f/t0, …, whose seeds share a signal under noise of a size each."""
    rows = {}
    for index, size in enumerate(noise):
        rng = np.random.default_rng(index + 1)
        truth = SIGNAL + size * rng.standard_normal((20, 8, 2))[:seeds]
        more = facts(truth, {}, task=f"f/t{index}")
        rows = {name: [*rows.get(name, []), *more_rows] for name, more_rows in more.items()}
    return Tables.from_rows(rows, {})


def ran(until, seeds=2, noise=(1.0,)):
    """With how many seeds runs were made, what was said, and what came out."""
    made, console = [], Console(file=StringIO(), width=300)

    def run(request):
        made.append(request.seeds)
        return Result(tables_of(request.seeds, noise), None, {"training": 9})

    request = make_dataclass("Asked", ["seeds"], frozen=True)(seeds)
    _, result = with_more_seeds(request, until, console, run)
    return made, console.file.getvalue(), result


def test_seeds_are_added_until_r_holds_and_no_longer():
    made, said, result = ran(Until(0.85, 20))
    assert made == list(range(2, made[-1] + 1))
    assert len(made) > 1
    assert lowest(tables_of(made[-1], (1.0,)))[1] >= 0.85
    assert all(lowest(tables_of(seeds, (1.0,)))[1] < 0.85 for seeds in made[:-1])
    assert "with 2 seeds: seed 3 is added" in said
    assert result.computed == {"training": 9 * len(made)}


def test_without_being_asked_one_run_is_made():
    assert ran(None)[0] == [2]


def test_the_most_seeds_end_it_with_a_sentence():
    made, said, _ = ran(Until(0.999, 4))
    assert made == [2, 3, 4]
    assert "on f/t0 with 4 seeds, less than 1.00; a larger --max-seeds goes on from there" in said


def test_every_task_must_be_reliable():
    task, reached = lowest(tables_of(3, noise=(0.1, 2.0)))
    assert task == "f/t1"
    assert reached < 0.9
    assert lowest(tables_of(1)) == ("f/t0", 0.0), "one seed tells nothing of R"


def test_a_truth_that_never_varies_adds_no_seeds():
    flat = Tables.from_rows(facts(np.zeros((2, 8, 2)), {}, task="f/flat"), {})
    assert lowest(flat) is None
    made, console = [], Console(file=StringIO(), width=300)

    def run(request):
        made.append(request)
        return Result(flat, None, {})

    with_more_seeds(make_dataclass("Asked", ["seeds"], frozen=True)(2), Until(0.9, 9), console, run)
    assert len(made) == 1
    assert "no task has an R that more seeds could raise" in console.file.getvalue()


@pytest.mark.parametrize(
    ("reliability", "most", "seeds", "message"),
    [
        (0.0, 10, 3, "--until-reliability 0: R of a truth lies between 0 and 1; give e.g. 0.9"),
        (90.0, 10, 3, "--until-reliability 90"),
        (0.9, 2, 3, "--max-seeds 2: it must be 3 at least"),
        (0.9, 1, 1, "--max-seeds 1: it must be 2 at least"),
    ],
)
def test_bad_numbers_are_refused(reliability, most, seeds, message):
    with pytest.raises(InputError) as error:
        until_of(reliability, most, seeds)
    assert message in str(error.value)
    assert until_of(None, 1, 3) is None


def test_the_command_adds_seeds(lodo, run, tmp_path):
    said = run(
        "--until-reliability",
        "0.999",
        "--max-seeds",
        "3",
        "--seeds",
        "2",
        "--method",
        "token-count",
        out=tmp_path / "o",
    )
    assert "with 2 seeds: seed 3 is added" in said.out
    assert "with 3 seeds, less than 1.00" in said.out
