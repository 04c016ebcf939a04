"""Differences between methods' scores, all pairs at once: paired intervals over the seeds, and p-values for many."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy import stats

from lodo.reports.leaving import Leaving
from lodo.reports.uncertainty import LEVEL, ROUNDING, jackknife, quantile


@dataclass(frozen=True)
class Difference:
    """A method's score minus another's: its paired 95 % interval, and Holm's p-value that it is not zero."""

    value: float
    low: float
    high: float
    p: float

    @property
    def sure(self) -> bool:
        """Whether it differs from zero, all comparisons of its kind together, at 5 %."""
        return self.p <= 1 - LEVEL


@dataclass(frozen=True)
class Gaps:
    """Scores of M methods minus those of M' others, each (M, M'): values, ends of intervals, uncorrected p-values."""

    value: np.ndarray
    low: np.ndarray
    high: np.ndarray
    p: np.ndarray

    @classmethod
    def of(cls, ones: Sequence[Leaving], others: Sequence[Leaving]) -> "Gaps":
        """Student's test of the jackknife of each difference; what varies by rounding alone is sure or nothing."""
        value = np.subtract.outer(np.array([one.value for one in ones]), np.array([one.value for one in others]))
        ways = []
        for stratum in ones[0].without if ones and others else ():
            if stratum[0] == "seed":
                mine, theirs = (np.stack([one.without[stratum] for one in side]) for side in (ones, others))
                ways.append(mine[:, None] - theirs[None])
        if not ways:
            return cls(value, value, value, np.ones_like(value))
        error, freedom = jackknife(ways)
        half = quantile(freedom) * error
        size = np.abs(value) / np.where(error > ROUNDING, error, 1)
        p = np.where(error > ROUNDING, 2 * stats.t.sf(size, freedom), (np.abs(value) <= ROUNDING).astype(float))
        return cls(value, value - half, value + half, p)

    def difference(self, row: int, column: int, p: float) -> Difference:
        """One of them, with its corrected p-value."""
        place = row, column
        return Difference(float(self.value[place]), float(self.low[place]), float(self.high[place]), float(p))


def holm(p: np.ndarray) -> np.ndarray:
    """P-values corrected for all of them together: Holm (1979), "A simple sequentially rejective multiple test
    procedure", Scand. J. Stat. 6.

    statsmodels has it too, and collects garbage at every call, which took three quarters of a page's time.
    """
    order = np.argsort(p)
    stepped = np.maximum.accumulate(p[order] * np.arange(len(p), 0, -1))
    corrected = np.empty(len(p))
    corrected[order] = np.minimum(stepped, 1.0)
    return corrected
