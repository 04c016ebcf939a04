"""Jobs computed for real, in this process: trainings, losses, estimates, and what the unlearned models forgot."""

import dataclasses

import numpy as np
import pytest
import torch

from lodo.benchmark.jobs import MethodChoice
from lodo.benchmark.kinds import KINDS
from lodo.benchmark.kinds.estimate import ANSWER, COST, estimate_job
from lodo.benchmark.kinds.evaluation import LOSS, EvaluationInputs, evaluation_job
from lodo.benchmark.kinds.forgetting import FIGURES, ForgettingInputs, UnlearningInputs, forgetting_job, unlearning_job
from lodo.benchmark.kinds.kind import SPENT, Failure, Workplace
from lodo.benchmark.kinds.prepared import PreparedInfo, SubsetInfo
from lodo.benchmark.kinds.training import LOG, TrainingInputs, training_job
from lodo.benchmark.reader import Reader
from lodo.benchmark.scheduler import FAILURE
from lodo.benchmark.specifications import EstimateInputs
from lodo.benchmark.store import Job, Store
from lodo.methods.base import METHODS
from lodo.tasks.architectures.opt import Opt
from lodo.tasks.likelihood import Examples, mean_loss
from lodo.tasks.prepare import Prepared, save_prepared
from lodo.tasks.sequences import Sequences
from lodo.tasks.spec import Mixture, Recipe, Runtime, Task, TestSet, TokenizerSpec, TrainingDataset

from .test_jobs import CODE

NAMES = ("a", "b", "c")
RECIPE = Recipe(steps=6, batch_size=6, sequence_length=8, lr=0.01, checkpoints=2)
TASK = Task(
    name="family/test",
    scale="mini",
    source="generated",
    mixture=Mixture(datasets=tuple(TrainingDataset(name=name, slots=12) for name in NAMES)),
    tokenizer=TokenizerSpec(vocabulary=40),
    model=Opt(width=8, heads=2, feedforward=8, positions=8),
    recipe=RECIPE,
    test_set=TestSet(name="test"),
    examples=5,
)
GENERATOR = np.random.default_rng(0)
TOKENS = GENERATOR.integers(3, 40, (4, 8)).astype(np.int32)
PREPARED = Prepared(
    40,
    {name: Sequences.whole(GENERATOR.integers(3, 40, (20, 8)).astype(np.int32)) for name in NAMES},
    {"test": {"x": Sequences.whole(TOKENS)}},
)
INFO = PreparedInfo(
    "text",
    40,
    dict.fromkeys(NAMES, 20),
    {name: f"pool {name}" for name in NAMES},
    {"test": {"x": SubsetInfo("x", 4, 4, 28, 32)}},
)
TEXT = Job("prepared", {"text": "made up"})
BASE = training_job(TASK, INFO, 0, None, "fixed-steps", Runtime())


def do(store, job, inputs, reader=None):
    """Compute a job as a worker does; gives its entry."""
    with store.claim(job) as folder:
        KINDS[job.kind].do(job, inputs, Workplace(job.key, folder, reader or Reader(store)))
        return store.commit(job, folder)


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    store = Store(tmp_path_factory.mktemp("store"))
    with store.claim(TEXT) as folder:
        save_prepared(PREPARED, folder)
        store.commit(TEXT, folder)
    do(store, BASE, TrainingInputs(TEXT))
    return store


def asked(name="untrac", run=0, **hyperparameters):
    choice = MethodChoice(name, METHODS.get(name)(**hyperparameters), CODE)
    job = estimate_job(TASK, INFO, BASE, choice, run, "fixed-steps", Runtime())
    return job, EstimateInputs(TEXT, BASE, "test", INFO.pools, name, observed=run == 0)


def test_a_training_keeps_every_checkpoint_of_the_base_and_the_last_of_a_counterfactual(store):
    folder = store.open(BASE)
    assert {path.name for path in folder.glob("step-*")} == {"step-3.safetensors", "step-6.safetensors"}
    assert len(LOG.read(folder).losses) == 6
    assert SPENT.read(folder) > 0
    other = do(store, training_job(TASK, INFO, 0, "a", "fixed-steps", Runtime()), TrainingInputs(TEXT))
    assert [path.name for path in other.glob("step-*")] == ["step-6.safetensors"]


@pytest.mark.parametrize("initial", [True, False])
def test_an_evaluation_is_the_mean_loss_of_the_model_after_or_before(store, initial):
    reader = Reader(store)
    job = evaluation_job(BASE, "x", Runtime(), initial)
    loss = LOSS.read(do(store, job, EvaluationInputs(TEXT, BASE, "test", "x"), reader)).loss
    examples = Examples.whole(torch.from_numpy(TOKENS))
    assert loss == pytest.approx(mean_loss(reader.model(BASE, initial), examples))
    assert loss != pytest.approx(mean_loss(reader.model(BASE, not initial), examples), rel=1e-4)


def test_an_answer_is_what_the_method_says_with_what_it_cost(store):
    job, inputs = asked("graddot")
    folder = do(store, job, inputs)
    answer, cost = ANSWER.read(folder), COST.read(folder)
    assert (answer.datasets, answer.subsets, answer.steps, answer.unlearned) == (NAMES, ("x",), None, ())
    assert np.shape(answer.influence) == (3, 1)
    assert cost.tokens == 3 * 5 * 8 + 32
    assert cost.training_equivalents == pytest.approx(cost.tokens / (6 * 6 * 8))
    assert cost.peak_rss > 10**7
    assert cost.seconds <= SPENT.read(folder)


def test_what_was_forgotten_is_handed_on_or_measured_again_with_the_same_figures(store):
    job, inputs = asked(lr=1e-2)
    reader = Reader(store)
    folder = do(store, job, inputs, reader)
    assert ANSWER.read(folder).unlearned == NAMES
    assert not FIGURES.lies_in(folder), "they are an entry of their own"
    check = unlearning_job(job)
    here = FIGURES.read(do(store, check, UnlearningInputs(job, inputs), reader))
    assert set(here) == set(NAMES)
    assert not reader.observed
    # As after a kill between the two, or an edit of how forgetting is measured.
    assert FIGURES.read(do(store, check, UnlearningInputs(job, inputs), Reader(store))) == here
    base = forgetting_job(TASK, BASE, BASE, NAMES, Runtime())
    before = FIGURES.read(do(store, base, ForgettingInputs(TEXT, BASE, BASE, INFO.pools)))
    for name in NAMES:
        assert here[name]["forgotten_perplexity"] > before[name]["forgotten_perplexity"]


def test_observing_changes_no_answer_and_can_be_made_up_for(store):
    job, inputs = asked(lr=3e-3)
    unseen = dataclasses.replace(inputs, observed=False)
    reader = Reader(store)
    answer = ANSWER.read(do(store, job, unseen, reader))
    assert not reader.observed
    assert answer.unlearned == NAMES, "what there is to measure is known all the same"
    afterwards = FIGURES.read(do(store, unlearning_job(job), UnlearningInputs(job, inputs), reader))
    observed = ANSWER.read(do(store, job, inputs, reader))
    assert observed == answer
    assert afterwards == dict(reader.observed[job.key])
    assert all(figures["forgotten_perplexity"] > 0 for figures in afterwards.values())


def test_a_failed_estimate_has_forgotten_nothing(store):
    job, inputs = asked(lr=7e-3)
    with store.claim(job) as folder:
        FAILURE.write(folder, Failure("killed"))
        store.commit(job, folder)
    assert FIGURES.read(do(store, unlearning_job(job), UnlearningInputs(job, inputs))) == {}


def test_global_generators_are_seeded_by_the_job():
    from lodo.benchmark.estimating import seed_globals

    def drawn(key):
        import random

        seed_globals(key)
        return random.random(), np.random.random(), float(torch.rand(()))

    first = drawn("key")
    assert drawn("key") == first
    assert all(a != b for a, b in zip(drawn("other"), first, strict=True))
