"""A grid becomes ordinary requests, its work is done once, and what was done is found again."""

import json
import shutil
import subprocess
from types import SimpleNamespace

import numpy as np
import pandas as pd
import pytest
from pydantic import TypeAdapter, ValidationError

from lodo.benchmark import cli
from lodo.benchmark.pipeline import make_request
from lodo.benchmark.shown import shown_examples
from lodo.benchmark.sweep import Axis, _shared, grid, parse_axis
from lodo.reports.sweep import EXAMPLES
from lodo.tasks.errors import InputError
from lodo.tasks.sequences import Sequences
from lodo.tasks.spec import Shown

from .conftest import SETTINGS


def request(*methods, **options):
    return make_request(methods=methods or ("untrac", "graddot"), **options)


def test_an_axis_is_a_key_and_its_values_each_once():
    assert parse_axis("task.examples=16, 48,16,all") == Axis("task.examples", ("16", "48", "all"))
    assert parse_axis("lr=1e-5", "--grid", "untrac").key == "untrac.lr"
    assert Axis("untrac.lr", ("1",)).owner == "untrac"


@pytest.mark.parametrize(
    "text", ["task.examples", "examples=3", "task.examples=", "task.=3", ".examples=3", "a.b=1,,2"]
)
def test_an_axis_that_is_none_is_refused(text):
    with pytest.raises(InputError, match=f"--over {text}: write it as"):
        parse_axis(text)


def test_settings_of_one_method_stand_in_requests_of_their_own_and_the_others_once():
    points = grid(request(), [Axis("untrac.lr", ("1e-5", "1e-4", "1e-3"))])
    assert [[choice.name for choice in point.request.methods] for point in points] == [
        ["untrac", "graddot", "dataset-size", "random"],
        ["untrac"],
        ["untrac"],
    ]
    assert [point.request.methods[0].method.lr for point in points] == [1e-5, 1e-4, 1e-3]
    assert points[1].swept == {"untrac": {"untrac.lr": "1e-4"}}
    assert points[0].swept["graddot"] == {}


def test_what_is_set_stays_set_at_every_point():
    asked = request("untrac", settings=["untrac.epochs=3", "untrac.batch_size=8"])
    points = grid(asked, [Axis("untrac.lr", ("1e-5", "1e-4"))])
    methods = [point.request.methods[0].method for point in points]
    assert [(method.epochs, method.batch_size) for method in methods] == [(3, 8), (3, 8)]


def test_examples_and_values_multiply():
    axes = [Axis("task.examples", ("8", "all")), Axis("untrac.lr", ("1e-5", "1e-4"))]
    points = grid(request(), axes)
    assert len(points) == 4
    settings = {(p.request.changes["task.examples"], p.request.methods[0].method.lr) for p in points}
    assert settings == {(n, lr) for n in ("8", "all") for lr in (1e-5, 1e-4)}
    assert points[-1].swept == {"untrac": {"task.examples": "all", "untrac.lr": "1e-4"}}


@pytest.mark.parametrize(
    ("axes", "sentence"),
    [
        ([Axis("nobody.lr", ("1",))], "'nobody' is no method of this sweep"),
        ([Axis("untrac.rate", ("1",))], r"untrac\.rate: no such hyperparameter"),
        ([Axis("untrac.lr", ("-1",))], r"untrac\.lr: Input should be greater than 0"),
        ([Axis("untrac.lr", ("1",)), Axis("untrac.lr", ("2",))], "it is given twice"),
    ],
)
def test_a_bad_axis_is_refused(axes, sentence):
    with pytest.raises(InputError, match=sentence):
        grid(request(), axes)


def test_all_shows_every_sequence_of_the_mixture_in_every_run():
    tokens = {"big": np.arange(60).reshape(20, 3), "small": 1000 + np.arange(12).reshape(4, 3)}
    pools = {name: Sequences.whole(rows) for name, rows in tokens.items()}
    datasets = [SimpleNamespace(name="big", slots=7), SimpleNamespace(name="small", slots=9)]
    training = SimpleNamespace(runtime=SimpleNamespace(device="cpu"), mixture=SimpleNamespace(datasets=datasets))
    hashes = {name: name for name in pools}
    for run in (0, 1):
        shown, unseen = shown_examples(SimpleNamespace(pools=pools), hashes, training, "all", run)
        np.testing.assert_array_equal(shown["big"].tokens, tokens["big"][:7])
        np.testing.assert_array_equal(shown["small"].tokens, tokens["small"])
        np.testing.assert_array_equal(unseen["big"].tokens, tokens["big"][7:14])
        assert "small" not in unseen


@pytest.mark.parametrize(
    ("key", "shared"), [("recipe.lr", True), ("model.width", True), (EXAMPLES, False), ("untrac.lr", False)]
)
def test_a_retraining_is_another_under_another_recipe_and_the_same_whatever_is_shown(key, shared):
    assert _shared(key) is shared


@pytest.mark.parametrize("text", ["0", "-3", "1.5", "some", "", 2.5, True])
def test_what_is_no_number_of_examples(text):
    with pytest.raises(ValidationError, match="is neither a number of examples above 0 nor 'all'"):
        TypeAdapter(Shown).validate_python(text)


@pytest.mark.parametrize(("text", "value"), [("48", 48), (48, 48), ("all", "all")])
def test_a_number_of_examples_or_all(text, value):
    assert TypeAdapter(Shown).validate_python(text) == value


@pytest.fixture
def sweep(lodo):
    """`lodo sweep` on the tiny text."""

    def run(*options, out, code=0, settings=()):
        sets = {**SETTINGS, **dict(settings)}
        changed = [part for key, value in sets.items() for part in ("--set", f"{key}={value}")]
        words = [*lodo.words(out=out)[:3], "sweep", "--data", str(lodo.text), "--out", str(out), *changed]
        words += ["--store", str(lodo.store), "--task", "opt-equal/places", "--seeds", "2", "--runs", "2", *options]
        process = subprocess.run(words, capture_output=True, text=True, timeout=600)
        assert process.returncode == code, process.stdout + process.stderr
        return process

    return run


@pytest.mark.slow
def test_a_sweep_trains_once_and_goes_on_where_it_was(sweep, lodo, tmp_path):
    out = tmp_path / "sweep"
    options = (
        "--method",
        "graddot",
        "--method",
        "untrac",
        "--over",
        "task.examples=4,all",
        "--over",
        "untrac.lr=1e-4,1e9",
        "--set",
        "untrac.optimizer=adam",
    )
    first = sweep(*options, "--forgetting", out=out)
    # 5 trainings a seed; (graddot, 2 references, the rate that does not fail) x (2 runs of 4 + 1 of all) x 2 seeds.
    assert "10 trainings" in first.stdout
    assert "24 estimates" in first.stdout
    rows = pd.read_parquet(out / "sweep.parquet")
    ours = rows[rows["truth"] == rows["truth"].iloc[0]]
    counts = ours.groupby(["method", "examples"])["run"].nunique()
    assert counts["graddot"].to_dict() == {"4": 2, "all": 1}
    assert set(ours.loc[ours["method"] == "untrac", "hyperparameters"].map(lambda text: json.loads(text)["lr"])) == {
        1e-4,
        1e9,
    }
    # All of a dataset's own sequences: 30 steps of 4 sequences, shared by four datasets.
    assert ours.groupby("examples")["shown"].first().to_dict() == {"4": 4.0, "all": 30.0}
    wild = ours[ours["hyperparameters"].str.contains('"lr":1000000000.0')]
    assert set(wild["status"]) == {"failed"}
    assert wild["reason"].str.contains("diverged").all()
    text = (out / "sweep.md").read_text()
    assert "| `untrac lr=1e-4` |" in text
    assert ours.loc[ours["method"] == "retraining", "swept"].unique() == ["{}"]
    (line,) = [line for line in text.splitlines() if line.startswith("| `retraining` | 4.00 ")]
    assert line == "| `retraining` | 4.00 | 4.00 |"
    assert "failed in" in text
    assert (out / "sweep.svg").read_text().startswith("<svg")
    assert "perplexity" in (out / "forgetting.svg").read_text()

    shutil.rmtree(next((lodo.store / "estimate").glob("*/estimate.json")).parent)
    again = sweep(*options, out=out)
    assert "computed 1 estimates, in" in again.stdout
    pd.testing.assert_frame_equal(
        pd.read_parquet(out / "sweep.parquet").drop(columns="seconds"), rows.drop(columns="seconds")
    )
    # A run of one of its points finds everything.
    ordinary = ("--task", "opt-equal/places", "--seeds", "2", "--runs", "2", "--method", "graddot")
    assert "computed nothing" in lodo.run(*ordinary, out=tmp_path / "run", settings={"task.examples": 4}).stdout
    assert "it holds a sweep" in lodo.run(*ordinary, out=out, code=2).stderr


@pytest.mark.slow
def test_all_examples_work_for_every_method_of_the_full_suite(lodo, tmp_path):
    options = ("--task", "opt-equal/places", "--seeds", "1", "--suite", "full")
    shown = lodo.run(*options, out=tmp_path / "out", settings={"task.examples": "all"}).stdout
    assert "1 run (all examples are shown, so nothing is redrawn)" in shown
    scores = pd.read_parquet(tmp_path / "out" / "scores.parquet")
    assert set(scores["run"]) == {0}
    failed = scores[scores["status"] == "failed"].groupby("method")["reason"].first()
    assert failed.empty, failed.to_dict()
    assert {"untrac-kl", "hif-arnoldi", "bm25"} <= set(scores["method"])


def refused(monkeypatch, capsys, *words):
    monkeypatch.setattr("sys.argv", ["lodo", *words])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 2
    return capsys.readouterr().err


def test_what_is_wrong_stops_before_any_work(monkeypatch, capsys, text, tmp_path):
    places = ("--store", str(tmp_path / "store"), "--data", str(text), "--out", str(tmp_path / "out"))
    assert "--over: name what is swept" in refused(monkeypatch, capsys, "sweep", *places)
    message = refused(monkeypatch, capsys, "sweep", *places, "--over", "task.examples=0,3", "--method", "graddot")
    assert "--set examples: Value error, '0' is neither a number of examples above 0 nor 'all'" in message
    assert "text from --data" in refused(monkeypatch, capsys, "run", *places, "--text-seed", "3")
