"""The whole pipeline on tiny text: resumption, sharing, reproducibility, and what a rerun costs."""

import json
import os
import random
import re
import shutil
import signal
import subprocess
import time

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from .conftest import table_bytes

FAST = ("--task", "opt-equal/places", "--seeds", "2", "--runs", "2", "--method", "graddot", "--method", "untrac")


@pytest.mark.slow
def test_a_run_from_text_to_page_and_again(lodo, tmp_path):
    out = tmp_path / "out"
    first = lodo.run(*FAST, out=out)
    assert "10 trainings" in first.stdout
    assert (out / "index.html").read_text().startswith("<!")
    tables = {
        name: pd.read_parquet(out / f"{name}.parquet") for name in ("ground_truth", "estimates", "scores", "attempts")
    }
    truth, estimates = tables["ground_truth"], tables["estimates"]
    assert len(truth) == 2 * 4 * 2
    np.testing.assert_allclose(truth.influence, truth.counterfactual_loss - truth.base_loss)
    assert set(tables["scores"].method) == {"graddot", "untrac", "random", "dataset-size", "retraining"}

    # Scores recomputed from the stored estimates and truth.
    by_seed = truth.set_index(["seed", "dataset", "subset"]).influence
    checked = 0
    for row in tables["scores"].query("question == 'as_in_paper' and status == 'ok'").itertuples():
        mine = estimates.query(
            "method == @row.method and seed == @row.seed and run == @row.run and subset == @row.subset"
        )
        mine = mine[mine.step.isna() | (mine.step == mine.step.max())].set_index("dataset").influence
        # Of two seeds each is the other's truth.
        seed = row.seed if row.truth == "own" else 1 - row.seed
        other = by_seed[seed].xs(row.subset, level="subset").loc[mine.index]
        assert row.pearson == pytest.approx(stats.pearsonr(mine, other).statistic)
        assert row.spearman == pytest.approx(stats.spearmanr(mine, other).statistic)
        checked += 1
    # Two readings of the truth, two seeds, two subsets: two runs of three methods, one of the true retraining.
    assert checked == 2 * 2 * 2 * (3 * 2 + 1)
    costs = tables["attempts"].set_index(["method", "seed", "run"])
    assert set(costs.status) == {"ok"}
    # As many steps without each of the four datasets as with all.
    assert costs.loc[("retraining", 0, 0), "training_equivalents"] == 4
    assert costs.loc[("retraining", 0, 0), "seconds"] > 0

    again = lodo.run(*FAST, out=out)
    assert "computed nothing" in again.stdout
    more = lodo.run(*FAST, "--add-method", "gradcos", out=out)
    assert "computed 4 estimates, 2 memory checks of methods, in" in more.stdout
    before = table_bytes(out)
    elsewhere = lodo.run(
        *FAST,
        "--add-method",
        "gradcos",
        out=tmp_path / "out2",
        store=tmp_path / "store2",
    )
    assert "10 trainings" in elsewhere.stdout
    assert table_bytes(tmp_path / "out2") == before

    # The other task on the same text and mixture shares every training.
    report = subprocess.run(
        [*lodo.words(out=out)[:3], "report", str(out), "--out", str(tmp_path / "site")], capture_output=True, text=True
    )
    assert report.returncode == 0, report.stderr
    assert (tmp_path / "site" / "index.html").exists()


@pytest.mark.slow
def test_killed_at_twenty_random_moments_the_tables_are_the_same(lodo, tmp_path):
    settings = {"recipe.steps": 1000}
    options = (*FAST, "--method", "tracin")
    lodo.run(*options, out=tmp_path / "calm", settings=settings)
    words = lodo.words(*options, out=tmp_path / "hunted", store=tmp_path / "store2", settings=settings)
    rng = random.Random(20)
    kills = 0
    while kills < 20:
        process = subprocess.Popen(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            process.wait(timeout=rng.uniform(0.5, 9))
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            process.wait()
        kills += 1
    lodo.run(*options, out=tmp_path / "hunted", store=tmp_path / "store2", settings=settings)
    assert table_bytes(tmp_path / "hunted") == table_bytes(tmp_path / "calm")


@pytest.mark.slow
def test_ctrl_c_says_what_is_kept_and_nothing_else(lodo, tmp_path):
    words = lodo.words(*FAST, out=tmp_path / "out", settings={"recipe.steps": 100_000})
    process = subprocess.Popen(
        words, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    until, store = time.monotonic() + 120, tmp_path / "store"
    while time.monotonic() < until and not (list(store.glob("prepared/*")) and list(store.glob("partial/*"))):
        time.sleep(0.2)  # until a training has begun
    time.sleep(2)
    os.killpg(process.pid, signal.SIGINT)  # as a terminal does
    said = process.communicate(timeout=60)[1]
    assert said == "stopped; what was finished is kept: the same command goes on from there\n"
    assert process.returncode == 130


@pytest.mark.slow
def test_two_at_once_on_one_store_train_nothing_twice(lodo, tmp_path):
    processes = [
        subprocess.Popen(lodo.words(*FAST, out=tmp_path / name), stdout=subprocess.PIPE, text=True)
        for name in ("one", "two")
    ]
    outputs = [process.communicate(timeout=600)[0] for process in processes]
    assert [process.returncode for process in processes] == [0, 0], outputs
    counts = []
    for output in outputs:
        line = next(line for line in output.splitlines() if line.startswith("computed"))
        counts.append(int(line.split(" trainings")[0].split()[-1]) if "trainings" in line else 0)
    assert sum(counts) == 10
    assert table_bytes(tmp_path / "one") == table_bytes(tmp_path / "two")


@pytest.mark.slow
def test_damage_in_the_store_is_noticed_redone_and_reported(lodo, tmp_path):
    out = tmp_path / "out"
    lodo.run(*FAST, out=out)
    before = table_bytes(out)
    loss = next((lodo.store / "evaluation").glob("*/loss.json"))
    loss.write_text(json.dumps({"loss": 0.0}))
    base = next(path for path in (lodo.store / "training").glob("*") if len(list(path.glob("step-*"))) > 1)
    (base / "step-30.safetensors").write_bytes(b"rot")
    next((lodo.store / "estimate").glob("*/estimate.json")).unlink()
    again = lodo.run(*FAST, "--add-method", "gradcos", out=out)
    assert "is damaged" in again.stdout
    assert "1 trainings" in again.stdout
    lodo.run(*FAST, "--replace", out=out)
    assert table_bytes(out) == before


BAD_METHODS = """
import dataclasses, os, pathlib, time
import numpy as np
from lodo.methods import Attribution, AttributionMethod, register


def method(name, answer):
    @register(name)
    @dataclasses.dataclass(frozen=True)
    class Method(AttributionMethod):
        def attribute(self, trained):
            return answer(trained)
    return Method


def shape(trained):
    return len(trained.datasets), len(trained.subsets)


Wrong = method("wrong-shape", lambda t: Attribution.of(t, np.zeros((2, 2, 2))))
Nan = method("nan", lambda t: Attribution.of(t, np.full(shape(t), np.nan)))
Labels = method("labels", lambda t: Attribution(np.zeros(shape(t)), tuple("abcd"), tuple(t.subsets)))
Raises = method("raises", lambda t: 1 / 0)
Memory = method("memory", lambda t: np.ones(10**15))
Killed = method("killed", lambda t: os.kill(os.getpid(), 9))
Slow = method("slow", lambda t: time.sleep(600))
Flat = method("flat", lambda t: Attribution.of(t, np.ones(shape(t))))
Global = method("global", lambda t: Attribution.of(t, np.random.normal(size=shape(t))))


def now_and_then(trained):
    calls = pathlib.Path(__file__).with_name("calls")
    with calls.open("a") as file:
        file.write("x")
    if calls.stat().st_size == 2:
        os.kill(os.getpid(), 9)
    return Attribution.of(trained, np.random.normal(size=shape(trained)))


Sometimes = method("sometimes", now_and_then)
"""


@pytest.mark.slow
def test_a_run_that_kills_its_process_takes_no_other_run_with_it(lodo, tmp_path):
    file = tmp_path / "bad.py"
    file.write_text(BAD_METHODS)
    options = ("--task", "opt-equal/places", "--seeds", "1", "--runs", "4", "--method")
    process = lodo.run(*options, f"{file}:Sometimes", out=tmp_path / "out")
    assert "run 1 failed" in process.stdout + process.stderr
    attempts = pd.read_parquet(tmp_path / "out" / "attempts.parquet").query("method == 'sometimes'")
    assert attempts.set_index("run").status.to_dict() == {0: "ok", 1: "failed", 2: "ok", 3: "ok"}


@pytest.mark.slow
def test_global_generators_are_seeded_by_the_run_and_not_by_what_ran_before(lodo, tmp_path):
    file = tmp_path / "bad.py"
    file.write_text(BAD_METHODS)
    options = ("--task", "opt-equal/places", "--seeds", "1", "--method", f"{file}:Global")
    lodo.run(*options, "--runs", "2", out=tmp_path / "one")
    for folder in (lodo.store / "estimate").glob("*"):
        shutil.rmtree(folder)
    lodo.run(*options, "--runs", "1", out=tmp_path / "two")
    lodo.run(*options, "--runs", "2", out=tmp_path / "two")
    first, second = (pd.read_parquet(tmp_path / name / "estimates.parquet") for name in ("one", "two"))
    pd.testing.assert_frame_equal(first, second)
    mine = first.query("method == 'global'").pivot_table("influence", ["dataset", "subset"], "run")
    assert not np.isclose(mine[0], mine[1]).any()


@pytest.mark.slow
def test_a_method_that_fails_is_a_row_with_its_cause(lodo, tmp_path):
    file = tmp_path / "bad.py"
    file.write_text(BAD_METHODS)
    names = ("Wrong", "Nan", "Labels", "Raises", "Memory", "Killed", "Slow", "Flat")
    added = [part for name in names for part in ("--add-method", f"{file}:{name}")]
    options = ("--task", "opt-equal/places", "--seeds", "1", "--runs", "1", "--method", "graddot", *added)
    shown = lodo.run(*options, "--timeout", "8", out=tmp_path / "out").stdout
    scores = pd.read_parquet(tmp_path / "out" / "scores.parquet").query("truth == 'own'")
    attempts = pd.read_parquet(tmp_path / "out" / "attempts.parquet").set_index("method")
    for name, cause in {
        "wrong-shape": "wrong shape",
        "nan": "8 of 8 influences are not finite",
        "labels": "wrong labels",
        "raises": "ZeroDivisionError",
        "memory": "out of memory",
        "killed": "out of memory",
        "slow": "time-out: not done after 8 seconds",
    }.items():
        assert cause in attempts.cause[name], (name, attempts.cause[name])
        assert attempts.status[name] == "failed"
        assert np.isnan(attempts.training_equivalents[name])
        assert name not in set(scores.method)
        assert re.search(rf"^{name} +failed$", shown, re.M), shown
    assert re.search(r"^flat +undefined$", shown, re.M)
    assert set(scores[scores.method == "flat"].status) == {"undefined"}
    assert set(scores[scores.method == "graddot"].status) == {"ok"}
    page = (tmp_path / "out" / "index.html").read_text()
    assert "ZeroDivisionError" in page


@pytest.mark.slow
def test_a_diverged_training_stops_the_run_with_its_seed_and_step(lodo, tmp_path):
    process = lodo.run(
        *FAST,
        out=tmp_path / "out",
        code=1,
        settings={"recipe.lr": 1e30, "recipe.optimizer": "sgd", "recipe.clip": "none"},
    )
    assert "seed 0 diverged at step" in process.stderr
    assert "Traceback" not in process.stderr


@pytest.mark.slow
def test_definitions_share_the_base_training(lodo, tmp_path):
    lodo.run(*FAST, out=tmp_path / "out")
    begun = time.monotonic()
    other = lodo.run(*FAST, "--definition", "all-examples", out=tmp_path / "out2")
    assert "8 trainings" in other.stdout, time.monotonic() - begun
    trainings = pd.read_parquet(tmp_path / "out2" / "trainings.parquet")
    assert set(trainings[trainings.left_out.notna()].steps) == {22}
