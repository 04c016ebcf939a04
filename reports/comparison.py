"""What moved between two sets of result tables: estimates by their drift, scores by paired differences."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy import stats

from lodo.reports.derive import Question, Reading
from lodo.reports.summary import ranking_truth
from lodo.reports.tables import ReportError, Tables

KEY = ["task", "method"]
PAIR = ["seed", "run"]
PLACE = [*PAIR, "step", "dataset", "subset"]
# Below this, relative to the largest influence, two estimates are the same but for rounding in float32.
SAME = 1e-4


@dataclass(frozen=True)
class Change:
    """One method on one task, before and after.

    Attributes:
        old, new: mean Pearson correlation with the truth that ranks over subsets, seeds and runs; NaN if undefined.
        low, high: 95 % interval of the mean of new - old, paired over the seeds, each the mean of the runs that both
            have: redraws on one trained model are no new models. NaN with fewer than two seeds.
        seeds: how many seeds both have a score of.
        drift: see `drift`; NaN where nothing can be compared.
        verdict: ``same``, ``changed`` (the interval holds zero), ``better``, ``worse``, ``fails`` (had a score and has
            none), ``new`` or ``gone``.
    """

    task: str
    method: str
    old: float
    new: float
    low: float
    high: float
    seeds: int
    drift: float
    verdict: str

    @property
    def regression(self) -> bool:
        return self.verdict in ("worse", "fails")


def drift(old: np.ndarray, new: np.ndarray) -> float:
    """Largest difference of two sets of influences, relative to the largest old one; inf where shapes differ."""
    if old.shape != new.shape:
        return float("inf")
    largest = float(np.abs(old).max(initial=0.0))
    gap = float(np.abs(new - old).max(initial=0.0))
    return gap / largest if largest else (0.0 if gap == 0 else float("inf"))


def compared_truth(old: Tables, new: Tables) -> Reading:
    """The reading of the truth that `compare` scores with: the other seeds', unless a run has no other seed."""
    return "own" if "own" in (ranking_truth(old.scores), ranking_truth(new.scores)) else "others"


def compare(old: Tables, new: Tables, question: Question = "as_in_paper") -> list[Change]:
    """Every method on every task of either, in order. Raises ReportError if they have no task in common."""
    truth = compared_truth(old, new)
    before, after = _scores(old, question, truth), _scores(new, question, truth)
    if not set(before["task"]) & set(after["task"]):
        raise ReportError("the two runs have no task in common; compare runs of the same tasks")
    keys = sorted({*map(tuple, before[KEY].to_numpy()), *map(tuple, after[KEY].to_numpy())})
    return [_change(key, before, after, old, new) for key in keys]


def truth_drift(old: Tables, new: Tables) -> float:
    """`drift` of the ground truths that both have; NaN if there are none. Not 0: differences are of truths too."""
    place = ["task", "seed", "dataset", "subset"]
    both = old.ground_truth.merge(new.ground_truth, on=place, suffixes=("_old", "_new"))
    return drift(both["influence_old"].to_numpy(), both["influence_new"].to_numpy()) if len(both) else float("nan")


def _scores(tables: Tables, question: Question, truth: Reading) -> pd.DataFrame:
    """Score of each (task, method, seed, run): the mean over the subsets whose truth varies; NaN if one is lacking."""
    asked = tables.scores[(tables.scores["question"] == question) & (tables.scores["truth"] == truth)]
    known = asked[~((asked["status"] == "undefined") & asked["reason"].str.startswith("truth"))]
    means = known.groupby([*KEY, *PAIR])["pearson"].agg(lambda values: values.mean(skipna=False)).reset_index()
    failed = tables.attempts.loc[tables.attempts["status"] == "failed", [*KEY, *PAIR]].assign(pearson=float("nan"))
    return pd.concat([means, failed], ignore_index=True) if len(failed) else means


def _change(key: tuple[str, str], before: pd.DataFrame, after: pd.DataFrame, old: Tables, new: Tables) -> Change:
    ours = [frame[(frame["task"] == key[0]) & (frame["method"] == key[1])] for frame in (before, after)]
    means = [float(frame["pearson"].mean(skipna=False)) if len(frame) else float("nan") for frame in ours]
    both = ours[0].merge(ours[1], on=PAIR, suffixes=("_old", "_new"))
    by_run = (both["pearson_new"] - both["pearson_old"]).dropna()
    gaps = by_run.groupby(both["seed"]).mean().to_numpy()
    low, high = _interval(gaps)
    moved = _drift_of(key, old, new)
    if not len(ours[0]) or not len(ours[1]):
        verdict = "new" if len(ours[1]) else "gone"
    elif np.isnan(means[1]) and not np.isnan(means[0]):
        verdict = "fails"
    elif moved <= SAME and not by_run.abs().max() > SAME:
        verdict = "same"
    else:
        verdict = "worse" if high < 0 else "better" if low > 0 else "changed"
    return Change(key[0], key[1], means[0], means[1], low, high, len(gaps), moved, verdict)


def _interval(gaps: np.ndarray) -> tuple[float, float]:
    """Student's 95 % interval of the mean of paired differences."""
    if len(gaps) < 2:
        return float("nan"), float("nan")
    if np.ptp(gaps) == 0:
        return float(gaps[0]), float(gaps[0])
    interval = stats.ttest_1samp(gaps, 0.0).confidence_interval(0.95)
    return float(interval.low), float(interval.high)


def _drift_of(key: tuple[str, str], old: Tables, new: Tables) -> float:
    rows = [
        tables.estimates[(tables.estimates["task"] == key[0]) & (tables.estimates["method"] == key[1])]
        for tables in (old, new)
    ]
    # Rows of one frame only (more runs, more steps) have nothing to be compared with.
    both = rows[0].merge(rows[1], on=PLACE, suffixes=("_old", "_new"))
    return drift(both["influence_old"].to_numpy(), both["influence_new"].to_numpy()) if len(both) else float("nan")
