"""The loss against a plain loop over transformers' own loss, and the independence of batches and padding."""

import pytest
import torch

from lodo.tasks.architectures.opt import Opt
from lodo.tasks.likelihood import PAD, Examples, mean_loss, token_losses

SPEC = Opt(width=16, layers=2, heads=2, feedforward=32, positions=24)


@pytest.fixture
def model():
    return SPEC.build(vocabulary=40, seed=1, precision="float64").eval()


@pytest.fixture
def examples():
    generator = torch.Generator().manual_seed(0)
    tokens = torch.randint(3, 40, (5, 12), generator=generator)
    scored = torch.zeros_like(tokens, dtype=torch.bool)
    for row, (start, end) in enumerate([(1, 12), (1, 5), (4, 9), (11, 12), (1, 2)]):
        scored[row, start:end] = True
        tokens[row, end:] = PAD
    return Examples(tokens, scored)


def test_loss_is_transformers_loss_example_by_example(model, examples):
    total = 0.0
    for tokens, scored in zip(examples.tokens, examples.scored, strict=True):
        length = int((tokens != PAD).sum())
        labels = tokens.masked_fill(~scored, -100)[None, :length]
        total += model(input_ids=tokens[None, :length], labels=labels).loss.item() * int(scored.sum())
    # transformers computes its loss in float32 whatever the model.
    assert mean_loss(model, examples) == pytest.approx(total / examples.count, rel=1e-6)


def test_loss_does_not_depend_on_the_batch_size(model, examples):
    assert mean_loss(model, examples, batch_size=1) == pytest.approx(
        mean_loss(model, examples, batch_size=5), rel=1e-12
    )


def test_a_label_off_by_one_would_be_seen(model, examples):
    shifted = Examples(examples.tokens, examples.scored.roll(1, dims=1))
    assert abs((token_losses(model, shifted) - token_losses(model, examples)).item()) > 1e-3


def test_initial_weights_come_from_the_seed_alone():
    torch.manual_seed(123)
    first = SPEC.build(40, seed=5)
    torch.manual_seed(7)
    second = SPEC.build(40, seed=5)
    other = SPEC.build(40, seed=6)
    assert all(torch.equal(a, b) for a, b in zip(first.parameters(), second.parameters(), strict=True))
    assert any(not torch.equal(a, b) for a, b in zip(first.parameters(), other.parameters(), strict=True))
