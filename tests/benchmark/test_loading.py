"""What a job's specification becomes: the steps of its training, the examples a run shows, what a method may see."""

import numpy as np
import pytest
import torch
from safetensors.torch import load_file

from lodo.benchmark.identity import Code
from lodo.benchmark.loading import load_trained
from lodo.benchmark.replaying import replay_of
from lodo.benchmark.shown import draw_examples, shown_examples
from lodo.benchmark.specifications import EstimateSpec, TrainingSpec
from lodo.methods.first_order import GradDot, TracIn
from lodo.tasks.architectures.opt import Opt
from lodo.tasks.prepare import Prepared
from lodo.tasks.sequences import Sequences
from lodo.tasks.spec import Mixture, Recipe, Runtime, TrainingDataset
from lodo.tasks.training import train

# Corpus k is written in the tokens 100 k, 100 k + 1, …; its i-th sequence begins with 100 k + i.
SLOTS = {"a": 8, "b": 12, "c": 20}
AVAILABLE = {"a": 14, "b": 40, "c": 16}
HASHES = {name: f"hash {name}" for name in SLOTS}
LENGTH, RECIPE = 6, Recipe(steps=10, batch_size=4, sequence_length=6, lr=0.01, schedule="linear", checkpoints=3)
NO_CODE = Code(hash="", libraries=())


def sequences(start, count):
    return Sequences.whole((start + np.arange(count))[:, None].repeat(LENGTH, 1).astype(np.int32))


PREPARED = Prepared(
    320,
    {name: sequences(100 * number, count) for number, (name, count) in enumerate(AVAILABLE.items())},
    {
        "others": {"y": sequences(110, 2)},
        "test": {"x": sequences(3, 4)},
    },
)


def spec(left_out=None, definition=None, recipe=RECIPE, seed=0):
    return TrainingSpec(
        mixture=Mixture(datasets=tuple(TrainingDataset(name=name, slots=n) for name, n in SLOTS.items())),
        pools=HASHES,
        vocabulary=320,
        model=Opt(width=8, heads=2, feedforward=8, positions=LENGTH),
        recipe=recipe,
        seed=seed,
        left_out=left_out,
        definition=definition,
        runtime=Runtime(),
        code=NO_CODE,
    )


def seen(replay):
    """The sequences in the order of the training, by their first token, and whose each is."""
    first = replay.stock[replay.rows].tokens[:, 0]
    assert torch.equal(first // 100, replay.owner)
    return first


@pytest.mark.parametrize("left_out", SLOTS)
def test_leaving_a_dataset_out_refills_its_own_slots_and_no_others(left_out):
    base, other = seen(replay_of(PREPARED, spec())), seen(replay_of(PREPARED, spec(left_out, "fixed-steps")))
    number = list(SLOTS).index(left_out)
    holes = base // 100 == number
    assert int(holes.sum()) == SLOTS[left_out]
    assert torch.equal(base[~holes], other[~holes])
    assert not (other // 100 == number).any()


@pytest.mark.parametrize("left_out", SLOTS)
def test_all_examples_drops_its_slots_and_keeps_the_order_of_the_rest(left_out):
    base, replay = seen(replay_of(PREPARED, spec())), replay_of(PREPARED, spec(left_out, "all-examples"))
    kept = base[base // 100 != list(SLOTS).index(left_out)]
    assert torch.equal(seen(replay), kept)
    assert replay.steps == (40 - SLOTS[left_out]) // 4


def test_uncoupled_counterfactuals_hold_the_same_examples_in_another_order():
    coupled = seen(replay_of(PREPARED, spec("b", "fixed-steps")))
    shuffled = seen(replay_of(PREPARED, spec("b", "fixed-steps", RECIPE.model_copy(update={"coupled": False}))))
    assert not torch.equal(coupled, shuffled)
    assert torch.equal(coupled.sort().values, shuffled.sort().values)


def test_a_counterfactual_begins_with_the_weights_of_its_base():
    base, other = (replay_of(PREPARED, each).initial() for each in (spec(), spec("a", "fixed-steps")))
    assert all(torch.equal(p, q) for p, q in zip(base.parameters(), other.parameters(), strict=True))
    again = replay_of(PREPARED, spec(seed=1))
    assert not torch.equal(next(again.initial().parameters()), next(base.parameters()))
    assert not torch.equal(again.rows, replay_of(PREPARED, spec()).rows)


@pytest.mark.parametrize("run", range(5))
def test_shown_examples_are_the_mixtures_own_and_unseen_ones_are_not(run):
    shown, unseen = shown_examples(PREPARED, HASHES, spec(), 7, run)
    assert list(shown) == list(SLOTS)
    for number, (name, examples) in enumerate(shown.items()):
        own = min(SLOTS[name], AVAILABLE[name])
        index = examples.tokens[:, 0] - 100 * number
        assert len(set(index.tolist())) == len(index) == 7
        assert int(index.max()) < own
        spare = unseen[name].tokens[:, 0] - 100 * number if name in unseen else torch.tensor([], dtype=torch.long)
        assert spare.tolist() == list(range(own, min(own + 7, AVAILABLE[name])))
    assert "c" not in unseen, "its corpus is used up"


def test_every_own_sequence_is_shown_in_some_run():
    """The drawn ones come from all of the mixture's part, not from its beginning."""
    shown = {int(t) for run in range(40) for t in shown_examples(PREPARED, HASHES, spec(), 7, run)[0]["a"].tokens[:, 0]}
    assert shown == set(range(8))


def test_runs_draw_anew_and_equal_datasets_alike():
    pool = PREPARED.pools["b"]

    def drawn(run, content):
        return draw_examples(pool, 12, 6, run, content).tokens

    np.testing.assert_array_equal(drawn(0, "hash"), drawn(0, "hash"))
    assert not np.array_equal(drawn(0, "hash"), drawn(1, "hash"))
    assert not np.array_equal(drawn(0, "hash"), drawn(0, "another"))


def test_all_examples_are_all_own_sequences_in_their_order():
    shown, _ = shown_examples(PREPARED, HASHES, spec(), "all", 3)
    own = {name: min(SLOTS[name], AVAILABLE[name]) for name in SLOTS}
    assert {name: len(examples) for name, examples in shown.items()} == own
    assert shown["c"].tokens[:, 0].tolist() == list(range(200, 216))


def estimate(run=0, training="key"):
    return EstimateSpec(
        training=training,
        subsets={"x": "hash"},
        examples=5,
        run=run,
        method="m",
        hyperparameters={},
        method_code=NO_CODE,
        runtime=Runtime(),
        code=NO_CODE,
    )


@pytest.fixture(scope="module")
def entry(tmp_path_factory):
    """The folder of the base training."""
    folder = tmp_path_factory.mktemp("entry")
    train(replay_of(PREPARED, spec()), folder, Runtime())
    return folder


def test_a_method_sees_the_trained_weights_the_examples_and_the_past(entry):
    trained = load_trained(PREPARED, HASHES, spec(), entry, estimate(), "test")
    last = load_file(entry / "step-10.safetensors")
    for name, value in trained.model.named_parameters():
        assert torch.equal(value, last[f"model/{name}"])
    assert not trained.model.training
    assert trained.sizes == SLOTS
    assert {name: len(examples) for name, examples in trained.datasets.items()} == dict.fromkeys(SLOTS, 5)
    assert trained.subsets["x"].tokens[:, 0].tolist() == [3, 4, 5, 6]
    assert not trained.subsets["x"].scored[:, 0].any()
    assert torch.equal(trained.replay.rows, replay_of(PREPARED, spec()).rows)
    assert [point.step for point in trained.checkpoints] == [3, 7, 10]


def test_a_checkpoints_rate_is_the_sum_since_the_one_before(entry):
    trained = load_trained(PREPARED, HASHES, spec(), entry, estimate(), "test")
    rates = [RECIPE.learning_rate(step) for step in range(10)]
    rates_summed = [point.lr for point in trained.checkpoints]
    assert rates_summed == pytest.approx([sum(rates[0:3]), sum(rates[3:7]), sum(rates[7:10])])


def test_seeds_follow_what_is_trained_and_the_run_whatever_code_does_it(entry):
    def load(run=0, training=None, key="key"):
        return load_trained(PREPARED, HASHES, training or spec(), entry, estimate(run, key), "test")

    newer = spec().model_copy(update={"code": Code(hash="another", libraries=(("torch", "99"),))})
    first, again, next_run, other = load(), load(training=newer, key="newer"), load(1), load(training=spec(seed=1))
    assert first.seed == again.seed
    assert first.training_seed == again.training_seed
    assert len({first.seed, next_run.seed, other.seed}) == 3
    assert first.training_seed == next_run.training_seed != other.training_seed


def test_what_a_method_does_to_its_subsets_reaches_no_other_run(entry):
    first = load_trained(PREPARED, HASHES, spec(), entry, estimate(), "test")
    first.subsets["x"].tokens.zero_()
    assert load_trained(PREPARED, HASHES, spec(), entry, estimate(), "test").subsets["x"].tokens.any()


def test_a_task_is_asked_about_its_own_test_set(entry):
    assert list(load_trained(PREPARED, HASHES, spec(), entry, estimate(), "others").subsets) == ["y"]


def test_a_training_follows_its_seed():
    first, again, other = (replay_of(PREPARED, spec(seed=seed)) for seed in (0, 0, 1))
    assert torch.equal(first.rows, again.rows)
    assert not torch.equal(first.rows, other.rows)
    assert not torch.equal(next(first.initial().parameters()), next(other.initial().parameters()))


def test_batches_follow_one_another_and_know_whose_they_are():
    replay = replay_of(PREPARED, spec())
    batches = torch.cat([replay.batch(step).tokens[:, 0] for step in range(replay.steps)])
    assert torch.equal(batches, seen(replay))
    assert torch.equal(torch.cat([replay.owners(step) for step in range(replay.steps)]), replay.owner)


def test_tracin_weighs_each_interval_by_its_own_rates(entry):
    trained = load_trained(PREPARED, HASHES, spec(), entry, estimate(), "test")
    wanted = 0
    for point, interval in zip(trained.checkpoints, (range(3), range(3, 7), range(7, 10)), strict=True):
        model = trained.copy()
        point.load_into(model)
        weights, rows = list(model.parameters()), []
        for group in (trained.datasets, trained.subsets):
            losses = [model(input_ids=examples.tokens, labels=examples.tokens).loss for examples in group.values()]
            parts = [torch.autograd.grad(loss, weights) for loss in losses]
            rows.append(torch.stack([torch.cat([part.flatten() for part in each]).double() for each in parts]))
        wanted = wanted + sum(map(RECIPE.learning_rate, interval)) * (rows[0] @ rows[1].T).numpy()
    np.testing.assert_allclose(TracIn().attribute(trained).influence, wanted, rtol=1e-3, atol=1e-6)


def test_runs_with_other_examples_have_other_gradients(entry):
    one, other = (
        GradDot().attribute(load_trained(PREPARED, HASHES, spec(), entry, estimate(run), "test")).influence
        for run in (0, 1)
    )
    assert not np.isclose(one, other).any()


def test_what_is_shown_stood_in_the_training_and_what_is_unseen_did_not():
    used = set(seen(replay_of(PREPARED, spec())).tolist())
    shown, unseen = shown_examples(PREPARED, HASHES, spec(), 6, 0)
    for name, groups in {"shown": shown, "unseen": unseen}.items():
        first = {token for examples in groups.values() for token in examples.tokens[:, 0].tolist()}
        assert first
        assert first <= used if name == "shown" else not first & used, name
