"""Convex models: the solver against independent solutions, the loss against its definition, what is refused."""

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from lodo.tasks.architecture import ARCHITECTURES
from lodo.tasks.architectures.logistic import Logistic
from lodo.tasks.convex import solve
from lodo.tasks.errors import InputError, TrainingDiverged
from lodo.tasks.families.convex import convex_logistic
from lodo.tasks.family import FAMILIES
from lodo.tasks.generated import GeneratedSource
from lodo.tasks.likelihood import Examples, mean_loss, token_losses
from lodo.tasks.replay import Replay
from lodo.tasks.slots import Pool, base_slots
from lodo.tasks.spec import Recipe, Runtime, TestFile
from lodo.tasks.training import train

VOCABULARY, DECAY = 20, 0.01
RECIPE = Recipe(
    steps=5,
    batch_size=4,
    sequence_length=8,
    lr=1.0,
    optimizer="newton",
    weight_decay=DECAY,
    precision="float64",
    checkpoints=1,
)
POOLS = [np.random.default_rng(index).integers(3, VOCABULARY, (12, 8)) for index in range(2)]
WHOLE = [Examples.whole(torch.from_numpy(pool)) for pool in POOLS]
SEQUENCES = torch.from_numpy(np.concatenate(POOLS))


def model_of(kind, width=4):
    return ARCHITECTURES.get(kind)(width=width, positions=8).build(VOCABULARY, 0, "float64")


@pytest.mark.parametrize("kind", ["logistic", "ridge"])
def test_the_solution_leaves_no_gradient(kind):
    model = model_of(kind)
    examples = Examples.whole(SEQUENCES)
    before = mean_loss(model, examples)
    losses = solve(model, Examples.whole(SEQUENCES), DECAY)
    assert losses == pytest.approx((before, mean_loss(model, examples)), rel=1e-9)
    assert losses[1] < losses[0]
    penalised = token_losses(model, examples) / examples.count + DECAY / 2 * model.head.weight.square().sum()
    (gradient,) = torch.autograd.grad(penalised, [model.head.weight])
    assert float(gradient.abs().max()) < 1e-9


def test_ridge_is_the_least_squares_solution_of_the_stacked_rows():
    model = model_of("ridge")
    solve(model, Examples.whole(SEQUENCES), DECAY)
    inputs = model.features[SEQUENCES[:, :-1]].flatten(0, 1).numpy()
    outputs = model.targets[SEQUENCES[:, 1:]].flatten(0, 1).numpy()
    rows = np.concatenate([inputs / len(inputs) ** 0.5, DECAY**0.5 * np.eye(4)])
    wanted = np.linalg.lstsq(rows, np.concatenate([outputs / len(inputs) ** 0.5, np.zeros((4, 4))]))[0]
    np.testing.assert_allclose(model.head.weight.detach().numpy(), wanted.T, rtol=1e-9)


def test_ridges_loss_is_half_the_squared_error_of_scored_tokens():
    model = model_of("ridge")
    torch.nn.init.normal_(model.head.weight)
    examples = Examples(SEQUENCES[:3], torch.rand(3, 8, generator=torch.Generator().manual_seed(0)) < 0.5)
    examples.scored[:, 0] = False
    error = model.targets[SEQUENCES[:3, 1:]] - model.features[SEQUENCES[:3, :-1]] @ model.head.weight.T
    wanted = (0.5 * error.square().sum(-1) * examples.scored[:, 1:]).sum()
    torch.testing.assert_close(token_losses(model, examples), wanted)


def test_a_training_is_solved_over_its_slots_and_stored(tmp_path):
    slots = base_slots([Pool("a", 12, 12), Pool("b", 8, 12)], seed=0)
    replay = Replay.of(Logistic(width=4, positions=8), RECIPE, VOCABULARY, WHOLE, slots, 0)
    log = train(replay, tmp_path, Runtime())
    model = replay.initial()
    solve(model, replay.stock[replay.rows], DECAY)
    stored = load_file(tmp_path / "step-5.safetensors")
    assert list(stored) == ["model/head.weight"]
    torch.testing.assert_close(stored["model/head.weight"], model.head.weight.detach())
    assert log.losses[1] < log.losses[0] == pytest.approx(np.log(VOCABULARY))


def test_no_minimum_is_a_failed_training(tmp_path, monkeypatch):
    def stuck(*arguments):
        raise ArithmeticError("the largest element of its gradient is still 1.0e-03")

    monkeypatch.setattr("lodo.tasks.training.solve", stuck)
    slots = base_slots([Pool("a", 12, 12), Pool("b", 8, 12)], seed=0)
    replay = Replay.of(Logistic(width=4, positions=8), RECIPE, VOCABULARY, WHOLE, slots, 0)
    with pytest.raises(TrainingDiverged, match=r"seed 0 found no minimum: .*; raise recipe.weight_decay"):
        train(replay, tmp_path, Runtime())


@pytest.mark.parametrize(
    ("family", "change"), [("opt-equal", "recipe.optimizer=newton"), ("convex-ridge", "recipe.weight_decay=0")]
)
def test_what_cannot_be_solved_is_refused(family, change):
    key, value = change.split("=")
    with pytest.raises(InputError, match="wants a convex model, one checkpoint and a positive weight decay"):
        FAMILIES.get(family).task("toxigen", TestFile(), "mini", GeneratedSource(), {"a": 100, "b": 50}, {key: value})


def test_closed_form_tasks_run_when_named_only():
    assert not convex_logistic.default
    assert FAMILIES.get("opt-equal").default
