"""UnTrac and UnTrac-Inv with every optimizer, step for step against bare loops, and at the edges of their sizes."""

import dataclasses
from collections import Counter

import numpy as np
import pytest
import torch

from lodo.methods.base import AttributionError
from lodo.methods.engine.unlearning import evenly, order_of
from lodo.methods.untrac import UnTrac, UnTracInv
from lodo.tasks.likelihood import Examples

LR = 2e-3
OPTIMIZERS = {
    "sgd": lambda values: torch.optim.SGD(values, lr=LR),
    "momentum": lambda values: torch.optim.SGD(values, lr=LR, momentum=0.9, dampening=0.9),
    "rmsprop": lambda values: torch.optim.RMSprop(values, lr=LR, alpha=0.99),
    "adam": lambda values: torch.optim.Adam(values, lr=LR, betas=(0.9, 0.999)),
    "adamw": lambda values: torch.optim.AdamW(values, lr=LR, betas=(0.9, 0.999), weight_decay=0.0),
    "adafactor": lambda values: torch.optim.Adafactor(values, lr=LR, weight_decay=0.0),
}


def token_mean(model, examples):
    logits = model(input_ids=examples.tokens).logits[:, :-1]
    return torch.nn.functional.cross_entropy(logits.flatten(0, 1), examples.tokens[:, 1:].flatten())


def losses(model, groups):
    with torch.no_grad():
        return np.array([token_mean(model, examples).item() for examples in groups.values()])


def bare_loop(trained, batches, optimizer, groups):
    """The rise of the groups' losses after each step of ascent: descent on minus the loss."""
    model = trained.copy()
    before, rises = losses(model, groups), []
    steps = OPTIMIZERS[optimizer](model.parameters())
    for batch in batches:
        steps.zero_grad()
        (-token_mean(model, batch)).backward()
        steps.step()
        rises.append(losses(model, groups) - before)
    return np.array(rises)


def drawn(trained, examples, batch_size, steps, every_run=False):
    """The batches of a trajectory: its generator first gives the seed of the dropout masks."""
    generator = trained.generator("unlearning order", every_run=every_run)
    torch.randint(2**62, (1,), generator=generator)
    return [examples[rows] for rows in order_of(len(examples), batch_size, steps, generator)]


@pytest.mark.parametrize("batch_size", [6, 2])
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_untrac_is_a_bare_loop_step_for_step(trained, optimizer, batch_size):
    steps = 2 * 6 // batch_size
    attribution = UnTrac(optimizer=optimizer, lr=LR, batch_size=batch_size, epochs=2, points=steps).attribute(trained)
    assert attribution.steps == tuple(range(1, steps + 1))
    for k, examples in enumerate(trained.datasets.values()):
        batches = drawn(trained, examples, batch_size, steps)
        wanted = bare_loop(trained, batches, optimizer, trained.subsets)
        assert np.abs(wanted).min() > 1e-9
        np.testing.assert_allclose(attribution.influence[:, k], wanted, rtol=1e-7, atol=1e-13)


@pytest.mark.parametrize("batch_size", [256, 2])
@pytest.mark.parametrize("optimizer", OPTIMIZERS)
def test_untrac_inv_is_a_bare_loop_step_for_step(trained, optimizer, batch_size):
    method = UnTracInv(optimizer=optimizer, lr=LR, steps=4, points=4, batch_size=batch_size)
    attribution = method.attribute(trained)
    assert attribution.steps == (1, 2, 3, 4)
    for s, examples in enumerate(trained.subsets.values()):
        batches = drawn(trained, examples, batch_size, 4, every_run=True)
        wanted = bare_loop(trained, batches, optimizer, trained.datasets)
        np.testing.assert_allclose(attribution.influence[:, :, s], wanted, rtol=1e-7, atol=1e-13)


@pytest.mark.parametrize("optimizer", ["momentum", "rmsprop", "adam"])
def test_the_optimizers_are_the_papers(trained, optimizer):
    """Three full steps by the formulas of UnTrac Sec. 6.2, on the weights themselves."""
    model = trained.copy()
    values = list(model.parameters())
    first, second = ([torch.zeros_like(value) for value in values] for _ in range(2))
    examples = trained.datasets["a"]
    before = losses(model, trained.subsets)
    for step in range(1, 4):
        gradients = torch.autograd.grad(token_mean(model, examples), values)
        with torch.no_grad():
            for value, g, m, v in zip(values, gradients, first, second, strict=True):
                match optimizer:
                    case "momentum":  # torch's buffer starts with the first gradient undampened
                        m.copy_(g if step == 1 else 0.9 * m + 0.1 * g)
                        value += LR * m
                    case "rmsprop":
                        v.mul_(0.99).add_(0.01 * g * g)
                        value += LR * g / (v.sqrt() + 1e-8)
                    case "adam":
                        m.mul_(0.9).add_(0.1 * g)
                        v.mul_(0.999).add_(0.001 * g * g)
                        value += LR * (m / (1 - 0.9**step)) / ((v / (1 - 0.999**step)).sqrt() + 1e-8)
    attribution = UnTrac(optimizer=optimizer, lr=LR, batch_size=6, epochs=3, points=1).attribute(trained)
    np.testing.assert_allclose(attribution.influence[-1, 0], losses(model, trained.subsets) - before, rtol=1e-6)


def test_an_epoch_is_every_full_batch_once():
    batches = list(order_of(7, 2, 9, torch.Generator().manual_seed(0)))
    assert [len(batch) for batch in batches] == [2] * 9
    epochs = [torch.cat(batches[start : start + 3]).tolist() for start in (0, 3, 6)]
    assert all(len(set(epoch)) == 6 and set(epoch) <= set(range(7)) for epoch in epochs)
    assert len({tuple(epoch) for epoch in epochs}) == 3
    exact = torch.cat(list(order_of(6, 2, 6, torch.Generator().manual_seed(0)))).tolist()
    assert set(Counter(exact).values()) == {2}
    assert len(exact) == 12


@pytest.mark.parametrize("batch_size", [4, 5, 100])
def test_a_set_no_larger_than_a_batch_is_the_batch(batch_size):
    assert [batch.tolist() for batch in order_of(4, batch_size, 2, torch.Generator())] == [[0, 1, 2, 3]] * 2


def test_a_dataset_smaller_than_a_batch_is_unlearned_whole(trained):
    how = {"lr": 1e-3, "epochs": 3, "points": 3}
    attribution = UnTrac(**how, batch_size=500).attribute(trained)
    assert attribution.steps == (1, 2, 3)
    np.testing.assert_array_equal(attribution.influence, UnTrac(**how, batch_size=6).attribute(trained).influence)


@pytest.mark.parametrize(
    ("steps", "points", "wanted"),
    [(6, 3, (2, 4, 6)), (5, 5, (1, 2, 3, 4, 5)), (1, 4, (1,)), (7, 2, (4, 7)), (3, 1, (3,))],
)
def test_points_are_even_and_end_with_the_last_step(steps, points, wanted):
    assert evenly(steps, points) == wanted


def test_influence_over_steps_is_that_of_shorter_unlearnings(trained):
    whole = UnTrac(lr=1e-3, batch_size=2, epochs=3, points=9).attribute(trained)
    for epochs in (1, 2, 3):
        ends = UnTrac(lr=1e-3, batch_size=2, epochs=epochs, points=1).attribute(trained)
        assert ends.steps == (3 * epochs,)
        np.testing.assert_array_equal(whole.influence[3 * epochs - 1], ends.influence[0])


def test_datasets_of_unequal_sizes_take_the_largest_ones_steps_in_any_order(trained):
    a, b, c = trained.datasets.values()
    unequal = dataclasses.replace(trained, datasets={"b": b[:3], "a": a, "c": c[:1]})
    turned = dataclasses.replace(trained, datasets={"c": c[:1], "a": a, "b": b[:3]})
    method = UnTrac(lr=1e-3, batch_size=2, points=1)
    attribution = method.attribute(unequal)
    assert attribution.steps == (3,)
    np.testing.assert_array_equal(method.attribute(turned).influence, attribution.influence[:, [2, 1, 0]])


def test_the_batch_of_untrac_inv_is_the_whole_subset_unless_told(trained):
    plain = UnTracInv(lr=1e-3).attribute(trained)
    assert plain.steps == (1, 2, 3, 4, 5)
    for batch_size in (None, 4, 10_000):
        same = UnTracInv(lr=1e-3, batch_size=batch_size).attribute(trained)
        np.testing.assert_array_equal(same.influence, plain.influence)
    single = UnTracInv(lr=1e-3, batch_size=1).attribute(trained)
    assert np.abs(single.influence - plain.influence).max() > 1e-5


def test_dropout_unlearns_in_training_mode_and_is_seeded(trained):
    assert trained.model.config.dropout == 0
    noisy = trained.copy()
    for module in noisy.modules():
        if hasattr(module, "dropout") and isinstance(module.dropout, float):
            module.dropout = 0.3
    shaken = dataclasses.replace(trained, model=noisy)
    for cls, how in ((UnTrac, {"batch_size": 2}), (UnTracInv, {})):
        quiet = cls(**how, lr=1e-3).attribute(shaken).influence
        np.testing.assert_array_equal(quiet, cls(**how, lr=1e-3).attribute(trained).influence)
        influence = cls(**how, lr=1e-3, dropout=True).attribute(shaken).influence
        np.testing.assert_array_equal(influence, cls(**how, lr=1e-3, dropout=True).attribute(shaken).influence)
        assert np.abs(influence - quiet).max() > 1e-6
        watched = cls(**{**how, "points": 1}, lr=1e-3, dropout=True).attribute(shaken).influence
        np.testing.assert_array_equal(watched[-1], influence[-1])


@pytest.mark.parametrize("cls", [UnTrac, UnTracInv])
def test_frozen_parameters_stay_and_tied_ones_move_together(trained, cls):
    model = trained.copy()
    frozen = [name for name, _ in model.named_parameters() if "fc1" in name]
    for name, value in model.named_parameters():
        value.requires_grad_(name not in frozen)
    seen = []
    partly = dataclasses.replace(trained, model=model)
    probe = dataclasses.replace(partly, unlearned=lambda name, moved: seen.append(moved))
    influence = cls(lr=1e-2).attribute(probe).influence
    assert np.abs(influence - cls(lr=1e-2).attribute(trained).influence).max() > 1e-6
    for moved in seen:
        assert moved.lm_head.weight is moved.model.decoder.embed_tokens.weight
        for name, value in moved.named_parameters():
            assert torch.equal(value, dict(model.named_parameters())[name]) == (name in frozen), name
    # Only what unlearns a training dataset is shown.
    assert len(seen) == (3 if cls is UnTrac else 0)


@pytest.mark.parametrize("cls", [UnTrac, UnTracInv])
def test_divergence_says_what_to_do(trained, cls):
    with pytest.raises(AttributionError, match=r"unlearning diverged: a loss is not finite after step \d+; lower lr"):
        cls(optimizer="sgd", lr=1e300).attribute(trained)


def test_scored_tokens_alone_are_unlearned(trained):
    """Masked tokens are read and not counted: their own loss has no gradient."""
    a = trained.datasets["a"]
    scored = a.scored.clone()
    scored[:, 1:5] = False
    part = dataclasses.replace(trained, datasets={"a": Examples(a.tokens, scored)})
    influence = UnTrac(optimizer="sgd", lr=LR, batch_size=6, points=1).attribute(part).influence[-1, 0]
    model = trained.copy()
    logits = model(input_ids=a.tokens).logits[:, 4:-1]
    loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), a.tokens[:, 5:].flatten())
    before = losses(model, trained.subsets)
    gradients = torch.autograd.grad(loss, list(model.parameters()))
    with torch.no_grad():
        torch._foreach_add_(list(model.parameters()), gradients, alpha=LR)
    np.testing.assert_allclose(influence, losses(model, trained.subsets) - before, rtol=1e-9)
