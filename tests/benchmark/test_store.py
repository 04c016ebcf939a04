"""The store: whole or absent, damage noticed, one worker at a time."""

import json
import os
import subprocess
import sys

import pytest

from lodo.benchmark.store import SEAL, DamagedEntry, Job, Store

JOB = Job("training", {"seed": 0, "left_out": None})


def put(store, job=JOB, text="content"):
    with store.claim(job) as partial:
        (partial / "file.txt").write_text(text)
        return store.commit(job, partial)


def test_equal_specs_have_equal_keys_whatever_their_order():
    assert JOB.key == Job("training", {"left_out": None, "seed": 0}).key
    assert JOB.key != Job("training", {"left_out": None, "seed": 1}).key
    assert JOB.key != Job("evaluation", {"left_out": None, "seed": 0}).key


def test_an_entry_is_absent_until_committed(tmp_path):
    store = Store(tmp_path)
    with store.claim(JOB) as partial:
        (partial / "file.txt").write_text("half")
        assert not store.has(JOB)
    with pytest.raises(KeyError):
        store.open(JOB)
    with store.claim(JOB) as partial:
        assert (partial / "file.txt").read_text() == "half", "an interrupted attempt's files are offered again"
        store.commit(JOB, partial)
    assert (store.open(JOB) / "file.txt").read_text() == "half"


@pytest.mark.parametrize("damage", ["change", "remove", "seal"])
def test_damage_is_noticed_and_moved_away(tmp_path, damage):
    store = Store(tmp_path)
    folder = put(store)
    if damage == "change":
        (folder / "file.txt").write_text("Content")
    elif damage == "remove":
        (folder / "file.txt").unlink()
    else:
        (folder / SEAL).write_text("{")
    with pytest.raises(DamagedEntry, match="training"):
        store.open(JOB)
    assert not store.has(JOB)
    put(store)
    assert store.open(JOB)


HOLD = """
import sys, time
from pathlib import Path
from lodo.benchmark.store import Job, Store
with Store(Path(sys.argv[1])).claim(Job("training", {"seed": 0, "left_out": None})) as partial:
    print("ready", flush=True)
    time.sleep(600)
"""


def test_a_claim_excludes_others_and_dies_with_its_process(tmp_path):
    store = Store(tmp_path)
    other = subprocess.Popen([sys.executable, "-c", HOLD, str(tmp_path)], stdout=subprocess.PIPE, text=True)
    assert other.stdout.readline() == "ready\n"
    with store.claim(JOB, wait=False) as partial:
        assert partial is None
    other.kill()
    other.communicate()
    with store.claim(JOB, wait=False) as partial:
        assert partial is not None


def test_pruning_keeps_what_is_named(tmp_path):
    store = Store(tmp_path)
    other = Job("training", {"seed": 9})
    put(store)
    put(store, other)
    count, freed = store.prune(keep=frozenset({JOB.key}))
    assert count == 1
    assert freed > 0
    assert store.has(JOB)
    assert not store.has(other)


def test_a_full_disk_loses_nothing_finished(tmp_path, monkeypatch):
    store = Store(tmp_path)
    put(store)
    other = Job("training", {"seed": 1})

    def full(*args, **kwargs):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        put(store, other)
    assert store.open(JOB)
    assert not store.has(other)
    monkeypatch.undo()
    put(store, other)
    assert json.loads((store.path(other) / SEAL).read_text())["spec"] == {"seed": 1}
