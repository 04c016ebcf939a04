"""LESS and TrackStar against a plain loop over checkpoints with torch's own Adam, in double precision."""

import dataclasses

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from lodo.methods import AttributionError
from lodo.methods.adam_gradients import Less, TrackStar
from lodo.methods.engine import gradients
from lodo.methods.engine.moments import Moments
from lodo.methods.first_order import GradCos, GradDot, TracIn
from lodo.tasks.likelihood import Examples, mean_loss
from lodo.tasks.trained import Checkpoint
from lodo.tasks.training import parameter_state

BETAS = (0.8, 0.97)
FROZEN = "model.decoder.layers.0.fc1.weight"


def plain_gradients(model, examples):
    """Autograd of the mean over next tokens; every token but the first is scored."""
    logits = model(input_ids=examples.tokens).logits[:, :-1]
    loss = torch.nn.functional.cross_entropy(logits.flatten(0, 1), examples.tokens[:, 1:].flatten())
    return torch.autograd.grad(loss, [value for value in model.parameters() if value.requires_grad])


def flat(parts):
    return torch.cat([part.detach().flatten() for part in parts])


@pytest.fixture(params=["all trainable", "one frozen"])
def adam(request, trained, tmp_path, monkeypatch):
    """The trained model after three and after seven steps of Adam; its third subset is longer than any sequence."""
    monkeypatch.setattr(gradients, "BLOCK", 101)
    monkeypatch.setattr(gradients, "GROUP", 2)
    model, generator = trained.copy(), torch.Generator().manual_seed(1)
    if request.param == "one frozen":
        dict(model.named_parameters())[FROZEN].requires_grad_(False)
    parameters = [value for value in model.parameters() if value.requires_grad]
    optimizer = torch.optim.Adam(parameters, lr=0.01, betas=BETAS)
    checkpoints = []
    for step in range(1, 8):
        batch = Examples.whole(torch.randint(3, 30, (4, 8), generator=generator))
        for value, part in zip(parameters, plain_gradients(model, batch), strict=True):
            value.grad = part
        optimizer.step()
        if step in (3, 7):
            path = tmp_path / f"adam-{step}.safetensors"
            save_file(parameter_state(model, optimizer), path)
            checkpoints.append(Checkpoint(step, {3: 0.5, 7: 0.02}[step], path))
    model.zero_grad(set_to_none=True)
    return dataclasses.replace(
        trained,
        model=model.eval(),
        subsets={**trained.subsets, "long": Examples.whole(torch.randint(3, 30, (3, 12), generator=generator))},
        checkpoints=tuple(checkpoints),
        recipe=trained.recipe.model_copy(update={"betas": BETAS}),
    )


@pytest.fixture(params=["more subsets", "more datasets"])
def sided(request, adam):
    """Both ways of holding the smaller side: K = 2 and S = 3, K = 3 and S = 2."""
    if request.param == "more subsets":
        return dataclasses.replace(adam, datasets={name: adam.datasets[name] for name in "ab"})
    return dataclasses.replace(adam, subsets={name: adam.subsets[name] for name in ("x", "long")})


def at(trained, checkpoint):
    model = trained.copy()
    checkpoint.load_into(model)
    return model


def stepped(trained, checkpoint, examples, lr):
    """A model before and after one real step of torch's Adam on ``examples`` from the stored state."""
    model = at(trained, checkpoint)
    trainable = {name: value for name, value in model.named_parameters() if value.requires_grad}
    optimizer = torch.optim.Adam(trainable.values(), lr=lr, betas=BETAS, foreach=False, fused=False)
    state = load_file(checkpoint.path)
    for name, value in trainable.items():
        optimizer.state[value] = {
            key: state[f"optimizer/{name}/{key}"].clone() for key in ("exp_avg", "exp_avg_sq", "step")
        }
    for value, part in zip(trainable.values(), plain_gradients(model, examples), strict=True):
        value.grad = part
    before = flat(trainable.values()).clone()
    optimizer.step()
    return before, flat(trainable.values()), model


def cosine(a, b):
    return float(torch.cosine_similarity(a, b, dim=0))


def test_less_is_the_cosine_of_a_real_adam_step_summed_over_the_checkpoints(sided):
    wanted = np.zeros((len(sided.datasets), len(sided.subsets)))
    for point in sided.checkpoints:
        for k, examples in enumerate(sided.datasets.values()):
            before, after, _ = stepped(sided, point, examples, lr=1.0)
            for s, subset in enumerate(sided.subsets.values()):
                test = flat(plain_gradients(at(sided, point), subset))
                wanted[k, s] += point.lr * cosine(before - after, test)
    np.testing.assert_allclose(Less().attribute(sided).influence, wanted, rtol=1e-7, atol=1e-10)


def test_a_positive_product_of_adams_direction_lowers_the_test_loss(adam):
    (point, _), rate = adam.checkpoints, 1e-6
    dots = gradients.gradient_products(adam, point, gradients.ADAM).dot
    assert np.abs(dots).min() > 1e-4
    for k, examples in enumerate(adam.datasets.values()):
        model = stepped(adam, point, examples, rate)[2]
        for s, subset in enumerate(adam.subsets.values()):
            fall = mean_loss(at(adam, point), subset) - mean_loss(model, subset)
            assert dots[k, s] == pytest.approx(fall / rate, rel=0.01, abs=1e-4)


def test_trackstar_is_the_cosine_over_the_root_of_the_second_moment_of_what_was_trained(sided):
    point = sided.checkpoints[-1]
    state, model = load_file(point.path), at(sided, point)
    names = [name for name, value in model.named_parameters() if value.requires_grad]
    dropped = [name for name in names if name.endswith("k_proj.bias")]
    unseen = [name for name in names if not state[f"optimizer/{name}/exp_avg_sq"].all()]
    assert len(dropped) == 1
    assert unseen == ["model.decoder.embed_positions.weight"]

    def scaled(examples):
        parts = []
        for name, part in zip(names, plain_gradients(model, examples), strict=True):
            second = state[f"optimizer/{name}/exp_avg_sq"] / (1 - BETAS[1] ** 7)
            known = (second > 0) & (name not in dropped)
            parts.append(torch.where(known, part / (second.sqrt() + 1e-8), 0))
        return flat(parts)

    datasets, subsets = ([scaled(e) for e in groups.values()] for groups in (sided.datasets, sided.subsets))
    wanted = [[cosine(a, b) for b in subsets] for a in datasets]
    np.testing.assert_allclose(TrackStar().attribute(sided).influence, wanted, rtol=1e-9)


def test_scaling_by_equal_moments_leaves_gradcos(adam, tmp_path):
    """One second moment for all coordinates takes nothing off a cosine but the parameters that do not count."""
    state = load_file(adam.checkpoints[-1].path)
    for key in state:
        if key.endswith("exp_avg_sq"):
            state[key].fill_(0.0 if "k_proj.bias" in key else 4.0)
    path = tmp_path / "even.safetensors"
    save_file(state, path)
    even = dataclasses.replace(adam, checkpoints=(dataclasses.replace(adam.checkpoints[-1], path=path),))
    np.testing.assert_allclose(TrackStar().attribute(even).influence, GradCos().attribute(even).influence, rtol=1e-9)


def test_rounding_in_what_the_loss_does_not_depend_on_is_not_blown_up(adam):
    """A key's bias shifts all scores of a query alike: its gradient is rounding, large in bfloat16."""
    model = at(adam, adam.checkpoints[-1])
    views = gradients.views_of(Moments.of(adam.checkpoints[-1], model, adam))
    names = [name for name, value in model.named_parameters() if value.requires_grad]
    sizes = [value.numel() for value in model.parameters() if value.requires_grad]

    def rounded(model, examples):
        parts = gradients.gradient(model, examples).split(sizes)
        return torch.cat(
            [part + 1e-4 if "k_proj.bias" in name else part for name, part in zip(names, parts, strict=True)]
        )

    exact, noisy = gradients.products(model, adam, views=views), gradients.products(model, adam, rounded, views)
    for key in ("scaled/dot", "scaled/dataset_norms", "scaled/subset_norms"):
        torch.testing.assert_close(noisy[key], exact[key])
    assert (noisy["dataset_norms"] > exact["dataset_norms"] * (1 + 1e-9)).all()


def test_each_checkpoint_counts_by_its_rate(adam):
    both = Less().attribute(adam).influence
    first, last = (Less().attribute(dataclasses.replace(adam, checkpoints=(p,))).influence for p in adam.checkpoints)
    np.testing.assert_allclose(both, first + last, rtol=1e-12)
    doubled = dataclasses.replace(adam.checkpoints[0], lr=2 * adam.checkpoints[0].lr)
    more = Less().attribute(dataclasses.replace(adam, checkpoints=(doubled, adam.checkpoints[1]))).influence
    np.testing.assert_allclose(more - both, first, rtol=1e-10)
    assert np.abs(first / 0.5).max() <= 1
    later = TrackStar().attribute(dataclasses.replace(adam, checkpoints=adam.checkpoints[1:])).influence
    np.testing.assert_array_equal(TrackStar().attribute(adam).influence, later)


def test_equal_datasets_have_equal_rows(adam):
    twins = dataclasses.replace(adam, datasets={**adam.datasets, "twin": adam.datasets["b"]})
    for method in (Less(), TrackStar()):
        influence = method.attribute(twins).influence
        np.testing.assert_array_equal(influence[1], influence[3])
        np.testing.assert_allclose(influence[:3], method.attribute(adam).influence, rtol=1e-12)


def test_more_views_need_no_more_accumulations(adam):
    calls = []

    def counted(model, examples):
        calls.append(examples)
        return gradients.gradient(model, examples)

    model = at(adam, adam.checkpoints[0])
    views = gradients.views_of(Moments.of(adam.checkpoints[0], model, adam))
    assert [view.name for view in views] == ["", "adam", "scaled"]
    assert len(gradients.products(model, adam, counted, views)) == 9
    assert len(calls) == 3 + 3


def test_all_first_order_methods_share_one_pass_per_checkpoint(adam):
    kept, computed = {}, []

    def shared(name, compute, scope="run"):
        if name not in kept:
            computed.append(name)
            kept[name] = compute()
        return kept[name]

    sharing = dataclasses.replace(adam, shared=shared)
    for method in (TracIn(), Less(), TrackStar(), GradDot(), GradCos()):
        np.testing.assert_array_equal(method.attribute(sharing).influence, method.attribute(adam).influence)
    assert computed == ["gradients-3", "gradients-7"]


def test_without_second_moments_only_what_needs_them_fails(trained):
    plain = dataclasses.replace(trained, recipe=trained.recipe.model_copy(update={"optimizer": "sgd"}))
    for method in (Less(), TrackStar()):
        with pytest.raises(AttributionError, match=r"step 10 holds no second moments .*'sgd'.*set recipe.optimizer"):
            method.attribute(plain)
    for method in (GradDot(), GradCos(), TracIn()):
        assert np.isfinite(method.attribute(plain).influence).all()


def test_theta_0_is_left_alone(adam):
    before = [value.clone() for value in adam.model.parameters()]
    for method in (Less(), TrackStar()):
        method.attribute(adam)
    assert all(torch.equal(a, b) for a, b in zip(before, adam.model.parameters(), strict=True))
    assert all(value.grad is None for value in adam.model.parameters())
