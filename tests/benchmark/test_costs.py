"""What a plan takes before it is done: operations, memory, space and hours, by hand from its counts."""

import dataclasses
from io import StringIO

import pytest
from rich.console import Console

from lodo.benchmark import costs as costs_module
from lodo.benchmark.commands import count_of, hours, show_costs
from lodo.benchmark.costs import costs_of, memory_warnings
from lodo.benchmark.footprint import PROCESS, Size, stored_bytes, training_bytes, usual_shape
from lodo.benchmark.machines import CARDS, card_of, share_of_peak
from lodo.benchmark.store import Store
from lodo.benchmark.timing import training_operations
from lodo.methods.base import METHODS
from lodo.tasks.errors import InputError
from lodo.tasks.spec import Lora

from .test_plan import EQUAL, INVENTORY, finish, plan

WEIGHTS = 2 * (4 * 64**2 + 2 * 64 * 256) + 1024 * 64  # of the OPT at mini
TOKENS = 250 * 32 * 32


@pytest.fixture
def store(tmp_path):
    return Store(tmp_path / "store")


def task_with(**changes):
    task = plan(EQUAL[:1]).tasks[0]
    return task.model_copy(update={"recipe": task.recipe.model_copy(update=changes)})


def test_trainings_are_counted_once_for_all_test_sets(store):
    costs = costs_of(plan(EQUAL), store)
    assert costs.trainings == 1 + len(INVENTORY.corpora)
    assert costs.tokens == costs.trainings * TOKENS
    assert costs.training_operations == 6 * WEIGHTS * costs.tokens


def test_slots_that_nobody_fills_are_no_tokens(store):
    costs = costs_of(plan(EQUAL[:1], definition="all-examples"), store)
    assert costs.tokens == TOKENS + 8 * TOKENS - TOKENS


def test_the_rest_is_what_is_read_of_test_sets_and_what_methods_say(store):
    planned = plan(EQUAL[:1], runs=1)
    costs = costs_of(planned, store)
    evaluations = 2 * WEIGHTS * 1000 * (9 + 1) * 2  # ten models on two subsets
    checks = 9 * 0.02
    estimate = METHODS.get("graddot").rough_trainings
    trainings = (costs.other_operations - evaluations) / training_operations(planned.tasks[0], 1024)
    assert trainings == pytest.approx(checks + estimate, rel=0.001)


def test_what_is_done_is_not_left(store):
    planned = plan(EQUAL[:1])
    before = costs_of(planned, store)
    finish(store, planned.cells[0].base, 1)
    after = costs_of(planned, store)
    assert sum(before.left.values()) == before.training_operations + before.other_operations
    assert sum(before.left.values()) - sum(after.left.values()) == pytest.approx(6 * WEIGHTS * TOKENS)
    assert after.training_operations == before.training_operations


def test_adapters_and_activations_computed_anew_change_the_operations():
    base = training_operations(task_with(), 1024)
    assert training_operations(task_with(lora=Lora(rank=4)), 1024) == base * 4 / 6
    assert training_operations(task_with(recompute=True), 1024) == base * 8 / 6


def test_the_store_holds_moments_of_base_trainings_alone(store):
    # Two checkpoints of a base training with Adam's two moments, eight counterfactuals' last weights.
    assert costs_of(plan(EQUAL, seeds=3), store).store == 3 * 4 * WEIGHTS * (2 * 3 + 8)
    task = task_with(optimizer="adafactor", checkpoints=3)
    assert stored_bytes(task, Size.of(task, 1024), base=True) == 4 * WEIGHTS * 3


def test_a_trainings_memory_by_hand():
    task = task_with()
    kept = 4 * 32 * 32 * (17 * 2 * 64 + 3 * 1024)
    assert training_bytes(task, Size.of(task, 1024)) == PROCESS + 4 * 4 * WEIGHTS + kept
    parts = task_with(accumulate=4)
    assert training_bytes(parts, Size.of(parts, 1024)) == PROCESS + 4 * 4 * WEIGHTS + kept // 4
    double = task_with(precision="float64")
    assert training_bytes(double, Size.of(double, 1024)) == PROCESS + 2 * (4 * 4 * WEIGHTS + kept)
    adapted = Size.of(task_with(lora=Lora(rank=4)), 1024)
    assert (adapted.weights, adapted.trainable) == (WEIGHTS, 18 * 4 * 64 * 2)


@pytest.mark.parametrize(("weights", "vocabulary", "width"), [(124 * 10**6, 50257, 768), (1316 * 10**6, 50272, 2048)])
def test_a_model_that_says_only_its_weights_has_a_usual_shape(weights, vocabulary, width):
    assert usual_shape(weights, vocabulary)[0] == pytest.approx(width, rel=0.15)


def test_hours_on_a_card_are_its_assumed_share_of_its_peak():
    h100 = card_of("h100")
    assert h100.seconds(989e12, 10**9, "bfloat16") == pytest.approx(1 / 0.4)
    assert h100.seconds(67e12, 10**8, "float32") == pytest.approx(1 / 0.4)
    assert h100.seconds(67e12, 10**6, "float32") == pytest.approx(100 / 0.4)
    assert share_of_peak(10**5) < share_of_peak(10**7) < share_of_peak(10**8) == share_of_peak(10**10)


def test_a_card_is_known_however_it_is_written():
    assert card_of("rtx-4090") is card_of("RTX 4090") is CARDS[2]
    with pytest.raises(InputError, match=r"--on a1000: no such card .*known are H100, A100, RTX 4090, V100, T4"):
        card_of("a1000")


def warned(planned, store, monkeypatch, free, jobs=1):
    monkeypatch.setattr(costs_module, "free_memory", lambda: free)
    return memory_warnings(planned, costs_of(planned, store), store, jobs)


def test_a_method_that_does_not_fit_is_named_with_what_to_do(store, monkeypatch):
    planned = plan(EQUAL[:1], methods=("graddot", "hif-cg"), settings=["hif-cg.iterations=300"], runs=1)
    large = max(costs_of(planned, store).peaks, key=lambda peak: peak.bytes)
    assert large.method == "hif-cg"
    (sentence,) = warned(planned, store, monkeypatch, large.bytes - 1)
    assert sentence.startswith("hif-cg is likely to take about 2.04 GiB of memory where 2.04 GiB are free; ")
    assert sentence.endswith("or take graddot")
    assert warned(planned, store, monkeypatch, large.bytes) == []
    finish(store, planned.cells[0].estimates[1, 0], 1)
    assert warned(planned, store, monkeypatch, large.bytes - 1) == [], "it is done"


def test_processes_that_fit_alone_and_not_together_are_one_warning(store, monkeypatch):
    planned = plan(EQUAL[:1])
    most = max(peak.bytes for peak in costs_of(planned, store).peaks)
    (sentence,) = warned(planned, store, monkeypatch, int(2.5 * most), jobs=3)
    assert sentence.startswith("3 processes at once")
    assert sentence.endswith("set --jobs to 2")
    assert warned(planned, store, monkeypatch, int(2.5 * most), jobs=2) == []


def test_a_method_that_passes_nothing_through_the_model_keeps_nothing(store):
    peaks = {
        peak.method: peak.bytes for peak in costs_of(plan(EQUAL[:1], methods=("bm25", "dataset-loss")), store).peaks
    }
    kept = 4 * 32 * 32 * (17 * 2 * 64 + 3 * 1024)
    assert peaks == {"bm25": PROCESS + 4 * WEIGHTS, "dataset-loss": PROCESS + 4 * WEIGHTS + kept}


def test_nobody_is_warned_of_a_cards_memory(store, monkeypatch):
    planned = plan(EQUAL[:1])
    request = dataclasses.replace(
        planned.request, runtime=planned.request.runtime.model_copy(update={"device": "cuda"})
    )
    assert warned(dataclasses.replace(planned, request=request), store, monkeypatch, 1) == []


SAYS = """
from dataclasses import dataclass
from lodo.methods import AttributionMethod, register

@register("{name}")
@dataclass(frozen=True)
class Mine(AttributionMethod):
    def peak_vectors(self, extent):
        return {vectors}
"""


def test_a_method_that_says_nothing_or_nonsense_of_its_memory(store, tmp_path):
    for name, vectors in (("mine-silent", "None"), ("mine-raising", "1 / 0")):
        (tmp_path / f"{name}.py").write_text(SAYS.format(name=name, vectors=vectors))
    silent = plan(EQUAL[:1], methods=(f"{tmp_path}/mine-silent.py:Mine",))
    costs = costs_of(silent, store)
    assert costs.dearest is None
    text = StringIO()
    show_costs(silent, costs, store, 2, [], Console(file=text, width=1000))
    assert "unknown for mine-silent." in text.getvalue()
    with pytest.raises(InputError, match="its peak_vectors raised ZeroDivisionError"):
        costs_of(plan(EQUAL[:1], methods=(f"{tmp_path}/mine-raising.py:Mine",)), store)


def test_the_table_says_what_is_assumed(store):
    planned = dataclasses.replace(plan(EQUAL[:1]), lacking="too short")
    text = StringIO()
    console = Console(file=text, width=200)
    show_costs(planned, costs_of(planned, store), store, 2, [card_of("A100")], console)
    lines = text.getvalue().splitlines()
    for start, end in (
        ("weights of the model", "163.8 k"),
        ("tokens of 9 trainings", "2.304 M"),
        ("FLOPs of the trainings", "2.3e+12"),
        ("memory of graddot, the dearest method", "GiB"),
        ("checkpoints in the store", "GiB"),
        ("hours here, 2 processes", ""),
        ("hours on one A100", ""),
        ("All assumed but the tokens", ""),
        ("cannot run yet too short", ""),
    ):
        (line,) = (line for line in lines if line.startswith(start))
        assert line.rstrip().endswith(end)


def test_numbers_as_people_say_them():
    assert [count_of(count) for count in (7, 1500, 134_515_008, 7 * 10**9)] == ["7", "1.5 k", "134.5 M", "7 G"]
    assert [hours(seconds) for seconds in (36, 5400, 7.2e6)] == ["0.01", "1.5", "2,000"]
