"""95 % intervals of a method's score on a task: would it come out again, and would it hold elsewhere.

A score is a mean of Pearson correlations over K datasets: over subsets, redraws and seeds. Its seeds' values depend on
each other, as each seed's truth is in the others' mean, and correlations are bounded and skewed. So both intervals are
made of delete-one jackknives of the whole score on Fisher's scale z = arctanh(score), where Miller (1974), "The
jackknife - a review", Biometrika 61, wants it for correlations: what is left out leaves the mean truth as
well, so shared truths count in full. `lodo.reports.coverage` measures how often the intervals hold the expected score.
"""

import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy import stats

from lodo.reports.derive import Reading, other_seeds
from lodo.reports.scoring import NEEDS_SEEDS, varies

Metric = Literal["pearson", "spearman"]

LEVEL = 0.95
ROUNDING = 1e-9  # two values closer than this are one; a side whose squared length is left with less is constant


@dataclass(frozen=True)
class Interval:
    """A 95 % interval of a score, its ends within [-1, 1]; both None, with the reason in words, where there is none."""

    low: float | None
    high: float | None
    reason: str = ""


def again(estimates: np.ndarray, truth: np.ndarray, reading: Reading = "others") -> Interval:
    """Would this score come out again: same datasets, subsets and text, new seeds and redraws.

    Covers the expected score at this n, which is over new truths, new models and new redraws alike: z ± t_{n-1} s with
    s² = (n - 1)/n Σ_i (z_(i) - z_(.))², the jackknife over the seeds (Efron and Tibshirani 1993, "An introduction to
    the bootstrap", eq. 11.5), z_(i) being the score without seed i's estimates and truth. Of two seeds that are each
    other's truth, the one that is left would have no other; z_(i) is then its value with the truth that it had, which
    makes this Student's interval of two z.

    Args:
        estimates: (n, R, K, S), every seed's R redraws, in any unit.
        truth: (n, K, S), nats per token.
        reading: whether estimates are compared with the other seeds' mean truth or with their own seed's.
    """
    reason = why_not_again(estimates, truth, reading)
    return Interval(None, None, reason) if reason else _interval(*again_ends(estimates, truth, reading))


def why_not_again(
    estimates: np.ndarray, truth: np.ndarray, reading: Reading = "others", metric: Metric = "pearson"
) -> str:
    """Why there is no `again`, in words; "" where there is one."""
    reason = _lack(estimates, truth, reading, datasets=3, subsets=1, metric=metric)
    if reason:
        return reason
    without = seeds_left_out(estimates, truth, reading, metric)
    return _unsteady(without, "seed") or _tied(without, truth, reading)


def elsewhere(estimates: np.ndarray, truth: np.ndarray, reading: Reading = "others") -> Interval:
    """Would this score hold for other datasets and subsets like these, with new seeds and redraws.

    Covers the expected score of a benchmark of the same K, S and n, since that is what another one of this size would
    show; it is not the correlation over infinitely many datasets, which is a little higher. Datasets, subsets and seeds
    are crossed, and the variance of z is taken as the sum of their three delete-one jackknives, as that of Cameron,
    Gelbach and Miller (2011), "Robust inference with multiway clustering", J. Bus. Econ. Stat. 29, without the overlap
    that they subtract: seeds' noise that differs by dataset counts twice, so the sum errs upwards, as the bootstrap of
    crossed units does (Owen 2007, "The pigeonhole bootstrap"; Owen and Eckles 2012). Degrees of freedom are
    Satterthwaite's (1946), (Σ v)² / Σ (v² / f) with f = K - 1, S - 1 and n - 1.

    Args:
        estimates, truth, reading: as in `again`.
    """
    reason = why_not_elsewhere(estimates, truth, reading)
    return Interval(None, None, reason) if reason else _interval(*elsewhere_ends(estimates, truth, reading))


def why_not_elsewhere(estimates: np.ndarray, truth: np.ndarray, reading: Reading = "others") -> str:
    """Why there is no `elsewhere`, in words; "" where there is one."""
    reason = _lack(estimates, truth, reading, datasets=4, subsets=2)
    if reason:
        return reason
    ways = ((name, leave_out(estimates, truth, reading)) for name, leave_out in WAYS.items())
    return next((why for name, without in ways if (why := _unsteady(without, name))), "")


def again_ends(estimates: np.ndarray, truth: np.ndarray, reading: Reading = "others") -> tuple[np.ndarray, np.ndarray]:
    """Ends of `again`, each (…), of (…, n, R, K, S) estimates and (…, n, K, S) truths, unchecked."""
    return _ends(score(estimates, truth, reading), [seeds_left_out(estimates, truth, reading)])


def elsewhere_ends(
    estimates: np.ndarray, truth: np.ndarray, reading: Reading = "others"
) -> tuple[np.ndarray, np.ndarray]:
    """Ends of `elsewhere`, each (…), of (…, n, R, K, S) estimates and (…, n, K, S) truths, unchecked."""
    left_out = WAYS.values()
    return _ends(score(estimates, truth, reading), [without(estimates, truth, reading) for without in left_out])


def score(
    estimates: np.ndarray, truth: np.ndarray, reading: Reading = "others", metric: Metric = "pearson"
) -> np.ndarray:
    """Mean correlation (…) over subsets, redraws and seeds."""
    return np.asarray(_correlations(estimates, truth, reading, metric).mean(axis=(-3, -2, -1)))


def seeds_left_out(
    estimates: np.ndarray, truth: np.ndarray, reading: Reading = "others", metric: Metric = "pearson"
) -> np.ndarray:
    """Scores (…, n) without each seed; where one seed and no other truth would be left, that seed's value of before."""
    count = truth.shape[-3]
    values = _correlations(estimates, truth, reading, metric).mean(axis=(-2, -1))
    if reading == "own" or count == 2:
        return np.asarray((values.sum(axis=-1, keepdims=True) - values) / (count - 1))
    rest = [np.delete(np.arange(count), seed) for seed in range(count)]
    return np.stack(
        [score(estimates[..., kept, :, :, :], truth[..., kept, :, :], reading, metric) for kept in rest], axis=-1
    )


def datasets_left_out(estimates: np.ndarray, truth: np.ndarray, reading: Reading = "others") -> np.ndarray:
    """Scores (…, K) without each dataset; NaN where a side is then the same for every dataset.

    Of centred sides x and y of length 1, Σ x y over the rest, centred anew, is r - K/(K - 1) x_k y_k; so with squares.
    """
    x, y = _sides(estimates, truth, reading)
    factor = x.shape[-2] / (x.shape[-2] - 1)
    r = (x * y).sum(axis=-2, keepdims=True)
    left = np.minimum(1 - factor * x**2, 1 - factor * y**2)
    square = (1 - factor * x**2) * (1 - factor * y**2)
    without = np.where(left > ROUNDING, r - factor * x * y, np.nan) / np.sqrt(np.maximum(square, ROUNDING**2))
    return np.asarray(np.clip(without, -1, 1).mean(axis=(-4, -3, -1)))


def subsets_left_out(estimates: np.ndarray, truth: np.ndarray, reading: Reading = "others") -> np.ndarray:
    """Scores (…, S) without each subset."""
    values = _correlations(estimates, truth, reading).mean(axis=(-3, -2))
    return np.asarray((values.sum(axis=-1, keepdims=True) - values) / (values.shape[-1] - 1))


# What is left out, by its name: crossed ways of drawing another benchmark like this one.
WAYS: dict[str, Callable[[np.ndarray, np.ndarray, Reading], np.ndarray]] = {
    "seed": seeds_left_out,
    "dataset": datasets_left_out,
    "subset": subsets_left_out,
}


def jackknife(ways: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Standard error (…) of a figure and Satterthwaite's degrees of freedom (…).

    Args:
        ways: for each way of sampling, the figure (…, m) with one of m units left out; ways may differ in m.
    """
    variances = np.stack([(without.shape[-1] - 1) * without.var(axis=-1) for without in ways])
    freedoms = np.array([without.shape[-1] - 1 for without in ways]).reshape(-1, *[1] * (variances.ndim - 1))
    total = variances.sum(axis=0)
    shares = variances / np.where(total > 0, total, 1)
    freedom = 1 / np.where(total > 0, (shares**2 / freedoms).sum(axis=0), 1)
    return np.sqrt(total), np.asarray(freedom)


def quantile(freedom: np.ndarray) -> np.ndarray:
    """How many standard errors of these degrees of freedom half of an interval is."""
    return np.asarray(stats.t.ppf((1 + LEVEL) / 2, freedom))


def generator(*purpose: object) -> np.random.Generator:
    """Random numbers seeded by hashing what they are for."""
    return np.random.default_rng(list(hashlib.sha256("\x1f".join(map(str, purpose)).encode()).digest()))


def _ends(centre: np.ndarray, ways: Sequence[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Ends of the interval around scores (…) whose replicates with one unit left out are (…, m), by way of sampling."""
    error, freedom = jackknife([np.arctanh(without) for without in ways])
    half = quantile(freedom) * error
    return np.tanh(np.arctanh(centre) - half), np.tanh(np.arctanh(centre) + half)


def _sides(
    estimates: np.ndarray, truth: np.ndarray, reading: Reading, metric: Metric = "pearson"
) -> tuple[np.ndarray, np.ndarray]:
    """Estimates (…, n, R, K, S) and the truth (…, n, 1, K, S) of a reading, centred over datasets and of length 1."""
    compared = truth if reading == "own" else _other_seeds(truth)
    if metric == "spearman":
        estimates, compared = (stats.rankdata(side, axis=-2) for side in (estimates, compared))
    return _unit(estimates), _unit(compared)[..., None, :, :]


def _other_seeds(truth: np.ndarray) -> np.ndarray:
    """`lodo.reports.derive.other_seeds` of (…, n, K, S)."""
    return np.moveaxis(other_seeds(np.moveaxis(truth, -3, 0)), 0, -3)


def _unit(values: np.ndarray) -> np.ndarray:
    centred = values - values.mean(axis=-2, keepdims=True)
    return np.asarray(centred / np.sqrt((centred**2).sum(axis=-2, keepdims=True)))


def _correlations(estimates: np.ndarray, truth: np.ndarray, reading: Reading, metric: Metric = "pearson") -> np.ndarray:
    """Correlations (…, n, R, S) over the datasets."""
    x, y = _sides(estimates, truth, reading, metric)
    return np.asarray((x * y).sum(axis=-2))


def _lack(
    estimates: np.ndarray,
    truth: np.ndarray,
    reading: Reading,
    datasets: int,
    subsets: int,
    metric: Metric = "pearson",
) -> str:
    """What estimates and truths lack for an interval; "" where nothing."""
    seeds, *shape = truth.shape
    if seeds < 2:
        return NEEDS_SEEDS
    for count, least, name in zip(shape, (datasets, subsets), ("datasets", "subsets"), strict=True):
        if count < least:
            return f"needs {least} {name} or more"
    if np.isnan(estimates).any() or np.isnan(truth).any():
        return "estimates or truth lack numbers"
    if not varies(estimates).all():
        return "estimate is the same for every dataset"
    # Without one seed, the mean truth of the others can be constant even where it is not with all of them.
    if not varies(truth if reading == "own" else _other_seeds(truth)).all():
        return "truth is the same for every dataset"
    if abs(score(estimates, truth, reading, metric)) > 1 - ROUNDING:
        return "every correlation is 1, or every one is -1"
    return ""


def _unsteady(without: np.ndarray, unit: str) -> str:
    """Why scores with one unit left out have no place on Fisher's scale; "" where they have."""
    if np.isnan(without).any():
        return f"without one {unit}, estimate or truth is the same for every dataset"
    return f"without one {unit}, every correlation is 1 or -1" if (np.abs(without) > 1 - ROUNDING).any() else ""


def _tied(without: np.ndarray, truth: np.ndarray, reading: Reading) -> str:
    """Of two seeds each is the other's truth: of the truth itself that is one correlation, not two that agree."""
    coupled = reading == "others" and len(truth) == 2 and np.ptp(without) <= ROUNDING
    moved = np.ptp(truth, axis=0).max() > ROUNDING * np.abs(truth).max()
    return "two seeds that are each other's truth have one correlation" if coupled and moved else ""


def _interval(low: np.ndarray, high: np.ndarray) -> Interval:
    return Interval(float(low), float(high))
