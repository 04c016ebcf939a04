"""Chains: what runs when, what becomes of failures, and that a killed process loses no more than its own job."""

import json
import subprocess
import sys
from contextlib import nullcontext
from pathlib import Path

import pytest

from lodo.benchmark.jobs import Work
from lodo.benchmark.kinds import KINDS
from lodo.benchmark.kinds.kind import FAILURE
from lodo.benchmark.scheduler import Chain, RunError, _hear, _Running, _State, fail, intact
from lodo.benchmark.store import Job, Store
from lodo.tasks.errors import InputError


def work(name, kind="estimate", method=True, needs=(), cost=1.0):
    return Work(Job(kind, {"name": name}), name, needs=tuple(needs), cost=cost, method=method)


class Quiet:
    def __init__(self):
        self.notes, self.left = [], []

    def begun(self, chain):
        pass

    def progress(self, chain, part):
        self.part = part

    def ended(self, chain, left=0.0):
        self.left.append(left)

    def note(self, text):
        self.notes.append(text)


class Process:
    """A worker that has said its words and ended."""

    def __init__(self, exitcode):
        self.exitcode = exitcode

    def is_alive(self):
        return False

    def join(self, timeout):
        pass


class Pipe:
    def __init__(self, words):
        self.words = list(words)

    def poll(self):
        if not self.words:
            raise EOFError
        return True

    def recv(self):
        return self.words.pop(0)

    def close(self):
        pass


@pytest.fixture
def hear(tmp_path):
    """A function that lets a chain's worker say words and end; gives the store, the state and the listener."""

    def run(chain, *words, exitcode=0, producers=None):
        store, listener = Store(tmp_path), Quiet()
        item = _Running(chain, Process(exitcode), Pipe(words), 0.0)
        state = _State([], running=[item])
        _hear(store, state, item, producers or {}, listener)
        assert item not in state.running
        return store, state, listener

    return run


A, B, C = work("a"), work("b"), work("c", cost=2.0)


def test_a_killed_run_is_recorded_and_the_runs_after_it_go_on(hear):
    store, state, listener = hear(Chain((A, B, C)), ("computed", A.job.key), exitcode=-9)
    assert not store.has(A.job)
    assert "most likely out of memory" in FAILURE.read(store.open(B.job)).cause
    assert [[each.label for each in chain.works] for chain in state.waiting] == [["c"]]
    assert listener.left == [2.0]
    assert state.computed == [A.job.key]


def test_what_fails_in_a_chain_of_no_method_stops_the_run(hear):
    chain = Chain((work("t", "training", method=False),))
    with pytest.raises(RunError, match="t: diverged"):
        hear(chain, ("TrainingDiverged", "diverged"))
    with pytest.raises(InputError, match="bad text"):
        hear(chain, ("InputError", "bad text"))


def test_a_chain_that_another_run_holds_is_tried_later(hear):
    chain = Chain((A, B))
    _, state, _ = hear(chain, ("busy", None))
    assert state.waiting == [chain]
    assert chain in state.later


def test_a_damaged_need_is_made_again_before_the_chain_that_found_it(hear):
    made = Chain((work("t", "training", method=False),))
    chain = Chain((work("a", needs=[made.works[0].job.key]), B))
    _, state, listener = hear(chain, ("DamagedEntry", "rot"), producers={made.works[0].job.key: made})
    assert state.waiting == [made, chain]
    assert listener.notes == ["rot: doing it again"]


def test_damage_is_not_mended_for_ever(hear, tmp_path):
    chain = Chain((work("t", "training", method=False),))
    store, listener = Store(tmp_path), Quiet()
    state = _State([], retried={chain: 2})
    item = _Running(chain, Process(0), Pipe([("DamagedEntry", "rot")]), 0.0)
    state.running.append(item)
    with pytest.raises(RunError, match="rot"):
        _hear(store, state, item, {}, listener)


def test_needs_are_what_a_chain_does_not_make_itself():
    first = work("first", needs=["text"])
    assert Chain((first, work("second", needs=["text", first.job.key]))).needs == {"text"}
    assert Chain((A, C)).cost == 3.0


@pytest.mark.parametrize(("kind", "noticed"), [("evaluation", True), ("estimate", True), ("training", False)])
def test_small_entries_are_checked_at_the_start_and_large_ones_where_they_are_read(tmp_path, kind, noticed):
    store, done = Store(tmp_path), work("x", kind)
    assert not intact(store, Chain((done,)))
    with store.claim(done.job) as folder:
        (folder / "file").write_text("content")
        store.commit(done.job, folder)
    assert intact(store, Chain((done,)))
    (store.path(done.job) / "file").write_text("damage!")
    listener = Quiet()
    assert intact(store, Chain((done,)), listener) is not noticed
    assert bool(listener.notes) is noticed
    assert KINDS[kind].large is not noticed


def test_a_failure_never_replaces_a_result(tmp_path):
    store = Store(tmp_path)
    with store.claim(A.job) as folder:
        (folder / "estimate.json").write_text("{}")
        store.commit(A.job, folder)
    with nullcontext():
        fail(store, A, "too late")
    assert not FAILURE.lies_in(store.open(A.job))
    assert json.loads((Path(store.path(A.job)) / "estimate.json").read_text()) == {}


def test_workers_are_forked_from_a_process_that_has_imported_what_they_need():
    code = """
import importlib, sys, threading
from lodo.benchmark.scheduler import PRELOADED
for name in PRELOADED:
    importlib.import_module(name)
before = set(sys.modules)
from lodo.benchmark.worker import settle, spare_memory_traffic
settle(1)
spare_memory_traffic()
import torch
from lodo.tasks.architectures.opt import Opt
Opt(width=8, layers=1, heads=1, feedforward=8, positions=8).build(16, 0)
late = {name for name in set(sys.modules) - before if name.startswith(("torch.", "transformers.", "scipy."))}
print(len(late), threading.active_count(), torch.cuda.is_initialized(), sorted(late)[:10])
"""
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    late, threads, card, *names = ended.stdout.split()
    assert (late, threads, card) == ("0", "1", "False"), names


def test_an_operation_without_a_deterministic_form_is_refused():
    code = (
        "import lodo.benchmark.worker as worker, torch; worker.settle(1); print(torch.get_deterministic_debug_mode())"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert ended.stdout.split() == ["2"]  # "error", where 1 is "warn"
