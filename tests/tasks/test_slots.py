"""Coupled counterfactuals see exactly the slots they should."""

import numpy as np
import pytest

from lodo.tasks.slots import Pool, apportion, base_slots, dropped_slots, refilled_slots, reshuffled_slots, stream

POOLS = [Pool("a", 40, 50), Pool("b", 20, 100), Pool("c", 20, 20), Pool("d", 16, 6)]


def pairs(slots):
    return list(zip(slots.dataset.tolist(), slots.example.tolist(), strict=True))


def test_base_fills_every_datasets_slots_with_its_own_sequences():
    slots = base_slots(POOLS, seed=3)
    assert np.bincount(slots.dataset).tolist() == [40, 20, 20, 16]
    for index, pool in enumerate(POOLS[:3]):
        assert sorted(slots.example[slots.dataset == index]) == list(range(pool.slots))
    counts = np.bincount(slots.example[slots.dataset == 3])
    assert sorted(counts.tolist()) == [2, 2, 3, 3, 3, 3]
    assert slots.repeats == 10


def test_only_the_left_out_slots_are_refilled():
    base, refilled = base_slots(POOLS, 3), refilled_slots(POOLS, 3, left_out=0)
    kept = base.dataset != 0
    assert (refilled.dataset[kept] == base.dataset[kept]).all()
    assert (refilled.example[kept] == base.example[kept]).all()
    assert 0 not in refilled.dataset


def test_refill_is_proportional_and_takes_unused_sequences_first():
    base, refilled = base_slots(POOLS, 3), refilled_slots(POOLS, 3, left_out=0)
    holes = base.dataset == 0
    assert np.bincount(refilled.dataset[holes], minlength=4).tolist() == [0, 14, 14, 12]
    new = refilled.example[holes & (refilled.dataset == 1)]
    assert len(set(new.tolist())) == 14
    assert (new >= 20).all(), "b has 80 spare sequences, so none of its own may be repeated"
    assert refilled.repeats == 14 + (16 + 12 - 6)


def test_identical_under_the_same_seed_and_different_under_another():
    assert pairs(refilled_slots(POOLS, 3, 1)) == pairs(refilled_slots(POOLS, 3, 1))
    assert pairs(refilled_slots(POOLS, 3, 1)) != pairs(refilled_slots(POOLS, 4, 1))


def test_seed_changes_order_but_not_the_mixture():
    assert sorted(pairs(base_slots(POOLS[:3], 0))) == sorted(pairs(base_slots(POOLS[:3], 1)))


def test_seeds_change_the_order_of_the_datasets_and_of_each_ones_sequences():
    first, second = base_slots(POOLS, 0), base_slots(POOLS, 1)
    assert first.dataset.tolist() != second.dataset.tolist()
    for index in range(len(POOLS)):
        one, other = (slots.example[slots.dataset == index].tolist() for slots in (first, second))
        assert one != other
    assert stream(POOLS[0], 40, 0).tolist() != stream(POOLS[0], 40, 1).tolist()
    assert stream(Pool("e", 40, 50), 40, 0).tolist() != stream(POOLS[0], 40, 0).tolist()


def test_reshuffled_sees_the_same_examples_in_another_order():
    refilled, reshuffled = refilled_slots(POOLS, 3, 1), reshuffled_slots(POOLS, 3, 1)
    assert sorted(pairs(refilled)) == sorted(pairs(reshuffled))
    assert pairs(refilled) != pairs(reshuffled)


def test_all_examples_drops_and_compacts_in_order():
    base, dropped = base_slots(POOLS, 3), dropped_slots(POOLS, 3, left_out=1, batch_size=10)
    expected = [pair for pair in pairs(base) if pair[0] != 1]
    assert len(dropped.dataset) == 70
    assert pairs(dropped) == expected[:70]


def test_stream_uses_everything_once_before_repeating():
    pool = Pool("x", 5, 12)
    drawn = stream(pool, 30, seed=0).tolist()
    assert sorted(drawn[:5]) == [0, 1, 2, 3, 4]
    assert sorted(drawn[:12]) == list(range(12))
    assert sorted(drawn[12:24]) == list(range(12))


@pytest.mark.parametrize(
    ("total", "weights", "shares"), [(10, [1, 1, 1], [4, 3, 3]), (7, [5, 2], [5, 2]), (3, [9, 0], [3, 0])]
)
def test_apportion(total, weights, shares):
    assert apportion(total, weights) == shares
