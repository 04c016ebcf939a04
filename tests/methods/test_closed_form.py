"""Influence on convex models, where it has a closed form: the methods equal it, and it equals exact retraining."""

import numpy as np
import pytest
import torch

from lodo.benchmark.specimen import trained_on
from lodo.methods.hessian import Arnoldi, ConjugateGradient, Exact, Lissa
from lodo.tasks.architecture import ARCHITECTURES
from lodo.tasks.convex import solve
from lodo.tasks.likelihood import Examples, mean_loss
from lodo.tasks.replay import Replay
from lodo.tasks.slots import Slots
from lodo.tasks.spec import Recipe

VOCABULARY, LENGTH, EACH, DECAY = 15, 9, 12, 0.02
NAMES = ("a", "b", "c")
RECIPE = Recipe(
    steps=EACH,
    batch_size=3,
    sequence_length=LENGTH,
    lr=1.0,
    optimizer="newton",
    weight_decay=DECAY,
    precision="float64",
    checkpoints=1,
)


def sequences(seed, count=EACH):
    draw = np.random.default_rng(seed)
    return draw.choice(draw.integers(3, VOCABULARY, 6), (count, LENGTH))


POOLS = [sequences(seed) for seed in range(3)]
WHOLE = [Examples.whole(torch.from_numpy(pool)) for pool in POOLS]
SUBSETS = {name: Examples.whole(torch.from_numpy(sequences(seed, 5))) for name, seed in (("x", 10), ("y", 11))}


@pytest.fixture(params=["logistic", "ridge"])
def trained(request, tmp_path):
    spec = ARCHITECTURES.get(request.param)(width=4, positions=LENGTH)
    slots = Slots(np.repeat(np.arange(3), EACH), np.tile(np.arange(EACH), 3), 0)
    replay = Replay.of(spec, RECIPE, VOCABULARY, WHOLE, slots, 0)
    datasets = {name: Examples.whole(torch.from_numpy(pool)) for name, pool in zip(NAMES, POOLS, strict=True)}
    return trained_on(replay, tmp_path / "training", datasets, SUBSETS)


def pairs(examples):
    return examples.tokens[:, :-1].flatten().numpy(), examples.tokens[:, 1:].flatten().numpy()


def closed_form(trained):
    """(K, S) g_k^T (H + decay I)^-1 g_s from the models' formulas in numpy."""
    model = trained.model
    features, targets = model.features.numpy(), model.targets.numpy()
    weight = model.head.weight.detach().numpy()
    everything = Examples.whole(torch.from_numpy(np.concatenate(POOLS)))

    def residuals(last, following):
        """Each token's derivative of the loss by the prediction W phi, (tokens, outputs), and its second derivative."""
        predicted = features[last] @ weight.T
        if model.squared:
            return predicted - targets[following], [np.eye(len(weight))] * len(last)
        chances = np.exp(predicted) / np.exp(predicted).sum(1, keepdims=True)
        return chances - np.eye(len(weight))[following], [np.diag(p) - np.outer(p, p) for p in chances]

    def gradient(examples):
        last, following = pairs(examples)
        return np.einsum("to,td->od", residuals(last, following)[0], features[last]).ravel() / len(last)

    last, following = pairs(everything)
    hessian = sum(
        np.kron(curvature, np.outer(features[u], features[u]))
        for u, curvature in zip(last, residuals(last, following)[1], strict=True)
    ) / len(last)
    damped = hessian + DECAY * np.eye(len(hessian))
    rows = np.stack([gradient(examples) for examples in trained.datasets.values()])
    columns = np.stack([gradient(examples) for examples in trained.subsets.values()])
    return rows @ np.linalg.solve(damped, columns.T)


def same(influence, wanted):
    assert np.abs(influence - wanted).max() <= 1e-4 * np.abs(wanted).max()


def test_the_closed_form_is_the_derivative_of_exact_retraining(trained):
    """Central differences of the solved training in the weight of a dataset, by repeating sequences 20 +- 1 times."""
    wanted = closed_form(trained)
    share = 1 / len(NAMES)
    for k in range(3):
        losses = []
        for times in (21, 19):
            stock = np.concatenate([np.tile(pool, (times if j == k else 20, 1)) for j, pool in enumerate(POOLS)])
            model = trained.replay.spec.build(VOCABULARY, 0, "float64")
            # The penalty beside a mean: with more sequences the mean's share of each falls, the penalty's must too.
            solve(model, Examples.whole(torch.from_numpy(stock)), DECAY * 60 / (40 + times))
            losses.append(np.array([mean_loss(model, subset) for subset in SUBSETS.values()]))
        derivative = (losses[0] - losses[1]) / (2 / 20)
        # More of a dataset lowers what its absence would raise.
        np.testing.assert_allclose(-derivative, share * wanted[k], rtol=5e-3, atol=1e-4 * np.abs(wanted).max())


def test_exact_hessian_is_the_closed_form(trained):
    same(Exact(damping=DECAY, normalise=False).attribute(trained).influence, closed_form(trained))


def test_conjugate_gradient_is_the_closed_form(trained):
    method = ConjugateGradient(damping=DECAY, normalise=False, gauss_newton=False, iterations=200, tolerance=1e-10)
    same(method.attribute(trained).influence, closed_form(trained))


def test_converged_lissa_is_the_closed_form(trained):
    method = Lissa(damping=DECAY, normalise=False, iterations=3000, scale=5.0, batch=256)
    same(method.attribute(trained).influence, closed_form(trained))


def test_arnoldi_with_the_whole_space_is_the_closed_form(trained):
    size = sum(value.numel() for value in trained.model.parameters())
    method = Arnoldi(damping=DECAY, normalise=False, steps=size, top=size)
    same(method.attribute(trained).influence, closed_form(trained))


def test_influence_tells_what_leaving_a_dataset_out_does(trained):
    """Exact retraining without each dataset: its tangent, weight moved from one dataset to the others, tells it."""
    effects = []
    for k in range(3):
        model = trained.replay.spec.build(VOCABULARY, 0, "float64")
        rest = np.concatenate([pool for j, pool in enumerate(POOLS) if j != k])
        solve(model, Examples.whole(torch.from_numpy(rest)), DECAY)
        effects.append([mean_loss(model, s) - mean_loss(trained.model, s) for s in SUBSETS.values()])
    wanted = closed_form(trained)
    tangent = (wanted - (wanted.sum(0) - wanted) / 2) / 3
    # A third of the text is no small step: the tangent is close, not equal.
    assert np.corrcoef(np.ravel(effects), tangent.ravel())[0, 1] > 0.8
