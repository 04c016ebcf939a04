"""Devices: which are there, which card each worker takes, how many workers there are by themselves."""

import os
import subprocess
from types import SimpleNamespace

import pytest

from lodo.benchmark import devices
from lodo.benchmark.devices import cards_of, name_of, processor, worker_environment
from lodo.benchmark.jobs import Work
from lodo.benchmark.opening import default_jobs
from lodo.benchmark.pipeline import make_request
from lodo.benchmark.scheduler import Chain, _Running, _start, _State, free_slot
from lodo.benchmark.store import Job, Store
from lodo.tasks.errors import InputError

H100 = "NVIDIA H100 80GB HBM3"


@pytest.fixture
def two_cards(monkeypatch):
    monkeypatch.setattr(devices, "cards_here", lambda: (H100, "NVIDIA A100-SXM4-80GB"))


def test_a_cpu_has_no_cards_and_nothing_is_said_of_it():
    assert cards_of("cpu") == ()
    assert worker_environment("cpu", 1, 4, {"CUDA_VISIBLE_DEVICES": "2"}) == {}
    assert name_of("cpu", ()) == processor()


def test_cuda_is_all_cards_and_an_index_is_one(two_cards):
    assert cards_of("cuda") == (H100, "NVIDIA A100-SXM4-80GB")
    assert cards_of("cuda:1") == ("NVIDIA A100-SXM4-80GB",)
    assert name_of("cuda", (H100, H100)) == H100
    assert name_of("cuda", cards_of("cuda")) == f"{H100} and NVIDIA A100-SXM4-80GB"


@pytest.mark.parametrize("device", ["cuda:2", "cuda:", "cuda:x", "tpu", "tpu:0", "gpu"])
def test_what_is_not_there_is_refused(two_cards, device):
    with pytest.raises(InputError, match=f"--device {device}: torch finds no such device here; use --device cpu"):
        cards_of(device)


@pytest.mark.parametrize(("output", "code"), [("", 0), ("", 1), ("warning\n[]", 0)])
def test_no_card_is_found_where_torch_says_none(monkeypatch, output, code):
    monkeypatch.setattr(subprocess, "run", lambda *words, **how: SimpleNamespace(returncode=code, stdout=output))
    devices.cards_here.cache_clear()
    assert devices.cards_here() == ()
    devices.cards_here.cache_clear()


def cards_seen(workers, cards, present):
    return [worker_environment("cuda", slot, cards, present).get("CUDA_VISIBLE_DEVICES") for slot in range(workers)]


def test_each_worker_has_a_card_of_its_own_and_more_of_them_share():
    assert cards_seen(3, 3, {}) == ["0", "1", "2"]
    assert cards_seen(5, 2, {}) == ["0", "1", "0", "1", "0"]
    assert cards_seen(2, 1, {}) == [None, None]


def test_only_cards_that_the_run_was_given_are_taken():
    assert cards_seen(3, 2, {"CUDA_VISIBLE_DEVICES": "5, GPU-abc"}) == ["5", "GPU-abc", "5"]
    assert cards_seen(1, 1, {"CUDA_VISIBLE_DEVICES": "5"}) == [None]


def test_a_card_that_is_named_stays_as_torch_counts_it():
    assert "CUDA_VISIBLE_DEVICES" not in worker_environment("cuda:1", 0, 4, {})


def test_sums_on_a_card_are_repeatable_unless_the_user_chose_otherwise():
    assert worker_environment("cuda:1", 0, 1, {})["CUBLAS_WORKSPACE_CONFIG"] == ":4096:8"
    theirs = {"CUBLAS_WORKSPACE_CONFIG": ":16:8"}
    assert worker_environment("cuda", 0, 1, theirs) == theirs


def test_one_process_a_card_by_default(two_cards):
    assert default_jobs(make_request(device="cuda", threads=2)) == 2
    assert default_jobs(make_request(device="cuda:0")) == 1
    assert default_jobs(make_request(threads=2)) == max(1, os.cpu_count() // 2)


def test_no_key_depends_on_the_cards(monkeypatch):
    runtimes = []
    for cards in ((H100,), (H100, H100)):
        monkeypatch.setattr(devices, "cards_here", lambda cards=cards: cards)
        runtimes.append(make_request(device="cuda").runtime)
    assert runtimes[0] == runtimes[1]


@pytest.mark.parametrize(("taken", "free"), [([], 0), ([0], 1), ([1], 0), ([0, 2], 1), ([2, 1, 0], 3)])
def test_a_worker_takes_the_lowest_place_that_is_free(taken, free):
    assert free_slot(taken) == free


def test_a_worker_is_started_with_the_environment_of_its_place(tmp_path):
    begun = []

    class Process(SimpleNamespace):
        def start(self):
            begun.append(self.args[-1])

    pipe = SimpleNamespace(close=lambda: None)
    context = SimpleNamespace(Pipe=lambda: (pipe, pipe), Process=Process)
    chains = [Chain((Work(Job("training", {"name": name}), name),)) for name in "abc"]
    running = _Running(chains[0], None, pipe, 0.0, slot=0)
    state = _State(chains[1:], running=[running])
    listener = SimpleNamespace(begun=lambda chain: None)
    _start(Store(tmp_path), state, context, 3, 1, listener, lambda slot: {"CARD": str(slot)})
    assert begun == [{"CARD": "1"}, {"CARD": "2"}]
    assert [item.slot for item in state.running] == [0, 1, 2]
