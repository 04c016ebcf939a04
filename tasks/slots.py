"""Which example stands in which slot of a training: the base order and its coupled counterfactuals."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lodo.tasks.seeds import derive_seed


@dataclass(frozen=True)
class Pool:
    """One dataset's stock: ``slots`` of the base training are filled from ``available`` sequences.

    The first ``min(slots, available)`` sequences are the mixture's own; the rest is spare text for refilling.
    """

    name: str
    slots: int
    available: int

    @property
    def own(self) -> int:
        return min(self.slots, self.available)


@dataclass(frozen=True)
class Slots:
    """A training's data order.

    Attributes:
        dataset: (steps * batch,) index of the dataset in the mixture.
        example: (steps * batch,) index of the sequence in that dataset's pool.
        repeats: slots whose sequence had stood in an earlier or equal draw of the same stream.
    """

    dataset: np.ndarray
    example: np.ndarray
    repeats: int


def stream(pool: Pool, count: int, seed: int) -> np.ndarray:
    """The first ``count`` sequences of a dataset's endless stream under a seed, shape (count,).

    First the mixture's own sequences shuffled, then the spare ones shuffled, then all of them again and again.
    """
    generator = np.random.default_rng(derive_seed("stream", seed, pool.name))
    parts = [generator.permutation(pool.own), pool.own + generator.permutation(pool.available - pool.own)]
    while sum(map(len, parts)) < count:
        parts.append(generator.permutation(pool.available))
    return np.concatenate(parts)[:count]


def apportion(total: int, weights: Sequence[int]) -> list[int]:
    """Whole numbers proportional to the weights that add up to ``total`` (largest remainders, first wins ties)."""
    exact = [total * weight / sum(weights) for weight in weights]
    shares = [int(value) for value in exact]
    rest = sorted(range(len(weights)), key=lambda i: (shares[i] - exact[i], i))
    for index in rest[: total - sum(shares)]:
        shares[index] += 1
    return shares


def base_slots(pools: Sequence[Pool], seed: int) -> Slots:
    """The base training's order: every dataset's slots, shuffled together under the seed."""
    dataset = np.repeat(np.arange(len(pools)), [pool.slots for pool in pools])
    example = np.concatenate([stream(pool, pool.slots, seed) for pool in pools])
    order = np.random.default_rng(derive_seed("slots", seed)).permutation(len(dataset))
    repeats = sum(max(0, pool.slots - pool.available) for pool in pools)
    return Slots(dataset[order], example[order], repeats)


def refilled_slots(pools: Sequence[Pool], seed: int, left_out: int) -> Slots:
    """ "Fixed steps" (UnTrac Eq. 1): the base order with only the left-out dataset's slots refilled.

    The refill is proportional to the remaining datasets' sizes and takes unused sequences first.
    """
    base = base_slots(pools, seed)
    holes = np.flatnonzero(base.dataset == left_out)
    rest = [index for index in range(len(pools)) if index != left_out]
    shares = apportion(len(holes), [pools[index].slots for index in rest])
    labels = np.repeat(rest, shares)
    generator = np.random.default_rng(derive_seed("refill", seed, pools[left_out].name))
    labels = generator.permutation(labels)
    dataset, example = base.dataset.copy(), base.example.copy()
    dataset[holes] = labels
    repeats = 0
    for index, share in zip(rest, shares, strict=True):
        pool = pools[index]
        drawn = stream(pool, pool.slots + share, seed)
        example[holes[labels == index]] = drawn[pool.slots :]
        repeats += max(0, pool.slots + share - pool.available)
    return Slots(dataset, example, repeats)


def reshuffled_slots(pools: Sequence[Pool], seed: int, left_out: int) -> Slots:
    """The same examples as `refilled_slots`, in an order of their own: what coupling is measured against."""
    refilled = refilled_slots(pools, seed, left_out)
    order = np.random.default_rng(derive_seed("reshuffle", seed, pools[left_out].name)).permutation(
        len(refilled.dataset)
    )
    return Slots(refilled.dataset[order], refilled.example[order], refilled.repeats)


def dropped_slots(pools: Sequence[Pool], seed: int, left_out: int, batch_size: int) -> Slots:
    """ "All examples" (Koh et al. 2019; UnTrac App. A.1): the left-out slots dropped, the rest compacted in order.

    The last batch is dropped where it is not full.
    """
    base = base_slots(pools, seed)
    kept = np.flatnonzero(base.dataset != left_out)
    kept = kept[: len(kept) // batch_size * batch_size]
    repeats = sum(max(0, pool.slots - pool.available) for index, pool in enumerate(pools) if index != left_out)
    return Slots(base.dataset[kept], base.example[kept], repeats)
