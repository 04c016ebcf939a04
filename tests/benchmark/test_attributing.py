"""What the harness does around a method's answer: it checks it, charges it in full, and seeds what it may draw from."""

import math
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from lodo.benchmark import estimating
from lodo.benchmark.kinds.estimate import ANSWER, COST
from lodo.benchmark.measuring import measure_forgetting
from lodo.methods.base import Attribution, AttributionError
from lodo.tasks.likelihood import Examples, mean_loss
from lodo.tasks.prepare import save_prepared

from .test_estimating import BASE, PREPARED, RECIPE, TEXT, Store, TrainingInputs, asked, do

TRAINING_TOKENS = RECIPE.steps * RECIPE.batch_size * RECIPE.sequence_length


@pytest.fixture
def store(tmp_path):
    """A store with a base training and nothing that was shared."""
    store = Store(tmp_path)
    with store.claim(TEXT) as folder:
        save_prepared(PREPARED, folder)
        store.commit(TEXT, folder)
    do(store, BASE, TrainingInputs(TEXT))
    return store


@pytest.fixture
def answering(monkeypatch):
    """A function that has the next estimates made by a function of the trained model."""

    def put(answer):
        method = SimpleNamespace(attribute=answer)
        monkeypatch.setattr(estimating, "build_method", lambda locator, hyperparameters: method)

    return put


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        (lambda trained: Attribution.of(trained, np.full((3, 1), np.nan)), "3 of 3 influences are not finite"),
        (lambda trained: Attribution.of(trained, np.ones((1, 3))), "wrong shape"),
        (lambda trained: Attribution(np.ones((3, 1)), ("c", "b", "a"), ("x",)), "wrong labels"),
    ],
)
def test_an_answer_that_is_not_as_agreed_is_not_stored(store, answering, answer, sentence):
    answering(answer)
    with pytest.raises(AttributionError, match=sentence):
        do(store, *asked("graddot"))


def test_what_a_method_charges_is_its_cost(store, answering):
    def answer(trained):
        trained.charge(77)
        return Attribution.of(trained, np.ones((3, 1)))

    answering(answer)
    cost = COST.read(do(store, *asked("graddot")))
    assert cost.tokens == 77
    assert cost.training_equivalents == pytest.approx(77 / TRAINING_TOKENS)


def test_who_comes_second_pays_what_the_first_paid(store):
    first, second = (COST.read(do(store, *asked(name))) for name in ("graddot", "gradcos"))
    assert first.tokens == second.tokens > 0
    assert first.training_equivalents == pytest.approx(second.training_equivalents)
    assert second.training_equivalents > 0


def test_to_be_observed_costs_nothing(store):
    observed, alone = (COST.read(do(store, *asked("untrac", run))) for run in (0, 1))
    assert observed.tokens == alone.tokens > 0
    assert observed.training_equivalents == pytest.approx(alone.training_equivalents)


def test_what_ran_before_does_not_decide_what_a_method_draws(store, answering):
    answering(lambda trained: Attribution.of(trained, np.random.normal(size=(3, 1)) + float(torch.rand(()))))
    answers = []
    for before in (1, 2):
        np.random.seed(before)
        torch.manual_seed(before)
        answers.append(ANSWER.read(do(store, *asked("graddot"))).influence)
    other_run = ANSWER.read(do(store, *asked("graddot", run=1))).influence
    assert answers[0] == answers[1] != other_run


def test_what_is_kept_is_as_much_text_of_the_others_together():
    torch.manual_seed(0)
    model = torch.nn.Module()
    table = torch.randn(40, 40)
    model.forward = lambda input_ids: SimpleNamespace(logits=table[input_ids])
    tokens = np.random.default_rng(1).integers(3, 40, (3, 6, 8))
    shown = {name: Examples.whole(torch.from_numpy(rows)) for name, rows in zip("abc", tokens, strict=True)}
    unseen = {"a": shown["c"]}
    figures = measure_forgetting(model, "a", shown, unseen)
    kept = Examples(*(torch.cat([getattr(shown[name][:3], part) for name in "bc"]) for part in ("tokens", "scored")))
    assert figures["forgotten_perplexity"] == pytest.approx(math.exp(mean_loss(model, shown["a"])))
    assert figures["retained_perplexity"] == pytest.approx(math.exp(mean_loss(model, kept)))
    assert figures["approximate_perplexity"] == pytest.approx(math.exp(mean_loss(model, shown["c"])))
    assert measure_forgetting(model, "b", shown, unseen)["approximate_perplexity"] is None
