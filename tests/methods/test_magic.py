"""Metagradients against whole retrainings: an independent training loop with weighted losses, in double precision."""

import dataclasses

import numpy as np
import pytest
import torch
from scipy import stats
from torch.nn.attention import SDPBackend, sdpa_kernel

from lodo.benchmark.specimen import trained_on
from lodo.methods.base import AttributionError
from lodo.methods.engine import secondorder
from lodo.methods.engine.metagradient import Course, forward
from lodo.methods.magic import Magic
from lodo.tasks.architectures.opt import Opt
from lodo.tasks.likelihood import Examples, mean_loss
from lodo.tasks.replay import Replay
from lodo.tasks.slots import Pool, base_slots, refilled_slots
from lodo.tasks.spec import Recipe

VOCABULARY, LENGTH = 24, 8
SPEC = Opt(width=8, layers=2, heads=2, feedforward=16, positions=LENGTH)
ADAMW = Recipe(
    steps=12,
    batch_size=6,
    sequence_length=LENGTH,
    lr=3e-3,
    schedule="cosine",
    warmup=3,
    betas=(0.8, 0.95),
    weight_decay=0.3,
    clip=0.85,
    precision="float64",
    checkpoints=1,
)
SGD = ADAMW.model_copy(update={"optimizer": "sgd", "lr": 0.3})
POOLS = [Pool("a", 36, 60), Pool("b", 24, 60), Pool("c", 12, 60)]


def sequences(seed, count=60):
    """Chains of tokens: after token t comes t + step, or now and then another one; every dataset has its own step."""
    generator = np.random.default_rng(seed)
    rows = (generator.integers(0, 20, (count, 1)) + (seed + 2) * np.arange(LENGTH)) % 20
    return np.where(generator.random((count, LENGTH)) < 0.2, generator.integers(0, 20, rows.shape), rows) + 3


STOCK = [sequences(seed) for seed in range(3)]


WHOLE = [Examples.whole(torch.from_numpy(pool)) for pool in STOCK]


def replay_of(recipe, slots=None, spec=SPEC):
    return Replay.of(spec, recipe, VOCABULARY, WHOLE, slots or base_slots(POOLS, 5), 7)


def make(tmp_path, recipe, spec=SPEC, name="run"):
    whole = [Examples.whole(torch.from_numpy(sequences(seed, 5))) for seed in (0, 2)]
    datasets = {pool.name: Examples.whole(torch.from_numpy(STOCK[i][:4])) for i, pool in enumerate(POOLS)}
    trained = trained_on(replay_of(recipe, spec=spec), tmp_path / name, datasets, {"x": whole[0], "y": whole[1]})
    assert list(trained.sizes.values()) == [36, 24, 12]
    return trained


@pytest.fixture
def adamw(tmp_path):
    return make(tmp_path, ADAMW, name="adamw")


@pytest.fixture
def sgd(tmp_path):
    return make(tmp_path, SGD, name="sgd")


def unfilled(trained):
    """The same training with nobody to fill a left-out dataset's slots, so that the influence is -D."""
    return dataclasses.replace(trained, definition="all-examples")


def bare_training(trained, weights, first=0):
    """Train with weighted datasets from step ``first`` on; the model, and how many steps were clipped."""
    replay, recipe = trained.replay, trained.replay.recipe
    model = replay.initial()
    make = {"adamw": torch.optim.AdamW, "sgd": torch.optim.SGD}[recipe.optimizer]
    options = {"betas": recipe.betas} if recipe.optimizer == "adamw" else {}
    optimizer = make(model.parameters(), lr=1.0, weight_decay=recipe.weight_decay, **options)
    clipped = 0
    for step in range(replay.steps):
        optimizer.param_groups[0]["lr"] = recipe.learning_rate(step)
        optimizer.zero_grad()
        tokens = replay.batch(step).tokens
        loss = 0.0
        for sequence, owner in zip(tokens, replay.owners(step).tolist(), strict=True):
            logits = model(input_ids=sequence[None]).logits[0, :-1]
            own = torch.nn.functional.cross_entropy(logits, sequence[1:])
            loss = loss + (weights[owner] if step >= first else 1.0) * own / len(tokens)
        loss.backward()
        clipped += bool(torch.nn.utils.clip_grad_norm_(model.parameters(), recipe.clip) > recipe.clip)
        optimizer.step()
    return model.eval(), clipped


def difference(trained, direction, first=0, step=1e-5):
    """Central differences of the subsets' losses along a direction of the datasets' weights, (S,).

    The step is so small that no ReLU and no clipping changes sides on the way.
    """
    ends = []
    for sign in (1, -1):
        model, _ = bare_training(trained, [1 + sign * step * part for part in direction], first)
        ends.append(np.array([mean_loss(model, examples) for examples in trained.subsets.values()]))
    return (ends[0] - ends[1]) / (2 * step)


@pytest.mark.parametrize("recipe", [ADAMW, SGD], ids=["adamw", "sgd"])
def test_it_is_the_difference_of_whole_retrainings(tmp_path, recipe):
    trained = make(tmp_path, recipe)
    model, clipped = bare_training(trained, [1, 1, 1])
    assert 0 < clipped < 12, "clipping is to act in some of the steps"
    for weight, wanted in zip(trained.model.parameters(), model.parameters(), strict=True):
        torch.testing.assert_close(weight, wanted, rtol=1e-7, atol=1e-9)
    derivative = -Magic().attribute(unfilled(trained)).influence
    influence = Magic().attribute(trained).influence
    assert np.abs(influence).min() > 1e-4
    for k, size in enumerate((36, 24, 12)):
        alone = np.eye(3)[k]
        np.testing.assert_allclose(derivative[k], difference(trained, alone), rtol=1e-3, atol=1e-7)
        refilled = [-1.0 if j == k else size / (72 - size) for j in range(3)]
        np.testing.assert_allclose(influence[k], difference(trained, refilled), rtol=1e-3, atol=1e-7)


def test_the_tail_is_the_difference_of_retrainings_weighted_in_the_last_steps(adamw):
    derivative = -Magic(tail=0.25).attribute(unfilled(adamw)).influence
    np.testing.assert_allclose(derivative[1], difference(adamw, [0, 1, 0], first=9), rtol=1e-3, atol=1e-7)
    assert np.abs(derivative - -Magic().attribute(unfilled(adamw)).influence).max() > 1e-3


@pytest.mark.parametrize("tail", [1.0, 0.6, 0.01])
@pytest.mark.parametrize("kind", ["adamw", "sgd"])
def test_reverse_is_forward(kind, tail, request):
    trained = request.getfixturevalue(kind)
    both = [Magic(mode=mode, tail=tail).attribute(trained).influence for mode in ("forward", "reverse")]
    np.testing.assert_allclose(*both, rtol=1e-8, atol=1e-12)


def test_the_replay_ends_where_the_training_did(adamw, sgd):
    for trained in (adamw, sgd):
        course = Course(trained)
        torch.testing.assert_close(forward(course)["theta"], course.layout.flat(trained.model), rtol=1e-9, atol=1e-11)


def test_leaving_out_what_the_test_is_made_of_raises_its_loss(tmp_path):
    """Subsets x and y are text of datasets a and c; b is of another kind, and its slots would do better with theirs."""
    influence = Magic().attribute(make(tmp_path, ADAMW)).influence
    assert influence[0, 0] > 0.01
    assert influence[2, 1] > 0.005
    assert influence[1].max() < -0.01


def test_it_ranks_real_retrainings_on_refilled_slots(tmp_path):
    recipe = ADAMW.model_copy(update={"steps": 36, "batch_size": 2, "lr": 2e-3, "clip": 1.0})
    trained = make(tmp_path, recipe)
    before = trained.losses(trained.subsets).numpy()
    truth = []
    for k in range(3):
        other = dataclasses.replace(trained, replay=replay_of(recipe, refilled_slots(POOLS, 5, k)))
        truth.append(trained.losses(trained.subsets, bare_training(other, [1, 1, 1])[0]).numpy() - before)
    influence = Magic().attribute(trained).influence
    assert stats.pearsonr(influence.ravel(), np.array(truth).ravel()).statistic > 0.8


def test_order_of_the_mixture_and_of_the_list_turn_rows_only(adamw):
    wanted = Magic().attribute(adamw)
    listed = dataclasses.replace(adamw, datasets=dict(reversed(adamw.datasets.items())))
    attribution = Magic().attribute(listed)
    assert attribution.datasets == ("c", "b", "a")
    np.testing.assert_allclose(attribution.influence, wanted.influence[::-1], rtol=1e-10)
    mixed = dataclasses.replace(
        listed,
        sizes=dict(reversed(adamw.sizes.items())),
        replay=dataclasses.replace(adamw.replay, owner=2 - adamw.replay.owner),
    )
    np.testing.assert_allclose(Magic().attribute(mixed).influence, wanted.influence[::-1], rtol=1e-10)


def test_second_derivatives_are_those_of_forward_over_reverse(adamw):
    """With padding, unscored tokens, and weights far from the start."""
    model = adamw.replay.initial()
    layout = secondorder.Layout(model)
    generator = torch.Generator().manual_seed(3)

    def noise(*shape):
        return torch.randn(*shape, generator=generator, dtype=torch.float64)

    theta = layout.flat(model) + 0.3 * noise(sum(layout.sizes))
    tokens = torch.randint(3, VOCABULARY, (5, 7), generator=generator)
    scored = torch.rand(5, 7, generator=generator) < 0.7
    scored[:, 0] = False
    examples, directions, weights = Examples(tokens, scored), noise(3, len(theta)), noise(3, 5)

    def loss(theta, weights):
        logits = torch.func.functional_call(model, layout.views(theta), (tokens,)).logits[:, :-1].log_softmax(-1)
        chances = logits.gather(2, tokens[:, 1:, None])[..., 0] * scored[:, 1:]
        return -(weights @ chances.sum(1)) / scored.sum()

    ones = torch.ones(5, dtype=torch.float64)
    with sdpa_kernel(SDPBackend.MATH):
        pairs = [
            torch.func.jvp(torch.func.grad(loss, (0, 1)), (theta, ones), (direction, weight))
            for direction, weight in zip(directions, weights, strict=True)
        ]
    g, dg, d_losses = secondorder.AutogradProducts(model, layout)(theta, examples, directions, weights)
    torch.testing.assert_close(g, pairs[0][0][0], rtol=1e-9, atol=1e-11)
    torch.testing.assert_close(dg, torch.stack([tangents[0] for _, tangents in pairs]), rtol=1e-9, atol=1e-11)
    torch.testing.assert_close(d_losses, torch.stack([tangents[1] for _, tangents in pairs]), rtol=1e-9, atol=1e-11)


def test_dropout_draws_the_masks_of_the_training(tmp_path):
    trained = make(tmp_path, ADAMW.model_copy(update={"steps": 12}), SPEC.model_copy(update={"dropout": 0.2}))
    course = Course(trained)
    state = torch.random.get_rng_state()
    torch.testing.assert_close(forward(course)["theta"], course.layout.flat(trained.model), rtol=1e-7, atol=1e-9)
    both = [Magic(mode=mode).attribute(trained).influence for mode in ("forward", "reverse")]
    np.testing.assert_allclose(*both, rtol=1e-8)
    assert torch.equal(state, torch.random.get_rng_state())


def test_one_pass_serves_every_test_set_and_is_charged_in_full(adamw):
    passes, tokens = {}, []

    def shared(name, compute, scope="run"):
        assert scope == "training"
        if name not in passes:
            passes[name] = compute()
        return passes[name]

    trained = dataclasses.replace(adamw, shared=shared, charge=tokens.append)
    first = Magic().attribute(trained).influence
    only = dataclasses.replace(trained, subsets={"y": trained.subsets["y"]})
    np.testing.assert_allclose(Magic().attribute(only).influence[:, 0], first[:, 1])
    Magic().attribute(unfilled(trained))
    assert len(passes) == 1
    assert sum(tokens) == (1 + 2 * 3) * adamw.replay.tokens
    Magic(tail=0.5).attribute(trained)
    assert len(passes) == 2, "another tail is another pass"


def test_auto_goes_back_where_subsets_are_far_fewer_than_datasets(adamw):
    names = [f"d{number}" for number in range(5)]
    many = dataclasses.replace(
        adamw,
        datasets=dict.fromkeys(names, adamw.datasets["a"]),
        sizes=dict.fromkeys(names, 1),
        subsets={"x": adamw.subsets["x"]},
        replay=dataclasses.replace(adamw.replay, owner=torch.arange(72) % 5),
        shared=lambda *_, **__: pytest.fail("reverse shares nothing"),
    )
    assert Magic().attribute(many).influence.shape == (5, 1)
    with pytest.raises(pytest.fail.Exception):
        Magic(mode="forward").attribute(many)


def test_bfloat16_is_replayed_in_single_precision(tmp_path):
    half = make(tmp_path, ADAMW.model_copy(update={"precision": "bfloat16"}))
    single = make(tmp_path, ADAMW.model_copy(update={"precision": "float32"}), name="single")
    influence, wanted = Magic().attribute(half).influence, Magic().attribute(single).influence
    np.testing.assert_allclose(influence, wanted, rtol=1e-4, atol=1e-6)
    np.testing.assert_allclose(Magic(double=True).attribute(half).influence, wanted, rtol=1e-2, atol=1e-4)


def test_key_biases_have_no_tangent_and_all_others_finite_ones(adamw):
    """Some positions and tokens have no gradient in any step: sqrt(v) has no derivative there."""
    course = Course(adamw)
    tangents = course.layout.views(forward(course)["tangents"])
    for name, value in tangents.items():
        assert torch.isfinite(value).all()
        assert value.any() != name.endswith("k_proj.bias"), name


def test_refusals(adamw):
    with pytest.raises(AttributionError, match="replay"):
        Magic().attribute(dataclasses.replace(adamw, replay=None))

    def under(**changes):
        recipe = adamw.replay.recipe.model_copy(update=changes)
        return dataclasses.replace(adamw, replay=dataclasses.replace(adamw.replay, recipe=recipe))

    with pytest.raises(AttributionError, match=r"'newton'.*hif-exact"):
        Magic().attribute(under(optimizer="newton"))
    for mode in ("forward", "reverse"):
        with pytest.raises(AttributionError, match=r"not finite at step .* of 12; lower tail"):
            Magic(mode=mode).attribute(under(lr=1e200, optimizer="sgd"))
