"""Tuning happens on tasks that are never scored, and the best point is chosen by a stated rule."""

import dataclasses
import json
import subprocess
import sys

import pytest

from lodo.benchmark import sweeping
from lodo.benchmark.choosing import choose_tasks
from lodo.benchmark.pipeline import make_request
from lodo.benchmark.plan import Inventory
from lodo.benchmark.tuning import TEXT, best, make_tuning
from lodo.methods import records
from lodo.methods.records import GridPoint
from lodo.tasks.errors import InputError
from lodo.tasks.generated import GeneratedSource
from lodo.tasks.spec import TestFile

from .conftest import SETTINGS

INVENTORY = Inventory(
    {f"c{i}": 100 - i for i in range(8)}, {name: TestFile(rule=name) for name in ("toxigen", "winobias")}, ()
)


def tuning(*grids, method="untrac", **options):
    return make_tuning(method, grids or ("lr=5e-5,1e-3", "batch_size=1,8"), **options)


def point(lr, batch_size, pearson, trainings=1.0):
    values = {"lr": lr, "batch_size": batch_size}
    cause = "" if pearson is not None else "failed in 1 of 1 attempts: it diverged"
    return GridPoint(values=values, pearson=pearson, low=None, high=None, trainings=trainings, cause=cause)


def test_the_tasks_are_those_that_are_never_scored():
    tasks = choose_tasks(tuning().request, {None: INVENTORY})
    assert [task.name for task in tasks] == ["opt-tuning/toxigen", "opt-tuning/winobias"]
    slots = [item.slots for item in tasks[0].mixture.datasets]
    assert slots == [8000 * share // 16 for share in (3, 3, 2, 2, 2, 2, 1, 1)]
    assert tasks[0].examples == 250


def test_a_scored_task_is_no_task_to_tune_on_nor_the_other_way_round():
    with pytest.raises(InputError, match="opt-equal is scored, so nothing is tuned on it"):
        choose_tasks(tuning(tasks=["opt-equal/toxigen"]).request, {None: INVENTORY})
    with pytest.raises(InputError, match="tuned on opt-tuning, so it is never scored"):
        choose_tasks(make_request(tasks=["opt-tuning/toxigen"]), {None: INVENTORY})
    assert "opt-tuning/toxigen" not in [task.name for task in choose_tasks(make_request(), {None: INVENTORY})]


def test_no_text_that_is_scored_is_the_tuning_text():
    """Whatever --text-seed says: scored text is of planting 0."""
    scored = make_request(text_seed=TEXT.seed).source
    assert scored == GeneratedSource(seed=TEXT.seed)
    assert scored.fingerprint() != TEXT.fingerprint()
    assert TEXT.planting != scored.planting


def test_what_the_grid_leaves_alone_stands_as_without_a_record(tmp_path, monkeypatch):
    monkeypatch.setattr(records, "FOLDER", tmp_path)
    asked = tuning("lr=1e-3")
    stored = {"method": "untrac", "scale": "mini", "values": {"batch_size": 77}, "grid": {}, "fixed": {}, "tasks": []}
    stored |= {"text": {}, "seeds": 1, "runs": 1, "examples": 1, "version": "", "code": "", "points": []}
    (tmp_path / "untrac.json").write_text(json.dumps({"mini": stored}))
    assert tuning("lr=1e-3").method == asked.method
    assert asked.method.batch_size == 1
    assert tuning("lr=1e-3", settings=["untrac.batch_size=3"]).method.batch_size == 3


@pytest.mark.parametrize(
    ("points", "winner"),
    [
        # The highest, where nothing is near.
        ([(point(5e-5, 1, 0.5), 0.1), (point(1e-3, 1, 0.9, 9.0), 0.1)], 1),
        # Within one standard error of the best the cheaper one.
        ([(point(1e-3, 8, 0.85, 0.5), 0.3), (point(5e-5, 1, 0.9, 1.0), 0.1)], 0),
        # The standard error is the grid's median: neither the best point's, which chance made small, nor the largest.
        ([(point(5e-5, 1, 0.88, 0.5), 0.1), (point(1e-3, 1, 0.9, 1.0), 0.0), (point(2e-3, 1, 0.1), 0.1)], 0),
        ([(point(5e-5, 1, 0.75, 0.5), 0.9), (point(1e-3, 1, 0.9, 1.0), 0.1), (point(2e-3, 1, 0.1), 0.1)], 1),
        # At one cost the paper's values, here of both hyperparameters.
        ([(point(5e-5, 8, 0.9), 0.1), (point(5e-5, 1, 0.85), 0.1), (point(1e-3, 8, 0.88), 0.1)], 1),
        # Among equals of no paper the higher.
        ([(point(2e-3, 8, 0.85), 0.1), (point(1e-3, 8, 0.88), 0.1)], 1),
        # What failed is never chosen.
        ([(point(5e-5, 1, None), 0.0), (point(1e-3, 8, -0.2), 0.0)], 1),
    ],
)
def test_the_best_point(points, winner):
    assert best(tuning(), points) == points[winner][0]


def test_a_grid_on_which_all_failed_has_no_best_point():
    with pytest.raises(InputError, match="no point of untrac's grid has a score; the first: failed in 1 of 1 attempts"):
        best(tuning(), [(point(1, 1, None), 0.0)])


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"grids": ()}, "--grid: name what is to be tuned"),
        ({"grids": ("lr",)}, "--grid lr: write it as lr=1e-5,1e-4"),
        ({"grids": ("graddot.lr=1",)}, r"graddot\.lr: it is no hyperparameter of untrac"),
    ],
)
def test_a_bad_grid_is_refused(options, sentence):
    with pytest.raises(InputError, match=sentence):
        make_tuning("untrac", **options)


def test_a_record_is_not_written_of_what_is_not_the_default_then(tmp_path, monkeypatch):
    asked = tuning()
    (tmp_path / "pyproject.toml").touch()
    monkeypatch.setattr(sweeping, "FOLDER", tmp_path / "methods" / "tuned")
    with pytest.raises(InputError, match=r"leave --set untrac\.epochs=2 out"):
        sweeping._may_write(asked, ["untrac.epochs=2"])
    monkeypatch.setattr(sweeping, "FOLDER", tmp_path / "site-packages" / "lodo" / "methods" / "tuned")
    with pytest.raises(InputError, match="run it from a checkout"):
        sweeping._may_write(asked, [])
    file = tmp_path / "mine.py"
    file.write_text(
        "from dataclasses import dataclass\nfrom lodo.methods import AttributionMethod, register\n\n\n"
        "@register('mine')\n@dataclass(frozen=True)\nclass Mine(AttributionMethod):\n    lr: float = 1.0\n"
    )
    with pytest.raises(InputError, match="'mine' is none of lodo's methods"):
        sweeping._may_write(make_tuning(f"{file}:Mine", ("lr=1,2",)), [])


WRITE = """
import sys
from pathlib import Path
from lodo.benchmark import cli, sweeping
from lodo.methods import records

records.FOLDER = Path(sys.argv.pop(1))
sweeping._may_write = lambda *_: None
cli.main()
"""


@pytest.mark.slow
def test_a_tuning_leaves_a_record_that_the_next_run_takes(tmp_path, monkeypatch):
    sets = [part for key, value in SETTINGS.items() if key != "task.examples" for part in ("--set", f"{key}={value}")]
    words = ["tune", "untrac", "--grid", "lr=1e-4,1e9", "--grid", "batch_size=4", "--examples", "4", *sets]
    words += ["--task", "opt-tuning/toxigen", "--store", str(tmp_path / "store"), "--runs", "1", "--write"]

    def run():
        code = [sys.executable, "-c", WRITE, str(tmp_path / "tuned")]
        return subprocess.run([*code, *words], capture_output=True, text=True, timeout=600)

    first = run()
    assert first.returncode == 0, first.stdout + first.stderr
    assert "chosen" in first.stdout
    assert "diverged" in first.stdout
    text = (tmp_path / "tuned" / "untrac.json").read_bytes()
    record = json.loads(text)["mini"]
    assert record["values"] == {"lr": 1e-4, "batch_size": 4}
    assert record["grid"] == {"lr": [1e-4, 1e9], "batch_size": [4]}
    assert record["text"] == dataclasses.asdict(TEXT)
    assert (record["seeds"], record["runs"], record["examples"]) == (2, 1, 4)
    assert record["tasks"] == ["opt-tuning/toxigen"]
    good, wild = record["points"]
    assert good["pearson"] is not None
    assert good["trainings"] > 0
    assert wild["pearson"] is None
    assert "diverged" in wild["cause"]
    again = run()
    assert "computed nothing" in again.stdout, again.stdout + again.stderr
    assert (tmp_path / "tuned" / "untrac.json").read_bytes() == text
    monkeypatch.setattr(records, "FOLDER", tmp_path / "tuned")
    (choice,) = (each for each in make_request(methods=["untrac"]).methods if each.name == "untrac")
    assert (choice.method.lr, choice.method.batch_size) == (1e-4, 4)
