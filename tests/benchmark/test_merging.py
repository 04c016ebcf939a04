"""A run into a folder that holds one loses nothing without a word; a page that is older than the last run says so."""

import json
import shutil

import pandas as pd
import pytest

from lodo.benchmark.scheduler import RunError
from lodo.benchmark.stopping import Stopped
from lodo.methods.base import METHODS
from lodo.tasks.family import FAMILIES

from .conftest import write_jsonl

ONE = ("--task", "opt-equal/places", "--seeds", "1", "--runs", "1")
FEW = (*ONE, "--method", "graddot")

METHOD = """
import dataclasses
from lodo.methods import AttributionMethod, register


@register("mine-to-merge")
@dataclasses.dataclass(frozen=True)
class Mine(AttributionMethod):
    power: float = 1.0
"""

FAMILY = """
from lodo.tasks.families.opt import SETTINGS, pretraining_task
from lodo.tasks.family import register_family


@register_family("merged-family", settings=SETTINGS)
def mine(test, scale, source, corpora, settings):
    return pretraining_task("merged-family", (2, 1), test, scale, source, corpora, settings)
"""


@pytest.fixture
def out(tmp_path):
    return tmp_path / "out"


@pytest.fixture
def own_method(monkeypatch, tmp_path):
    """A file with a method; what it registers is for one test alone."""
    METHODS.names()
    monkeypatch.setattr(METHODS, "_items", dict(METHODS._items))
    file = tmp_path / "mine_to_merge.py"
    file.write_text(METHOD)
    return file


def methods_of(out):
    return set(pd.read_parquet(out / "attempts.parquet").method) - {"random", "dataset-size", "retraining"}


def state_of(out):
    return json.loads((out / "run.json").read_text())


def test_methods_tasks_seeds_and_runs_are_united_in_tables_page_and_plan(run, out):
    run(*FEW, out=out)
    options = ("--task", "opt-different/places", "--seeds", "2", "--runs", "2", "--method", "gradcos")
    said = run(*options, out=out).out
    assert "which has beside what is asked for: methods graddot; tasks opt-equal/places\n" in said
    assert "2 tasks, 4 methods, 2 seeds, 2 runs" in said
    attempts = pd.read_parquet(out / "attempts.parquet").query("method != 'retraining'")
    assert len(attempts) == 2 * 4 * 2 * 2
    assert methods_of(out) == {"graddot", "gradcos"}
    assert "gradcos graddot" in (out / "index.html").read_text()


def test_seeds_and_runs_of_the_earlier_run_are_kept_and_said(run, out):
    run("--task", "opt-equal/places", "--seeds", "2", "--runs", "2", "--method", "graddot", out=out)
    assert "beside what is asked for: 2 seeds; 2 runs\n" in run(*FEW, out=out).out
    assert pd.read_parquet(out / "attempts.parquet").groupby("method").size()["graddot"] == 4


def test_the_values_of_an_earlier_method_are_kept(run, out):
    run(*ONE, "--method", "untrac", out=out, settings={"untrac.lr": 0.25})
    run(*FEW, out=out, settings={})
    values = pd.read_parquet(out / "attempts.parquet").query("method == 'untrac'").hyperparameters
    assert json.loads(values.iloc[0])["lr"] == 0.25


def test_a_merged_run_computes_what_is_new_alone(run, made_up, out):
    run(*FEW, out=out)
    made_up.did.clear()
    run(*ONE, "--method", "gradcos", out=out)
    assert {label.partition(" ")[0] for label in made_up.did} == {"gradcos"}


def test_the_same_again_says_nothing_of_merging(run, out):
    run(*FEW, out=out)
    assert "merged" not in run(*FEW, out=out).out


def test_a_dry_run_shows_the_union_and_writes_nothing(run, out):
    run(*FEW, out=out)
    before = state_of(out)
    assert "4 methods" in run(*ONE, "--method", "gradcos", "--dry-run", out=out).out
    assert state_of(out) == before


def test_replace_puts_the_new_run_in_the_place_of_the_old(run, out):
    run(*FEW, out=out)
    assert "merged" not in run(*ONE, "--method", "gradcos", "--replace", out=out).out
    assert methods_of(out) == {"gradcos"}


@pytest.mark.parametrize(
    ("options", "settings", "sentence"),
    [
        (("--definition", "all-examples"), {}, "definition fixed-steps, now all-examples; name another folder"),
        (("--threads", "2"), {}, "threads 1, now 2; name another folder"),
        ((), {"recipe.steps": 20}, "--set recipe.steps=30, now 20; name another folder"),
        ((), {"recipe.lr": 0.1}, "--set recipe.lr not set, now 0.1; name another folder"),
    ],
)
def test_what_cannot_be_in_one_table_is_refused_in_one_sentence(run, made_up, out, options, settings, sentence):
    run(*FEW, out=out)
    before, page = state_of(out), (out / "index.html").read_bytes()
    said = run(*ONE, "--method", "gradcos", *options, out=out, settings=settings, code=2)
    assert len(said.err.splitlines()) == 1
    assert sentence in said.err
    assert f"take that run's options with --config {out}/run.toml, or give --replace" in said.err
    assert state_of(out) == before
    assert (out / "index.html").read_bytes() == page
    run(*ONE, "--method", "gradcos", *options, "--replace", out=out, settings=settings)


def test_other_values_of_a_method_are_refused(run, out):
    run(*ONE, "--method", "untrac", out=out, settings={"untrac.lr": 0.25})
    said = run(*ONE, "--method", "untrac", out=out, settings={"untrac.lr": 0.5}, code=2)
    assert "method 'untrac' with lr=0.25, now 0.5" in said.err


def test_other_text_is_refused(run, out, text):
    run(*FEW, out=out)
    write_jsonl(text / "corpora/sky.jsonl", [{"text": "another cloud " * 40}] * 40)
    assert "its text differs" in run(*FEW, out=out, code=2).err


def test_a_method_from_a_file_comes_along(run, own_method, out):
    run(*ONE, "--method", f"{own_method}:Mine", out=out, settings={"mine-to-merge.power": 3.0})
    run(*FEW, out=out)
    assert methods_of(out) == {"mine-to-merge", "graddot"}


def test_a_method_whose_file_is_gone_is_named_with_the_cure(run, own_method, out):
    run(*ONE, "--method", f"{own_method}:Mine", out=out)
    own_method.unlink()
    said = run(*FEW, out=out, code=2)
    assert len(said.err.splitlines()) == 1
    assert f"its method 'mine-to-merge' came from {own_method}:Mine, which is no longer there" in said.err
    assert "--replace" in said.err
    run(*FEW, "--replace", out=out)


def test_a_method_that_no_longer_takes_its_values_is_named_with_the_cure(run, own_method, out):
    run(*ONE, "--method", f"{own_method}:Mine", out=out)
    own_method.write_text(METHOD.replace("power", "strength"))
    said = run(*FEW, out=out, code=2)
    assert "its method 'mine-to-merge' cannot be had any more (" in said.err
    assert "--replace" in said.err


def test_a_family_from_a_file_comes_along_or_is_named(run, monkeypatch, tmp_path, out):
    FAMILIES.names()
    monkeypatch.setattr(FAMILIES, "_items", dict(FAMILIES._items))
    file = tmp_path / "merged_family.py"
    file.write_text(FAMILY)
    run("--task", f"{file}:mine", *FEW[2:], out=out)
    monkeypatch.setattr(FAMILIES, "_items", {k: v for k, v in FAMILIES._items.items() if k != "merged-family"})
    run(*FEW, out=out)
    assert set(pd.read_parquet(out / "ground_truth.parquet").task) == {"opt-equal/places", "merged-family/places"}
    file.unlink()
    said = run(*FEW, out=out, code=2)
    assert f"its task family 'merged-family' came from {file}:mine, which is no longer there" in said.err


def test_a_family_that_builds_another_task_now_is_refused(run, monkeypatch, tmp_path, out):
    FAMILIES.names()
    monkeypatch.setattr(FAMILIES, "_items", dict(FAMILIES._items))
    file = tmp_path / "merged_family.py"
    file.write_text(FAMILY)
    run("--task", f"{file}:mine", *FEW[2:], out=out)
    file.write_text(FAMILY.replace("(2, 1)", "(3, 1)"))
    said = run("--task", f"{file}:mine", *ONE[2:], "--method", "gradcos", out=out, code=2)
    assert "merged-family/places" in said.err


def test_memory_checks_of_the_earlier_run_are_kept_and_said(run, out):
    run(*FEW, out=out)
    before = pd.read_parquet(out / "forgetting.parquet")
    assert "beside what is asked for: memory checks\n" in run(*FEW, "--no-memory-checks", out=out).out
    pd.testing.assert_frame_equal(before, pd.read_parquet(out / "forgetting.parquet"))


def test_a_sweeps_folder_takes_no_run_whatever_is_given(run, command, lodo, out):
    words = lodo.words(*FEW, out=out)[3:]
    assert command("sweep", "--over", "task.examples=4,8", *words[1:]).code == 0
    assert "it holds a sweep; name another folder" in run(*FEW, "--replace", out=out, code=2).err


def test_a_record_of_another_version_says_so_and_can_be_replaced(run, out):
    out.mkdir()
    (out / "run.json").write_text('{"scale": "mini", "keys": []}')
    said = run(*FEW, out=out, code=2)
    assert "it was written by another version of lodo" in said.err
    run(*FEW, "--replace", out=out)


def interrupted(run, made_up, out, options, error=None):
    """A run into a folder that ends before its first estimate; what it says."""
    made_up.ends = error or Stopped()
    said = run(*options, out=out, code=1 if error else 130)
    made_up.ends = None
    return said


def test_an_interrupted_run_leaves_the_page_with_a_line_that_says_so(run, made_up, out):
    run(*FEW, out=out)
    interrupted(run, made_up, out, (*ONE, "--method", "gradcos"))
    page = (out / "index.html").read_text()
    assert page.count('<p role="alert">') == 1
    pages = [*out.rglob("*.html")]
    assert len(pages) == 2
    assert all('<p role="alert">' in each.read_text() for each in pages)
    assert "A later one into the same folder was begun at" in page
    assert "graddot" in page
    interrupted(run, made_up, out, (*ONE, "--method", "gradcos"))
    assert (out / "index.html").read_text().count('<p role="alert">') == 1
    run(*ONE, "--method", "gradcos", out=out)
    assert not [each for each in out.rglob("*.html") if "alert" in each.read_text()]


@pytest.mark.parametrize("error", [None, RunError("training: diverged")])
def test_the_end_message_says_that_the_page_is_the_earlier_runs(run, made_up, out, error):
    run(*FEW, out=out)
    said = interrupted(run, made_up, out, (*ONE, "--method", "gradcos"), error)
    at = state_of(out)["finished"]["at"]
    assert said.err.strip().endswith(f"; tables and page in {out} are still those of the run finished at {at}")


def test_the_end_message_of_a_first_run_says_nothing_of_pages(run, made_up, out):
    said = interrupted(run, made_up, out, FEW)
    assert said.err == "stopped; what was finished is kept: the same command goes on from there\n"


def test_status_says_that_page_and_tables_are_stale(run, command, made_up, out):
    run(*FEW, out=out)
    assert "stale" not in command("status", out).out
    interrupted(run, made_up, out, (*ONE, "--method", "gradcos"))
    said = command("status", out).out
    assert "page and tables are stale: they are of the earlier run, finished at" in said
    count = len(state_of(out)["started"]["keys"])
    assert f"{out}: {count - 2} of {count} jobs done" in said
    run(*ONE, "--method", "gradcos", out=out)
    assert "stale" not in command("status", out).out


def test_status_says_that_a_first_run_is_not_finished(run, command, made_up, out):
    interrupted(run, made_up, out, FEW)
    assert "is not finished, the same command goes on with it" in command("status", out).out


def test_what_an_interrupted_run_began_is_not_forced_on_the_next_and_named(run, made_up, out):
    run(*FEW, out=out)
    interrupted(run, made_up, out, (*ONE, "--method", "untrac"))
    said = run(*ONE, "--method", "gradcos", out=out).out
    assert "not taken up again from an unfinished run: methods untrac" in said
    assert methods_of(out) == {"graddot", "gradcos"}


def test_a_page_written_again_from_stale_tables_says_so(run, command, made_up, out, tmp_path):
    run(*FEW, out=out)
    interrupted(run, made_up, out, (*ONE, "--method", "gradcos"))
    assert command("report", out, "--out", tmp_path / "site").code == 0
    assert '<p role="alert">' in (tmp_path / "site" / "index.html").read_text()
    run(*ONE, "--method", "gradcos", out=out)
    shutil.rmtree(tmp_path / "site")
    command("report", out, "--out", tmp_path / "site")
    assert '<p role="alert">' not in (tmp_path / "site" / "index.html").read_text()
