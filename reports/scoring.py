"""Correlates estimates with the truth, and the truth of one seed with that of another."""

import warnings
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

NEEDS_SEEDS = "needs two seeds or more"
DATASETS = -2  # the axis along which estimates and truth are correlated: arrays are (…, K, S)


def varies(values: np.ndarray) -> np.ndarray:
    """Whether (…, K, S) values differ over the K datasets by more than rounding: a range above 1e-9 of their size."""
    size = np.abs(values).max(axis=DATASETS)
    return np.asarray(np.ptp(values, axis=DATASETS) > 1e-9 * np.maximum(size, 1e-300))


def correlate(estimate: np.ndarray, truth: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Pearson and Spearman, each (…, S), of (…, K, S) estimates with a (…, K, S) truth over the K datasets.

    NaN where a side has no variance or lacks a number.
    """
    defined = varies(estimate) & varies(truth)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", stats.NearConstantInputWarning)
        warnings.simplefilter("ignore", stats.ConstantInputWarning)
        pearson = stats.pearsonr(estimate, truth, axis=DATASETS).statistic
        ranks = (stats.rankdata(side, axis=DATASETS) for side in (estimate, truth))
        spearman = stats.pearsonr(*ranks, axis=DATASETS).statistic
    return np.where(defined, pearson, np.nan), np.where(defined, spearman, np.nan)


@dataclass(frozen=True)
class Reliability:
    """How far the seed-averaged truth of a subset can be relied on.

    It covers what a seed draws: initial weights, order and refill. The text is the same for all seeds, so how far
    another draw of the text would move the truth is not in it.

    Attributes:
        mean_r: mean Pearson correlation over the pairs of seeds.
        reliability: R = n r / (1 + (n - 1) r), Spearman-Brown for the average of n seeds; 0 where r is not positive,
            since seeds that contradict each other leave nothing to rely on.
    """

    mean_r: float | None
    reliability: float | None
    reason: str


def reliability(truths: Sequence[np.ndarray]) -> Reliability:
    """Reliability of the average of n seeds' (K,) truths of one subset."""
    count = len(truths)
    if count < 2:
        return Reliability(None, None, NEEDS_SEEDS)
    if not all(varies(truth[:, None]).all() for truth in truths):
        return Reliability(None, None, "truth is the same for every dataset")
    table = np.corrcoef(np.stack(truths))
    mean = float(table[np.triu_indices(count, 1)].mean())
    return Reliability(mean, count * mean / (1 + (count - 1) * mean) if mean > 0 else 0.0, "")
