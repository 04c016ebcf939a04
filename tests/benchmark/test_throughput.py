"""The speed of trainings: its arithmetic by hand, its place in a plan, and scale gpu on a CPU at reduced size."""

import dataclasses
import json
from io import StringIO
from types import SimpleNamespace

import pytest
import torch
from rich.console import Console

from lodo.benchmark import devices, pace
from lodo.benchmark.collect import speeds
from lodo.benchmark.display import show_speeds
from lodo.benchmark.kinds.kind import FAILURE, Failure
from lodo.benchmark.kinds.throughput import KIND, THROUGHPUT, Pace, Throughput, utilisation
from lodo.benchmark.machines import peak_of
from lodo.benchmark.pace import Block, Course, in_turn, no_trainer
from lodo.benchmark.store import Store
from lodo.benchmark.timing import OPERATIONS_PER_SECOND, expected_seconds, rough_training_seconds
from lodo.tasks.spec import Lora, Recipe

from .test_plan import EQUAL, finish, plan

H100 = "NVIDIA H100 80GB HBM3"
RECIPE = Recipe(steps=10, batch_size=4, sequence_length=16, lr=1e-3, precision="bfloat16")
FOUND = Throughput(
    device=H100,
    weights=123_000_000,
    tokens_per_step=16384.0,
    timed_steps=20,
    tokens_per_second=400_000.0,
    lodo=Pace(0.04, (0.04,), 21 * 2**30),
    mfu=0.3,
    mfu_absent="",
    trainer=Pace(0.05, (0.05,), 22 * 2**30),
    trainer_absent="",
    time_ratio=0.8,
)


def test_utilisation_is_six_operations_a_weight_and_token_over_the_peak():
    # 6 * 125e6 * 500,000 tokens/s = 3.75e14 of 9.89e14.
    assert utilisation(RECIPE, 125_000_000, 5e5, 989e12) == pytest.approx(0.37917, abs=1e-5)
    adapters = RECIPE.model_copy(update={"lora": Lora(rank=4)})
    assert utilisation(adapters, 125_000_000, 5e5, 989e12) == pytest.approx(0.37917 * 4 / 6, abs=1e-5)
    again = RECIPE.model_copy(update={"recompute": True})
    assert utilisation(again, 125_000_000, 5e5, 989e12) == utilisation(RECIPE, 125_000_000, 5e5, 989e12)


@pytest.mark.parametrize(
    ("device", "precision", "peak"),
    [
        (H100, "bfloat16", 989e12),
        (H100, "float32", 67e12),
        (H100, "float64", None),
        ("NVIDIA H100 PCIe", "bfloat16", 756e12),
        ("NVIDIA H100 NVL", "bfloat16", 835e12),
        ("NVIDIA H200", "bfloat16", 989e12),
        ("NVIDIA A100-SXM4-80GB", "bfloat16", 312e12),
        ("NVIDIA GeForce RTX 4090", "bfloat16", 165e12),
        ("NVIDIA GeForce RTX 4090 Laptop GPU", "bfloat16", None),
        ("Tesla T4", "float32", 8.1e12),
        ("Quadro T400", "bfloat16", None),
        ("AMD EPYC 7763", "bfloat16", None),
        ("NVIDIA H100 80GB HBM3 and NVIDIA A100-SXM4-80GB", "bfloat16", None),
        ("", "bfloat16", None),
    ],
)
def test_a_cards_peak_is_found_by_its_drivers_name(device, precision, peak):
    assert peak_of(device, precision) == peak


@pytest.mark.parametrize(("steps", "course"), [(1000, (5, 20)), (25, (5, 20)), (12, (5, 7)), (2, (1, 1)), (1, (0, 1))])
def test_no_more_steps_are_taken_than_a_training_has(steps, course):
    assert Course.of(steps) == Course(*course)
    assert Course.of(steps).steps <= steps


def test_the_two_take_turns_and_one_that_fails_leaves_the_others_figures(monkeypatch):
    turns = []

    def block(name, fails=False):
        def run(*arguments):
            turns.append(name)
            if fails:
                raise ValueError("no labels\nhere")
            return Block(1.0, 1)

        return run

    replay = SimpleNamespace(device="cpu")
    monkeypatch.setattr(pace, "own_block", block("ours"))
    monkeypatch.setattr(pace, "trainer_block", block("theirs"))
    ours, theirs, reason = in_turn(replay, Course(1, 1), 3)
    assert turns == ["ours", "theirs"] * 3
    assert (len(ours), len(theirs), reason) == (3, 3, "")
    turns.clear()
    monkeypatch.setattr(pace, "trainer_block", block("theirs", fails=True))
    ours, theirs, reason = in_turn(replay, Course(1, 1), 3)
    assert turns == ["ours", "theirs", "ours", "ours"]
    assert (len(ours), theirs) == (3, ())
    assert reason == "transformers' Trainer failed: ValueError: no labels here"


def test_where_trainer_cannot_be_measured_a_sentence_says_why(monkeypatch):
    assert no_trainer("cpu") == no_trainer("cuda") == ""
    assert "--device cuda" in no_trainer("cuda:1")
    monkeypatch.setattr(pace.importlib.util, "find_spec", lambda name: None)
    assert "pip install 'lodo[speed]'" in no_trainer("cuda")


def measurements(planned):
    return [work for chain in planned.chains for work in chain.works if work.job.kind == KIND.name]


def test_it_is_planned_where_it_is_asked_for_once_for_all_test_sets():
    assert measurements(plan(EQUAL)) == []
    planned = plan(EQUAL, seeds=2, throughput=True)
    (work,) = measurements(planned)
    assert {job.key for job in planned.throughput.values()} == {work.job.key}
    assert [task.name for task in planned.throughput] == EQUAL
    assert work.method, "its failure is no end of the run"
    assert work.inputs.training == planned.cells[0].base
    different = plan([*EQUAL, "opt-different/toxigen"], throughput=True)
    assert len(measurements(different)) == 1, "how large the datasets are is nothing to the speed"


def test_a_figure_of_one_device_is_not_taken_for_anothers(monkeypatch):
    def key(*cards, **options):
        monkeypatch.setattr(devices, "cards_here", lambda: cards)
        return measurements(plan(EQUAL[:1], throughput=True, **options))[0].job.key

    keys = [key("NVIDIA H100 PCIe", device="cuda"), key("NVIDIA H100 NVL", device="cuda"), key(), key(threads=2)]
    assert len(set(keys)) == 4
    assert key("NVIDIA H100 NVL", "NVIDIA H100 NVL", device="cuda") == keys[1]


def test_how_long_a_run_takes_is_guessed_from_the_card_where_it_is_known(monkeypatch, tmp_path):
    (task,) = plan(EQUAL[:1]).tasks
    weights = task.model.rough_parameters(1024)
    operations, share = 6 * weights * 250 * 32 * 32, 0.4 * weights / 1e8
    assert rough_training_seconds(task, H100) == pytest.approx(operations / (67e12 * share))
    monkeypatch.setattr(devices, "cards_here", lambda: (H100,))
    on_card, here = (expected_seconds(plan(EQUAL[:1], **how), Store(tmp_path), 1) for how in ({"device": "cuda"}, {}))
    assert on_card.seconds / here.seconds == pytest.approx(OPERATIONS_PER_SECOND / (67e12 * share))
    assert rough_training_seconds(task, "Z80") == rough_training_seconds(task) == operations / OPERATIONS_PER_SECOND


def write(store, job, record, content):
    with store.claim(job) as folder:
        record.write(folder, content)
        store.commit(job, folder)


@pytest.mark.parametrize(
    ("record", "content", "line"),
    [
        (
            THROUGHPUT,
            FOUND,
            "400,000 tokens/s on NVIDIA H100 80GB HBM3, MFU 0.30, 21 GiB, 0.80 of the time that transformers' Trainer "
            "takes",
        ),
        (
            THROUGHPUT,
            dataclasses.replace(
                FOUND, device="Z80", mfu=None, mfu_absent="no peak is known", time_ratio=None, trainer_absent="no room"
            ),
            "400,000 tokens/s on Z80, no peak is known, 21 GiB, no room",
        ),
        (FAILURE, Failure("out of memory"), "not measured: out of memory"),
    ],
)
def test_the_manifest_and_the_last_lines_say_what_was_found_or_why_not(tmp_path, record, content, line):
    store, planned = Store(tmp_path), plan(EQUAL[:1], throughput=True)
    write(store, planned.throughput[planned.tasks[0]], record, content)
    found = speeds(store, planned)
    assert found == {"throughput": {EQUAL[0]: dataclasses.asdict(content)}}
    assert speeds(store, plan(EQUAL[:1])) == {}
    out = StringIO()
    show_speeds(SimpleNamespace(manifest=found), Console(file=out, width=300))
    assert out.getvalue() == f"speed of {EQUAL[0]}: {line}\n"


@pytest.mark.slow
def test_scale_gpu_on_a_cpu_at_reduced_size(lodo, tmp_path):
    """The command that a person with a card gives, on a folder of text, with all sizes set down."""
    options = ["--scale", "gpu", "--task", "opt-equal/places", "--seeds", "1", "--runs", "1", "--throughput"]
    small = {"recipe.steps": 8, "recipe.warmup": 1, "model.rows": 400}
    lodo.run(*options, "--method", "graddot", "--method", "hif-cg", out=tmp_path / "out", settings=small)
    manifest = json.loads((tmp_path / "out/manifest.json").read_text())
    found = manifest["throughput"]["opt-equal/places"]
    assert manifest["tasks"]["opt-equal/places"]["recipe"]["precision"] == "bfloat16"
    # Embedding, positions, a layer's attention, feed-forward block and norms, the last norm.
    attention, block, norms = 4 * (16 * 16 + 16), 2 * 16 * 32 + 32 + 16, 4 * 16
    assert found["weights"] == 400 * 16 + (32 + 2) * 16 + attention + block + norms + 2 * 16
    assert found["device"] == manifest["hardware"]["processor"] == devices.processor()
    assert (found["tokens_per_step"], found["timed_steps"]) == (4 * 16, 4)
    for name in ("lodo", "trainer"):
        assert len(found[name]["blocks"]) == 5
        assert min(found[name]["blocks"]) > 0
    assert found["tokens_per_second"] == pytest.approx(4 * 16 / found["lodo"]["seconds_per_step"])
    assert 0.05 < found["time_ratio"] < 20
    assert found["lodo"]["peak_bytes"] > 2**26
    assert found["mfu"] is None
    assert "no peak in bfloat16 is known of" in found["mfu_absent"]
    again = lodo.run(*options, "--method", "graddot", "--method", "hif-cg", out=tmp_path / "out", settings=small)
    assert "computed nothing" in again.stdout
    assert "speed of opt-equal/places" in again.stdout


def test_peaks_are_asked_of_a_card_where_there_is_one(monkeypatch):
    asked = []
    for name in ("empty_cache", "reset_peak_memory_stats", "max_memory_allocated"):
        monkeypatch.setattr(torch.cuda, name, lambda *device, name=name: asked.append((name, *device)) or 7)
    with pace.PeakMemory("cuda") as memory:
        pass
    assert memory.bytes == 7
    assert asked == [("empty_cache",), ("reset_peak_memory_stats", "cuda"), ("max_memory_allocated", "cuda")]


def test_a_store_with_a_finished_measurement_has_nothing_to_do(tmp_path):
    planned = plan(EQUAL[:1], throughput=True)
    store = Store(tmp_path)
    finish(store, planned.throughput[planned.tasks[0]], 1)
    assert store.has(measurements(planned)[0].job)
