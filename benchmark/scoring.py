"""Correlates estimates with the truth, and the truth of one seed with that of another."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats


@dataclass(frozen=True)
class Score:
    """Agreement of an estimate with the truth over the K datasets of one test subset."""

    pearson: float | None
    spearman: float | None
    status: str
    reason: str


def varies(values: np.ndarray) -> bool:
    """Whether values differ by more than rounding: a range above 1e-9 of their size."""
    return bool(np.ptp(values) > 1e-9 * max(np.abs(values).max(), 1e-300))


def score(estimate: np.ndarray, truth: np.ndarray) -> list[Score]:
    """Pearson and Spearman of (K, S) estimates with a (K, S) truth, one score for each of the S subsets.

    A subset whose truth or estimate has no variance is undefined, with the reason.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", stats.NearConstantInputWarning)
        warnings.simplefilter("ignore", stats.ConstantInputWarning)
        pearson = stats.pearsonr(estimate, truth, axis=0).statistic
        ranks = (stats.rankdata(side, axis=0) for side in (estimate, truth))
        spearman = stats.pearsonr(*ranks, axis=0).statistic
    found = []
    for j in range(truth.shape[1]):
        flat = [name for name, side in (("truth", truth), ("estimate", estimate)) if not varies(side[:, j])]
        if flat:
            found.append(Score(None, None, "undefined", f"{flat[0]} is the same for every dataset"))
        else:
            found.append(Score(float(pearson[j]), float(spearman[j]), "ok", ""))
    return found


@dataclass(frozen=True)
class Reliability:
    """How far the seed-averaged truth of a subset can be relied on.

    Attributes:
        mean_r: mean Pearson correlation over the pairs of seeds.
        reliability: R = n r / (1 + (n - 1) r), Spearman-Brown for the average of n seeds; 0 where r is not positive,
            since seeds that contradict each other leave nothing to rely on.
        ceiling: sqrt(R), the most that any method can expect to score against the average.
    """

    mean_r: float | None
    reliability: float | None
    ceiling: float | None
    reason: str


def reliability(truths: Sequence[np.ndarray]) -> Reliability:
    """Reliability of the average of n seeds' (K,) truths of one subset."""
    count = len(truths)
    if count < 2:
        return Reliability(None, None, None, "needs two seeds or more")
    if not all(varies(truth) for truth in truths):
        return Reliability(None, None, None, "truth is the same for every dataset")
    table = np.corrcoef(np.stack(truths))
    mean = float(table[np.triu_indices(count, 1)].mean())
    found = count * mean / (1 + (count - 1) * mean) if mean > 0 else 0.0
    return Reliability(mean, found, float(np.sqrt(found)), "")
