"""What leaving out means for a training's steps, and what a method gets to see of a base training."""

import numpy as np
import pytest
import torch

from lodo.benchmark.loading import load_trained
from lodo.benchmark.replaying import replay_of
from lodo.benchmark.shown import draw_examples, shown_examples
from lodo.methods.first_order import GradDot, TracIn
from lodo.tasks.prepare import Prepared
from lodo.tasks.spec import Runtime
from lodo.tasks.training import train

# Slots and sequences there are; the sequences of the k-th dataset hold tokens of the k-th ten alone.
DATASETS = {"a": (24, 40), "b": (12, 30), "c": (12, 12), "d": (12, 60)}
STEPS, BATCH, LENGTH = 15, 4, 6
RECIPE = {
    "steps": STEPS,
    "batch_size": BATCH,
    "sequence_length": LENGTH,
    "lr": 0.01,
    "schedule": "linear",
    "warmup": 2,
    "checkpoints": 3,
}


def sequences(place, count):
    return np.random.default_rng(place).integers(10 * place, 10 * place + 10, (count, LENGTH)).astype(np.int32)


@pytest.fixture(scope="module")
def prepared():
    pools = {name: sequences(1 + place, count) for place, (name, (_, count)) in enumerate(DATASETS.items())}
    whole = np.ones((5, LENGTH), dtype=bool)
    whole[:, 0] = False
    subset = (sequences(2, 5), whole)
    return Prepared(60, pools, {"places": {"like b": subset}, "others": {"x": subset}})


def job(left_out=None, definition="fixed-steps", seed=0, **recipe):
    """A training job's specification as plain values."""
    return {
        "recipe": {**RECIPE, **recipe},
        "seed": seed,
        "left_out": left_out,
        "definition": definition,
        "mixture": {"datasets": [{"name": name, "slots": slots} for name, (slots, _) in DATASETS.items()]},
        "model": {"width": 8, "heads": 2, "feedforward": 8, "positions": LENGTH},
        "vocabulary": 60,
        "runtime": {"device": "cpu"},
    }


def tokens_of(replay):
    """Every slot's sequence, (steps * batch, L)."""
    return torch.cat([replay.batch(step).tokens for step in range(replay.steps)])


def places_of(replay):
    """By its tokens, whose sequence stands in each slot."""
    return (tokens_of(replay)[:, 1] // 10 - 1).tolist()


@pytest.mark.parametrize("definition", ["fixed-steps", "all-examples"])
@pytest.mark.parametrize("place", range(len(DATASETS)))
def test_the_dataset_left_out_is_the_one_that_is_gone_and_no_other(prepared, place, definition):
    base, without = (replay_of(prepared, job(name, definition)) for name in (None, list(DATASETS)[place]))
    assert np.bincount(places_of(base)).tolist() == [24, 12, 12, 12]
    assert set(places_of(without)) == set(range(4)) - {place}
    assert without.owner.tolist() == places_of(without)


@pytest.mark.parametrize("name", DATASETS)
def test_coupled_all_slots_but_the_left_out_ones_are_the_bases(prepared, name):
    base, without = replay_of(prepared, job()), replay_of(prepared, job(name))
    kept = base.owner != list(DATASETS).index(name)
    assert without.steps == base.steps
    assert torch.equal(tokens_of(without)[kept], tokens_of(base)[kept])
    for mine, other in zip(without.initial().parameters(), base.initial().parameters(), strict=True):
        assert torch.equal(mine, other)


def test_uncoupled_the_same_sequences_come_in_another_order(prepared):
    coupled, apart = (replay_of(prepared, job("b", coupled=coupled)) for coupled in (True, False))
    assert sorted(tokens_of(coupled).tolist()) == sorted(tokens_of(apart).tolist())
    base = replay_of(prepared, job())
    kept = base.owner != 1
    assert not torch.equal(tokens_of(apart)[kept], tokens_of(base)[kept])
    assert torch.equal(tokens_of(coupled)[kept], tokens_of(base)[kept])


def test_all_examples_goes_on_with_what_is_left_in_order(prepared):
    base, without = replay_of(prepared, job()), replay_of(prepared, job("b", "all-examples"))
    assert without.steps == (60 - 12) // BATCH
    assert torch.equal(tokens_of(without), tokens_of(base)[base.owner != 1])


def test_a_training_follows_its_seed(prepared):
    first, again, other = (replay_of(prepared, job(seed=seed)) for seed in (0, 0, 1))
    assert torch.equal(first.rows, again.rows)
    assert not torch.equal(first.rows, other.rows)
    assert not torch.equal(next(first.initial().parameters()), next(other.initial().parameters()))


HASHES = {"a": "A", "b": "B", "c": "B", "d": "D"}


def test_a_run_shows_sequences_that_the_training_used_each_once():
    pool = np.arange(40)[:, None]
    for run in range(20):
        shown = draw_examples(pool, 24, 8, run, "A")[:, 0].tolist()
        assert len(set(shown)) == 8
        assert max(shown) < 24, "from 24 on is text that the training did not use"
    everything = np.unique(np.concatenate([draw_examples(pool, 24, 8, run, "A") for run in range(20)]))
    assert everything.tolist() == list(range(24))


def test_what_is_shown_comes_from_run_and_content():
    pool = np.arange(40)[:, None]

    def draw(run, content):
        return draw_examples(pool, 24, 8, run, content)[:, 0].tolist()

    assert draw(0, "A") == draw(0, "A")
    assert draw(0, "A") != draw(1, "A")
    assert draw(0, "A") != draw(0, "B")


def test_what_is_unseen_stands_in_no_batch_of_the_training(prepared):
    shown, unseen = shown_examples(prepared, HASHES, job(), 10, 0)
    used = {tuple(row) for row in tokens_of(replay_of(prepared, job())).tolist()}
    assert list(shown) == list(DATASETS)
    for name, examples in shown.items():
        rows = {tuple(row) for row in examples.tokens.tolist()}
        assert len(rows) == 10
        assert rows <= used, name
        assert examples.scored[:, 1:].all()
        assert not examples.scored[:, 0].any()
    assert list(unseen) == ["a", "b", "d"], "the training used all that there is of c"
    for name, examples in unseen.items():
        rows = {tuple(row) for row in examples.tokens.tolist()}
        assert len(rows) == 10
        assert not rows & used, name


@pytest.fixture(scope="module")
def folder(prepared, tmp_path_factory):
    """A base training's entry."""
    path = tmp_path_factory.mktemp("base")
    train(replay_of(prepared, job()), path, Runtime())
    return path


def load(prepared, folder, run=0, training="key", test="places"):
    spec = {"training": training, "run": run, "examples": 10}
    return load_trained(prepared, HASHES, job(), folder, spec, test)


def test_a_checkpoints_rate_is_the_sum_over_the_steps_since_the_one_before(prepared, folder):
    trained = load(prepared, folder)
    rates = [trained.recipe.learning_rate(step) for step in range(STEPS)]
    assert [point.step for point in trained.checkpoints] == [5, 10, 15]
    wanted = [sum(rates[:5]), sum(rates[5:10]), sum(rates[10:])]
    assert [point.lr for point in trained.checkpoints] == pytest.approx(wanted)
    assert wanted[0] > wanted[1] > wanted[2]


def test_tracin_weighs_each_interval_by_its_own_rates(prepared, folder):
    trained = load(prepared, folder)
    found = 0
    for number, point in enumerate(trained.checkpoints):
        rate = sum(trained.recipe.learning_rate(step) for step in range(5 * number, 5 * number + 5))
        model = trained.copy()
        point.load_into(model)
        rows = []
        for group in (trained.datasets, trained.subsets):
            parts = []
            for examples in group.values():
                loss = model(input_ids=examples.tokens, labels=examples.tokens).loss
                parts.append(
                    torch.cat([part.flatten() for part in torch.autograd.grad(loss, list(model.parameters()))])
                )
            rows.append(torch.stack(parts).double())
        found = found + rate * (rows[0] @ rows[1].T).numpy()
    np.testing.assert_allclose(TracIn().attribute(trained).influence, found, rtol=1e-4, atol=1e-8)


def test_theta_0_is_the_last_checkpoint_in_evaluation_mode(prepared, folder):
    trained = load(prepared, folder)
    last = trained.copy()
    trained.checkpoints[-1].load_into(last)
    first = trained.copy()
    trained.checkpoints[0].load_into(first)
    for mine, wanted, other in zip(*(model.parameters() for model in (trained.model, last, first)), strict=True):
        assert torch.equal(mine, wanted)
        assert mine.ndim < 2 or not torch.equal(mine, other)
    assert not trained.model.training


def test_what_a_method_sees_is_labelled_and_seeded_by_training_and_run(prepared, folder):
    one, other, elsewhere = (load(prepared, folder, run, key) for run, key in ((0, "k"), (1, "k"), (0, "l")))
    assert one.sizes == {name: slots for name, (slots, _) in DATASETS.items()}
    assert list(one.datasets) == list(DATASETS)
    assert list(one.subsets) == ["like b"]
    assert len({one.seed, other.seed, elsewhere.seed}) == 3
    assert one.training_seed == other.training_seed != elsewhere.training_seed
    assert not torch.equal(one.datasets["a"].tokens, other.datasets["a"].tokens)
    assert torch.equal(one.subsets["like b"].tokens, torch.from_numpy(prepared.tests["places"]["like b"][0]).long())


def test_other_examples_have_other_gradients(prepared, folder):
    one, other = (GradDot().attribute(load(prepared, folder, run)).influence for run in (0, 1))
    assert not np.isclose(one, other).any()
    assert one.argmax() == other.argmax() == 1
