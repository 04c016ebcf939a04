"""What `lodo status` says of a store and its runs; it removes nothing that a known run uses, and nothing unasked."""

import json
import shutil

import pytest

from lodo.benchmark import status
from lodo.benchmark.stopping import Stopped
from lodo.benchmark.store import Store

ONE = ("--task", "opt-equal/places", "--seeds", "1", "--runs", "1")
FEW = (*ONE, "--method", "graddot")
OTHER = {"recipe.steps": 20, "recipe.warmup": 1}


@pytest.fixture
def out(run, tmp_path):
    """The out folder of a finished run."""
    run(*FEW, out=tmp_path / "out")
    return tmp_path / "out"


@pytest.fixture
def answered(monkeypatch):
    """A function that puts a person with an answer before the terminal; it gives the questions."""

    def answer(yes):
        asked = []
        monkeypatch.setattr(status, "somebody_to_ask", lambda: True)
        monkeypatch.setattr("typer.confirm", lambda question, **_: asked.append(question) or yes)
        return asked

    return answer


def keys(lodo):
    return {folder.name for _, folder, _ in Store(lodo.store).entries()}


def test_pruning_spares_what_other_known_runs_use(run, command, lodo, out, tmp_path):
    run(*FEW, out=tmp_path / "other", settings=OTHER)
    before = keys(lodo)
    said = command("status", out, "--prune", "--yes")
    assert f"run in {tmp_path / 'other'}: its " in said.out
    assert "nothing to remove: known runs use all that is there" in said.out
    assert keys(lodo) == before


def test_pruning_spares_a_run_that_is_not_finished(run, command, made_up, lodo, out, tmp_path):
    made_up.ends = Stopped()
    run(*FEW, out=tmp_path / "other", settings=OTHER, code=130)
    before = keys(lodo)
    command("status", out, "--prune", "--yes")
    assert keys(lodo) == before


def test_a_run_whose_folder_is_gone_protects_nothing_and_is_listed(run, command, made_up, lodo, out, tmp_path):
    first = keys(lodo)
    run(*FEW, out=tmp_path / "other", settings=OTHER)
    shutil.rmtree(tmp_path / "other")
    said = command("status", out, "--prune", "--yes")
    assert f"run in {tmp_path / 'other'}: the folder is gone, so nothing is kept for it" in said.out
    assert keys(lodo) == first
    made_up.did.clear()
    run(*FEW, out=out)
    assert not made_up.did


def test_pruning_says_what_by_kind_and_how_much_before_it_asks(run, command, lodo, out, tmp_path, answered):
    first = keys(lodo)
    run(*FEW, out=tmp_path / "other", settings=OTHER)
    shutil.rmtree(tmp_path / "other")
    before, asked = keys(lodo), answered(False)
    count = len(before - first)
    said = command("status", out, "--prune")
    shown = said.out[said.out.index("would be removed") :]
    assert [line.split()[:2] for line in shown.splitlines()[1:4]] == [
        ["estimates", "3"],
        ["evaluations", "12"],
        ["memory", "checks"],
    ]
    (total,) = [line.split(maxsplit=2)[2] for line in shown.splitlines() if line.startswith("all ")]
    assert total.endswith(" KiB")
    assert asked == [f"remove {count} entries, {total}?"]
    assert shown.splitlines()[-1] == "nothing was removed"
    assert keys(lodo) == before
    answered(True)
    assert command("status", out, "--prune").out.splitlines()[-1] == f"removed {count} entries, {total}"
    assert keys(lodo) == first


def test_without_a_person_and_without_yes_nothing_is_removed(run, command, lodo, out, tmp_path):
    run(*FEW, out=tmp_path / "other", settings=OTHER)
    shutil.rmtree(tmp_path / "other")
    before = keys(lodo)
    said = command("status", out, "--prune")
    assert said.code == 2
    assert said.err == "error --prune: it asks before it removes, and here is nobody to ask; give --yes\n"
    assert keys(lodo) == before


def test_pruning_takes_unfinished_work_that_nobody_uses(command, lodo, out):
    (lodo.store / "partial" / "abandoned").mkdir()
    (lodo.store / "partial" / "abandoned" / "step-3").write_bytes(b"x" * 2**20)
    said = command("status", out, "--prune", "--yes").out
    assert "unfinished work         1  1.0 MiB" in said
    assert not (lodo.store / "partial" / "abandoned").exists()


def test_a_moved_folder_is_spared_where_it_is_named(command, lodo, out, tmp_path):
    out.rename(tmp_path / "moved")
    before = keys(lodo)
    said = command("status", tmp_path / "moved", "--prune", "--yes").out
    assert f"run in {out}: the folder is gone" in said
    assert keys(lodo) == before
    assert "the folder is gone" in command("status", tmp_path / "moved", "--prune", "--yes").out


def test_pruning_needs_a_run(command):
    assert "--prune: name the out directory whose work is to be kept" in command("status", "--prune", "--yes").err


def test_a_sweep_is_a_known_run_too(command, lodo, made_up, out, tmp_path):
    words = [*lodo.words(*FEW, out=tmp_path / "sweep")[4:], "--over", "task.examples=4,6"]
    assert command("sweep", *words).code == 0
    before = keys(lodo)
    command("status", out, "--prune", "--yes")
    assert keys(lodo) == before


@pytest.fixture
def elsewhere(monkeypatch, tmp_path):
    """Another store, which $LODO_HOME names."""
    monkeypatch.setenv("LODO_HOME", str(tmp_path / "elsewhere"))
    return tmp_path / "elsewhere"


def test_status_looks_where_the_runs_work_lies_and_says_where_home_is(command, lodo, out, elsewhere):
    said = command("status", out).out
    assert f"store {lodo.store}, where the work of {out} lies, not $LODO_HOME, which is {elsewhere}\n" in said
    assert f"store: {lodo.store}\n" in said


def test_status_says_that_a_named_store_is_not_the_runs(command, lodo, out, tmp_path):
    said = command("status", out, "--store", tmp_path / "third").out
    assert f"store {tmp_path / 'third'} (--store), not {lodo.store}, where the work of {out} lies\n" in said
    assert "where the work" not in command("status", out, "--store", lodo.store).out


def test_status_says_that_the_runs_store_is_gone(command, lodo, out, elsewhere):
    shutil.rmtree(lodo.store)
    said = command("status", out).out
    assert f"store {elsewhere}, since {lodo.store}, where the work of {out} lay, is no longer there\n" in said
    assert not lodo.store.exists()


def test_status_says_nothing_of_stores_that_agree(command, lodo, out, monkeypatch):
    monkeypatch.setenv("LODO_HOME", str(lodo.store))
    assert "where the work" not in command("status", out).out


def test_a_run_says_that_it_uses_another_store_than_its_folders(run, lodo, out, tmp_path):
    said = run(*FEW, out=out, store=tmp_path / "third").out
    line = f"store {tmp_path / 'third'} is used, not {lodo.store}, where the work of {out} lies: what only that one has"
    assert line in said
    assert "is used, not" not in run(*FEW, out=out, store=tmp_path / "third").out


def test_status_answers_in_json_alone(command, lodo, out):
    said = command("status", out, "--json")
    content = json.loads(said.out)
    assert content["store"] == str(lodo.store)
    assert content["entries"]["training"]["entries"] == 5
    run = content["run"]
    assert (run["done"], run["jobs"], run["stale"]) == (run["jobs"], 30, False)
    assert run["page"] == str(out / "index.html")
    assert "in the store" in said.err
