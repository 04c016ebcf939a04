"""What is computed once for several test sets, runs and methods: for whom it is kept, and who is charged what."""

import dataclasses
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from lodo.benchmark.sharing import Cost, Memory, SharedPass, size_of
from lodo.benchmark.specimen import Specimens
from lodo.benchmark.store import Store
from lodo.methods.select import tuned_method
from lodo.tasks.trained import TokenMeter

NAMES = ["graddot", "trackstar", "hif-cg", "hif-lissa", "untrac", "untrac-inv", "untrac-npo", "hidden-states", "magic"]
NAMES += ["ekfac", "datainf", "logra", "trak"]


def spec(subsets="x", run=0, examples=8, training="t"):
    return {"training": training, "code": "c", "runtime": {}, "subsets": subsets, "examples": examples, "run": run}


@pytest.fixture(scope="module")
def specimen(tmp_path_factory):
    return Specimens(tmp_path_factory.mktemp("sharing")).tokens


def method_of(name):
    """The method at its values for mini; the test is skipped where a library that it needs is not there."""
    method = tuned_method(name, "mini", {})
    for package in method.requires:
        pytest.importorskip(package)
    return method


@pytest.fixture
def passes(tmp_path, specimen):
    """A function that makes the `SharedPass` of an estimate on one store and one memory."""
    memory, store = Memory(), Store(tmp_path)

    def make(model=None, **fields):
        return SharedPass(store, spec(**fields), TokenMeter(model or torch.nn.Linear(1, 1)), 100, memory)

    return make


def counted(answers):
    """A computation that tells how often it was asked."""

    def compute():
        answers.append(len(answers))
        return {"value": torch.tensor(float(len(answers)))}

    return compute


# For each scope, what else has changed where a result must be computed anew; for all others it must not.
CHANGES = {"run": {"run": 1}, "examples": {"examples": 9}, "subsets": {"subsets": "y"}, "training": {"training": "u"}}
ANEW = {
    "training": {"training"},
    "datasets": {"training", "examples", "run"},
    "subsets": {"training", "subsets"},
    "run": {"training", "examples", "run", "subsets"},
}


@pytest.mark.parametrize("change", CHANGES)
@pytest.mark.parametrize("scope", ANEW)
@pytest.mark.parametrize("kept", ["store", "memory"])
def test_a_result_is_computed_anew_where_what_it_depends_on_changes_and_only_there(passes, scope, change, kept):
    answers = []

    def ask(**fields):
        shared = passes(**fields)
        (shared if kept == "store" else shared.remembered)("name", counted(answers), scope)

    ask()
    ask()
    assert len(answers) == 1
    ask(**CHANGES[change])
    assert len(answers) == (2 if change in ANEW[scope] else 1)


def test_results_of_each_test_set_are_remembered_while_they_are_asked_in_turn(passes):
    answers = []
    for run in (0, 1):
        for subsets in ("x", "y"):
            passes(subsets=subsets, run=run).remembered("gradients", counted(answers), "subsets")
    assert len(answers) == 2


def test_what_belongs_to_a_run_is_dropped_when_the_next_begins():
    memory = Memory()
    memory.put("datasets", spec(run=0), "a", torch.zeros(4), Cost())
    memory.put("subsets", spec(run=0), "b", torch.zeros(4), Cost())
    assert memory.of("datasets", spec(run=0, subsets="y"))
    assert not memory.of("datasets", spec(run=1))
    assert not memory.of("datasets", spec(run=0))
    assert memory.of("subsets", spec(run=1))


def test_no_more_is_kept_than_there_is_room_for():
    memory = Memory(limit=40)
    memory.put("datasets", spec(), "a", [torch.zeros(5), {"b": torch.zeros(5)}], Cost())
    memory.put("datasets", spec(), "c", torch.zeros(1), Cost())
    assert set(memory.of("datasets", spec())) == {"a"}
    assert size_of((torch.zeros(3, dtype=torch.float64), "text")) == 24


def test_what_an_object_holds_counts_once_however_it_is_reached():
    layer = torch.nn.Linear(3, 2)
    holder = SimpleNamespace(model=layer, rows=[layer.weight, torch.zeros(5)], kind=torch.nn.Linear)
    holder.itself = holder
    assert size_of(holder) == 4 * (3 * 2 + 2 + 5)


def test_who_reuses_is_charged_as_who_computed_nested_results_too(specimen, passes):
    model = specimen.copy()
    tokens = next(iter(specimen.datasets.values())).tokens

    def once():
        with torch.no_grad():
            model(input_ids=tokens)
        return 1

    def use(shared):
        def outer():
            with torch.no_grad():
                model(input_ids=tokens)
            return shared.remembered("inner", once, "datasets") + 1

        assert shared.remembered("outer", outer, "subsets") == 2
        spent = shared.spent()
        return spent.tokens, spent.trainings

    first = use(passes(model=model))
    assert first[0] == 2 * tokens.numel()
    again = passes(model=model)
    again.meter.forward = 0
    assert use(again) == pytest.approx(first)


@pytest.mark.parametrize("name", NAMES)
def test_remembering_changes_no_answer_and_no_charge(specimen, tmp_path, name):
    """Two test sets of two runs, asked one by one and in turn: the same influences and costs, bit by bit."""
    method = method_of(name)
    halves = [{key: specimen.subsets[key]} for key in specimen.subsets]
    shown = [specimen.datasets, {key: examples[2:] for key, examples in specimen.datasets.items()}]

    def ask(memory, store, run, half):
        trained = dataclasses.replace(specimen, subsets=halves[half], datasets=shown[run], model=specimen.copy())
        meter = TokenMeter(trained.model)
        shared = SharedPass(store, spec(subsets=str(half), run=run), meter, 960, memory)
        trained = dataclasses.replace(
            trained, shared=shared, remembered=shared.remembered, charge=meter.charge, seed=run, training_seed=7
        )
        influence = method.attribute(trained).influence
        spent = shared.spent()
        return influence, spent.tokens, round(spent.trainings, 9)

    order = [(0, 0), (0, 1), (1, 0), (1, 1)]
    one, store = Memory(), Store(tmp_path / "one")
    together = [ask(one, store, *each) for each in order]
    apart = [ask(Memory(), Store(tmp_path / f"{run}{half}"), run, half) for run, half in order]
    for (ours, *cost), (theirs, *price) in zip(together, apart, strict=True):
        np.testing.assert_array_equal(ours, theirs)
        assert cost == price
    # magic and the store's gradient pass aside, other examples give other answers.
    assert name == "magic" or not np.array_equal(together[0][0], together[2][0])


@pytest.mark.parametrize("name", [*NAMES, "tracin", "less"])
def test_an_answer_is_the_one_of_a_method_that_remembers_nothing(specimen, passes, name):
    method = method_of(name)
    shared = passes(model=specimen.model)
    kept = dataclasses.replace(specimen, shared=shared, remembered=shared.remembered)
    alone, remembering = (method.attribute(each).influence for each in (specimen, kept))
    np.testing.assert_allclose(remembering, alone, rtol=1e-9, atol=1e-12 * np.abs(alone).max())
