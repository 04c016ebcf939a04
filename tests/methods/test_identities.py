"""The identities of UnTrac Sec. 3.2 and 4.3, in double precision: wrong signs, means and labels break them."""

import dataclasses
import itertools

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from lodo.methods.engine import gradients
from lodo.methods.first_order import GradCos, GradDot, TracIn
from lodo.methods.lexical import BagOfWords
from lodo.methods.untrac import UnTrac, UnTracInv
from lodo.tasks.likelihood import Examples, mean_loss
from lodo.tasks.trained import Checkpoint
from lodo.tasks.training import parameter_state

# Small enough that no ReLU changes sides on the way: a kink would put a linear term into the gap.
RATES = (4e-5, 2e-5, 1e-5)


def untrac(lr, **options):
    return UnTrac(optimizer="sgd", lr=lr, batch_size=6, epochs=1, points=1, **options)


def inverse(lr):
    return UnTracInv(optimizer="sgd", lr=lr, steps=1)


def test_one_full_step_of_untrac_is_graddot_up_to_the_rate_squared(trained):
    dot = GradDot().attribute(trained).influence
    assert np.abs(dot).min() > 1e-4
    gaps = [np.abs(untrac(lr).attribute(trained).influence[-1] - lr * dot).max() for lr in RATES]
    assert gaps[0] < 0.01 * RATES[0] * np.abs(dot).min()
    for larger, smaller in itertools.pairwise(gaps):
        assert larger / smaller == pytest.approx(4, rel=0.1)


def test_one_full_step_of_untrac_and_its_inverse_agree_up_to_the_rate_squared(trained):
    gaps = [
        np.abs(untrac(lr).attribute(trained).influence[-1] - inverse(lr).attribute(trained).influence[-1]).max()
        for lr in RATES
    ]
    for larger, smaller in itertools.pairwise(gaps):
        assert larger / smaller == pytest.approx(4, rel=0.1)


def test_graddot_is_the_directional_derivative_of_the_test_loss(trained):
    """Central differences of L(Z'_s) along grad L(Z_k), independent of the gradient pass."""
    dot = GradDot().attribute(trained).influence
    for k, examples in enumerate(trained.datasets.values()):
        model = trained.copy()
        logits = model(input_ids=examples.tokens).logits[:, :-1]
        loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), examples.tokens[:, 1:].flatten())
        direction = torch.autograd.grad(loss, list(model.parameters()))
        for s, subset in enumerate(trained.subsets.values()):
            values = []
            for step in (1e-5, -2e-5):
                with torch.no_grad():
                    torch._foreach_add_(list(model.parameters()), direction, alpha=step)
                values.append(mean_loss(model, subset))
            with torch.no_grad():
                torch._foreach_add_(list(model.parameters()), direction, alpha=1e-5)
            assert dot[k, s] == pytest.approx((values[0] - values[1]) / 2e-5, rel=1e-5)


def test_gradcos_is_a_cosine(trained):
    influence = GradCos().attribute(trained).influence
    for k, examples in enumerate(trained.datasets.values()):
        for s, subset in enumerate(trained.subsets.values()):
            a, b = gradients.gradient(trained.copy(), examples), gradients.gradient(trained.copy(), subset)
            assert influence[k, s] == pytest.approx(float(torch.cosine_similarity(a, b, dim=0)), rel=1e-9)


def test_means_make_repeated_examples_count_no_more(trained, scaled):
    for method in (GradDot(), GradCos()):
        np.testing.assert_allclose(method.attribute(scaled()).influence, method.attribute(trained).influence, rtol=1e-9)


def test_gradcos_is_scale_free_and_graddot_is_not(trained):
    def stretched(model, examples, batch_size=64):
        return 7.0 * gradients.gradient(model, examples, batch_size)

    plain, large = gradients.products(trained.copy(), trained), gradients.products(trained.copy(), trained, stretched)

    def cosine(products):
        return products["dot"] / products["dataset_norms"][:, None] / products["subset_norms"][None]

    torch.testing.assert_close(cosine(plain), cosine(large))
    torch.testing.assert_close(49 * plain["dot"], large["dot"])


def test_tracin_is_the_sum_of_its_checkpoints_dot_products_by_their_rates(trained, tmp_path):
    """Two checkpoints of different weights and rates; each dot product by hand from that checkpoint's own weights."""
    earlier = trained.copy()
    with torch.no_grad():
        for value in earlier.parameters():
            value.mul_(0.7).add_(0.02)
    save_file(parameter_state(earlier), tmp_path / "step-4.safetensors")
    points = (Checkpoint(4, 0.3, tmp_path / "step-4.safetensors"), dataclasses.replace(trained.checkpoints[0], lr=0.05))
    wanted = np.zeros((3, 2))
    for rate, model in ((0.3, earlier), (0.05, trained.copy())):
        sides = [
            torch.stack([gradients.gradient(model, examples) for examples in group.values()])
            for group in (trained.datasets, trained.subsets)
        ]
        wanted += rate * (sides[0] @ sides[1].T).numpy()
    past = dataclasses.replace(trained, checkpoints=points)
    influence = TracIn().attribute(past).influence
    np.testing.assert_allclose(influence, wanted, rtol=1e-9)
    for method in (GradDot(), GradCos()):
        np.testing.assert_array_equal(method.attribute(past).influence, method.attribute(trained).influence)
    assert not np.allclose(influence, 0.35 * GradDot().attribute(trained).influence, rtol=0.1)


def test_batches_of_a_gradient_change_memory_only(trained):
    tokens = torch.cat([trained.datasets["a"].tokens, trained.datasets["b"].tokens])
    scored = torch.ones_like(tokens, dtype=torch.bool)
    scored[:, 0] = scored[:5, 3:] = False
    examples = Examples(tokens, scored)
    whole = gradients.gradient(trained.copy(), examples)
    assert whole.norm() > 1e-3
    for size in (1, 5, 7):
        torch.testing.assert_close(gradients.gradient(trained.copy(), examples, size), whole)


def test_the_pass_does_k_plus_s_accumulations_and_no_more(trained):
    calls = []

    def counted(model, examples, batch_size=64):
        calls.append(examples)
        return gradients.gradient(model, examples, batch_size)

    gradients.products(trained.copy(), trained, counted)
    assert len(calls) == 3 + 2


def test_batches_of_unlearning_change_memory_only(trained):
    from lodo.methods.engine.unlearning import Ascent, Term, ascent, unlearn

    def final(micro_batch):
        examples = trained.subsets["x"]
        how = Ascent("sgd", 0.05, 2, len(examples))
        return unlearn(trained, [Term(examples, ascent, trained.generator())], how, (2,), micro_batch)

    torch.testing.assert_close(final(64), final(1))
    assert (final(1) - torch.nn.utils.parameters_to_vector(trained.model.parameters())).abs().max() > 1e-6


@pytest.mark.parametrize("optimizer", ["sgd", "momentum", "rmsprop", "adam", "adamw", "adafactor"])
def test_unlearning_a_set_raises_its_own_loss(trained, optimizer):
    same = dataclasses.replace(trained, subsets=dict(trained.datasets))
    influence = UnTrac(optimizer=optimizer, lr=1e-3, batch_size=6, epochs=3).attribute(same).influence[-1]
    assert (np.diag(influence) > 0).all()


def test_theta_0_is_left_alone(trained):
    before = [value.clone() for value in trained.model.parameters()]
    for method in (GradDot(), TracIn(), untrac(0.1), inverse(0.1)):
        method.attribute(trained)
    assert all(torch.equal(a, b) for a, b in zip(before, trained.model.parameters(), strict=True))
    assert all(value.grad is None for value in trained.model.parameters())


def test_influence_over_steps_ends_with_the_estimate(trained):
    attribution = UnTrac(lr=1e-3, batch_size=2, epochs=2, points=3).attribute(trained)
    assert attribution.steps == (2, 4, 6)
    assert attribution.influence.shape == (3, 3, 2)
    short = UnTrac(lr=1e-3, batch_size=2, epochs=1, points=1).attribute(trained)
    assert short.steps == (3,)


def test_bag_of_words_is_the_cosine_of_token_counts_whatever_their_order(trained):
    influence = BagOfWords().attribute(trained).influence
    a, x = (
        np.bincount(examples.tokens[examples.scored].numpy(), minlength=30)
        for examples in (trained.datasets["a"], trained.subsets["x"])
    )
    assert influence[0, 0] == pytest.approx(a @ x / np.linalg.norm(a) / np.linalg.norm(x))
    same = dataclasses.replace(trained, subsets=dict(trained.datasets))
    np.testing.assert_allclose(np.diag(BagOfWords().attribute(same).influence), 1)
