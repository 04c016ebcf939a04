"""Kinds of job: what is written is what is read, and a key follows each part of its specification."""

import math

import pytest

from lodo.benchmark.identity import Code
from lodo.benchmark.jobs import MethodChoice
from lodo.benchmark.kinds import KINDS
from lodo.benchmark.kinds.estimate import ANSWER, COST, Answer, estimate_job
from lodo.benchmark.kinds.evaluation import LOSS, Loss, evaluation_job
from lodo.benchmark.kinds.forgetting import FIGURES, forgetting_job, unlearning_job
from lodo.benchmark.kinds.inventory import INVENTORY, Inventory, inventory_job
from lodo.benchmark.kinds.kind import FAILURE, SPENT, Failure, Workplace
from lodo.benchmark.kinds.prepared import INFO, PreparedInfo, SubsetInfo, prepared_job
from lodo.benchmark.kinds.training import KIND as TRAINING
from lodo.benchmark.kinds.training import LOG, Log, training_job
from lodo.benchmark.specifications import Cost, EstimateSpec
from lodo.methods.first_order import GradDot
from lodo.methods.magic import Magic
from lodo.methods.untrac import UnTrac
from lodo.tasks.architectures.opt import Opt
from lodo.tasks.generated import GeneratedSource
from lodo.tasks.spec import Mixture, Recipe, Runtime, Task, TestFile, TestSet, TokenizerSpec, TrainingDataset

SUBSETS = {"x": SubsetInfo("hash x", 8, 16, 30, 40), "y": SubsetInfo("hash y", 7, 16, 20, 40)}
INFORMATION = PreparedInfo("prepared", 50, {"a": 30, "b": 20}, {"a": "pool a", "b": "pool b"}, {"test": SUBSETS})


@pytest.mark.parametrize(
    ("record", "content"),
    [
        (INVENTORY, Inventory({"a": 3}, {"t": TestFile(rule="toxigen", columns=(("text", "é"),))}, ("careful: «é»",))),
        (INFO, INFORMATION),
        (LOG, Log((1.5, 0.1 + 0.2), 3, 100)),
        (LOSS, Loss(1 / 3)),
        (FIGURES, {"a": {"forgotten_perplexity": math.inf, "membership_auc": None}}),
        (ANSWER, Answer([[1 / 3, -1e-300]], None, ("a",), ("x", "y"))),
        (ANSWER, Answer([[[1.0]], [[2.0]]], (1, 2), ("a",), ("x",), ("a",))),
        (COST, Cost(0.1, 2**40, 7, 1e-9)),
        (FAILURE, Failure("out of memory")),
        (SPENT, 0.25),
    ],
    ids=lambda value: getattr(value, "name", ""),
)
def test_what_is_written_is_read(tmp_path, record, content):
    assert not record.lies_in(tmp_path)
    record.write(tmp_path, content)
    assert record.lies_in(tmp_path)
    assert record.read(tmp_path) == content


def test_every_kind_is_found_by_its_name_and_no_two_write_in_one_folder():
    text, trained = {"inventory", "prepared", "samples"}, {"start", "training", "throughput"}
    assert set(KINDS) == text | trained | {"evaluation", "forgetting", "estimate", "unlearning"}
    assert all(kind.name == name for name, kind in KINDS.items())


def task(**changes):
    recipe = Recipe(steps=10, batch_size=4, sequence_length=16, lr=0.01)
    values = {
        "name": "family/test",
        "scale": "mini",
        "source": "generated",
        "mixture": Mixture(datasets=(TrainingDataset(name="a", slots=20), TrainingDataset(name="b", slots=20))),
        "tokenizer": TokenizerSpec(vocabulary=50),
        "model": Opt(width=8, positions=32),
        "recipe": recipe,
        "test_set": TestSet(name="test"),
        "examples": 8,
    }
    return Task(**{**values, **changes})


RECIPE = task().recipe
SIZES = Mixture(datasets=(TrainingDataset(name="a", slots=21), TrainingDataset(name="b", slots=19)))
POOLS = PreparedInfo("prepared", 50, INFORMATION.available, {"a": "pool a", "b": "other"}, INFORMATION.subsets)


def training(**changes):
    values = {"task": task(), "info": INFORMATION, "seed": 0, "left_out": "a", "definition": "fixed-steps"}
    return training_job(**{**values, "runtime": Runtime(), **changes})


@pytest.mark.parametrize(
    "changes",
    [
        {"task": task(mixture=SIZES)},
        {"task": task(model=Opt(width=10, positions=32))},
        {"task": task(recipe=RECIPE.model_copy(update={"lr": 0.02}))},
        {"task": task(recipe=RECIPE.model_copy(update={"coupled": False}))},
        {"info": POOLS},
        {"info": PreparedInfo("prepared", 51, INFORMATION.available, INFORMATION.pools, INFORMATION.subsets)},
        {"seed": 1},
        {"left_out": "b"},
        {"left_out": None},
        {"definition": "all-examples"},
        {"runtime": Runtime(threads=2)},
        {"runtime": Runtime(device="cuda")},
        {"runtime": Runtime(compile=True)},
    ],
)
def test_a_trainings_key_follows_what_it_is(changes):
    assert training(**changes).key != training().key


def test_a_trainings_key_follows_nothing_else():
    other = task(name="other/test", test_set=TestSet(name="other"), examples="all", scale="small")
    assert training(task=other).key == training().key
    assert training(left_out=None, definition="all-examples").key == training(left_out=None).key


CODE = Code(hash="h", libraries=(("torch", "2"),))


def estimate(method=None, code=CODE, **changes):
    values = {"task": task(), "info": INFORMATION, "training": training(left_out=None), "run": 0}
    values |= {"definition": "fixed-steps", "runtime": Runtime()}
    return estimate_job(choice=MethodChoice("untrac", method or UnTrac(), code), **{**values, **changes})


def other_subset(content):
    return PreparedInfo("prepared", 50, INFORMATION.available, INFORMATION.pools, {"test": {**SUBSETS, "y": content}})


@pytest.mark.parametrize(
    "changes",
    [
        {"task": task(examples=9)},
        {"task": task(examples="all")},
        {"info": other_subset(SubsetInfo("another", 7, 16, 20, 40))},
        {"training": training(left_out=None, seed=1)},
        {"method": UnTrac(lr=1.0)},
        {"method": GradDot()},
        {"code": Code(hash="i", libraries=CODE.libraries)},
        {"code": Code(hash="h", libraries=(("torch", "3"),))},
        {"run": 1},
        {"runtime": Runtime(threads=2)},
    ],
)
def test_an_estimates_key_follows_what_it_is(changes):
    assert estimate(**changes).key != estimate().key


def test_the_definition_of_the_truth_is_in_the_key_of_a_method_that_reads_it():
    assert estimate(method=Magic(), definition="all-examples").key != estimate(method=Magic()).key
    assert estimate(definition="all-examples").key == estimate().key


def test_an_estimates_key_follows_nothing_else():
    assert estimate(task=task(name="other/test")).key == estimate().key
    assert estimate(info=other_subset(SubsetInfo("hash y", 1, 1, 1, 1))).key == estimate().key


def test_evaluations_and_memory_checks_differ_where_they_should():
    of, runtime = training(), Runtime()
    keys = [
        evaluation_job(of, "hash x", runtime).key,
        evaluation_job(of, "hash y", runtime).key,
        evaluation_job(of, "hash x", runtime, initial=True).key,
        evaluation_job(training(seed=1), "hash x", runtime).key,
        evaluation_job(of, "hash x", Runtime(threads=2)).key,
        forgetting_job(task(), of, training(left_out=None), ["a"], runtime).key,
        forgetting_job(task(), of, training(left_out=None), ["b"], runtime).key,
        forgetting_job(task(examples=9), of, training(left_out=None), ["a"], runtime).key,
        unlearning_job(estimate()).key,
        unlearning_job(estimate(run=1)).key,
    ]
    assert len(set(keys)) == len(keys)


def test_texts_keys_follow_the_text_and_not_the_sizes_of_the_datasets():
    def prepared(seed=0, tests=("t", "u"), **changes):
        sets = [TestSet(name=name) for name in tests]
        return prepared_job(GeneratedSource(seed=seed), task().model_copy(update=changes), sets).key

    longer = task().recipe.model_copy(update={"sequence_length": 17})
    others = (prepared(recipe=longer), prepared(seed=1), prepared(tests=("t",)), prepared(form="pairs"))
    assert prepared(mixture=SIZES) == prepared() == prepared(tests=("u", "t"))
    assert len({prepared(), *others}) == 5
    assert inventory_job(GeneratedSource(seed=1)).key != inventory_job(GeneratedSource()).key


def test_a_specification_is_read_back_from_a_seal_as_it_was():
    spec = estimate().spec
    assert EstimateSpec.model_validate_json(spec.model_dump_json()) == spec


def test_another_kinds_job_or_inputs_are_not_taken(tmp_path):
    with pytest.raises(AssertionError, match="estimate is no training"):
        TRAINING.spec(estimate())
    with pytest.raises(AssertionError, match="needs TrainingInputs"):
        TRAINING.do(training(), object(), Workplace("key", tmp_path, None))
