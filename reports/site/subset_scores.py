"""Every method's score and interval on each test subset alone, many at a time."""

from collections.abc import Mapping, Sequence

import numpy as np

from lodo.reports.derive import Reading, other_seeds
from lodo.reports.leaving import Answered, Pair
from lodo.reports.scoring import varies
from lodo.reports.uncertainty import Interval, again, again_ends, score, seeds_left_out

NEAR_ONE = 1 - 1e-6  # scores beyond this are looked at one by one: near 1 an interval may not exist


def subset_scores(given: Mapping[Pair, Answered], reading: Reading) -> dict[Pair, list[tuple[float, Interval]]]:
    """By method, its score and `again` on each of its subsets; the score is NaN where there is none.

    The same as `again` of each subset alone, which is what is done wherever something is odd; the rest, which is nearly
    all, goes through the same arithmetic at once.
    """
    made: dict[Pair, list[tuple[float, Interval]]] = {}
    alike: dict[tuple[int, ...], list[Pair]] = {}
    for pair, own in given.items():
        seeds, datasets, subsets = own.truth.shape
        if seeds < 3 or datasets < 3:  # where there is an interval at all, it hangs on more than these figures
            made[pair] = [_alone(own, index, reading) for index in range(subsets)]
        else:
            alike.setdefault(own.estimates.shape, []).append(pair)
    for pairs in alike.values():
        made |= _together(pairs, given, reading)
    return {pair: made[pair] for pair in given}


def _together(
    pairs: Sequence[Pair], given: Mapping[Pair, Answered], reading: Reading
) -> dict[Pair, list[tuple[float, Interval]]]:
    """Of methods with equally many redraws on one task."""
    truth = np.moveaxis(given[pairs[0]].truth, -1, 0)[..., None]  # (S, n, K, 1)
    estimates = np.stack([np.moveaxis(given[pair].estimates, -1, 0) for pair in pairs])[..., None]  # (M, S, n, R, K, 1)
    with np.errstate(invalid="ignore", divide="ignore"):
        values = score(estimates, truth, reading)
        low, high = again_ends(estimates, truth, reading)
        without = seeds_left_out(estimates, truth, reading)
    plain = np.isfinite(low) & np.isfinite(high) & (np.abs(values) < NEAR_ONE)
    plain &= (np.abs(without) < NEAR_ONE).all(axis=-1) & _steady(given[pairs[0]], estimates, reading)
    return {
        pair: [
            (float(values[i, j]), Interval(float(low[i, j]), float(high[i, j])))
            if plain[i, j]
            else _alone(given[pair], j, reading)
            for j in range(values.shape[1])
        ]
        for i, pair in enumerate(pairs)
    }


def _steady(own: Answered, estimates: np.ndarray, reading: Reading) -> np.ndarray:
    """Where (M, S) neither side is the same for every dataset."""
    compared = own.truth if reading == "own" else other_seeds(own.truth)
    return np.asarray(varies(estimates)[..., 0].all(axis=(-2, -1)) & varies(compared).all(axis=0))


def _alone(own: Answered, index: int, reading: Reading) -> tuple[float, Interval]:
    estimates, truth = own.estimates[..., index : index + 1], own.truth[..., index : index + 1]
    ends = again(estimates, truth, reading)
    with np.errstate(invalid="ignore", divide="ignore"):
        value = float(score(estimates, truth, reading))
    # What does not vary leaves rounding alone, which must not be taken for a score.
    return (float("nan") if ends.reason.startswith("estimate") else value), ends
