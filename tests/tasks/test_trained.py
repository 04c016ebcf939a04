"""What a method is given to work with: copies, generators, and a meter that counts each token that passes."""

import dataclasses

import pytest
import torch

from lodo.tasks.architectures.opt import Opt
from lodo.tasks.likelihood import Examples, mean_loss
from lodo.tasks.spec import Recipe
from lodo.tasks.trained import TokenMeter, TrainedModel

SPEC = Opt(width=8, heads=2, feedforward=8, positions=8)
TOKENS = torch.arange(3, 15).view(2, 6)


@pytest.fixture
def model():
    return SPEC.build(20, 0).eval()


@pytest.fixture
def trained(model):
    groups = {"a": Examples.whole(TOKENS), "b": Examples.whole(TOKENS.flip(1))}
    recipe = Recipe(steps=1, batch_size=2, sequence_length=6, lr=0.1)
    return TrainedModel(model, groups, groups, (), {"a": 1, "b": 1}, recipe, seed=3, training_seed=4)


def test_a_token_is_counted_once_forward_or_with_gradients(model):
    meter = TokenMeter(model)
    with torch.no_grad():
        model(input_ids=TOKENS)
    assert (meter.forward, meter.backward) == (12, 0)
    model(input_ids=TOKENS[:1])
    model(TOKENS[:1])
    assert (meter.forward, meter.backward) == (12, 12)


def test_what_is_charged_counts_like_a_pass_with_gradients(model):
    meter = TokenMeter(model)
    meter.charge(5)
    meter.charge(7)
    assert (meter.forward, meter.backward) == (0, 12)
    assert meter.trainings(24) == 0.5


def test_a_forward_pass_is_a_third_of_a_training_on_its_tokens(model):
    meter = TokenMeter(model)
    with torch.no_grad():
        model(input_ids=TOKENS)
    assert meter.trainings(12) == pytest.approx(1 / 3)
    model(input_ids=TOKENS)
    assert meter.trainings(12) == pytest.approx(4 / 3)


def test_passes_of_a_copy_are_counted_too(trained):
    meter = TokenMeter(trained.model)
    trained.copy()(input_ids=TOKENS)
    assert meter.backward == 12


def test_a_copy_has_weights_of_its_own_and_no_gradient(trained):
    trained.model(input_ids=TOKENS, labels=TOKENS).loss.backward()
    copy = trained.copy()
    assert all(value.grad is None for value in copy.parameters())
    with torch.no_grad():
        next(copy.parameters()).add_(1)
    assert not torch.equal(next(copy.parameters()), next(trained.model.parameters()))


def test_losses_are_in_the_groups_order_under_the_model_asked(trained):
    losses = trained.losses(trained.datasets)
    assert losses.dtype == torch.float64
    wanted = [mean_loss(trained.model, examples) for examples in trained.datasets.values()]
    assert losses.tolist() == wanted
    other = SPEC.build(20, 1).eval()
    with torch.no_grad():
        other.get_input_embeddings().weight.mul_(20)
    assert (trained.losses(trained.datasets, other) - losses).abs().min() > 1e-3


def test_generators_come_from_training_run_and_purpose(trained):
    def draw(trained, *purpose, **options):
        return int(torch.randint(2**62, (1,), generator=trained.generator(*purpose, **options)))

    next_run = dataclasses.replace(trained, seed=5)
    assert draw(trained, "order") == draw(trained, "order")
    assert len({draw(trained, "order"), draw(trained, "labels"), draw(next_run, "order")}) == 3
    assert draw(trained, "order", every_run=True) == draw(next_run, "order", every_run=True)
    assert draw(trained, "order", every_run=True) != draw(trained, "order")
    other_training = dataclasses.replace(trained, training_seed=9)
    assert draw(other_training, "order", every_run=True) != draw(trained, "order", every_run=True)
