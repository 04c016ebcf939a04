"""A method's mean score over tasks, and what becomes of it when one seed, dataset or subset is left out.

Tasks of a family share their trainings and their datasets: a seed or a dataset is left out of all of them at once. Two
families train apart, so their seeds are drawn apart; each is a stratum of its own, and so are the subsets of each task.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal

import numpy as np
import pandas as pd

from lodo.reports.derive import Question, Reading, task_facts, whole_methods
from lodo.reports.scoring import varies
from lodo.reports.tables import Tables
from lodo.reports.uncertainty import (
    WAYS,
    Interval,
    Metric,
    jackknife,
    quantile,
    score,
    seeds_left_out,
    why_not_again,
    why_not_elsewhere,
)

Pair = tuple[str, str]
Stratum = tuple[str, str, tuple[object, ...]]


@dataclass(frozen=True, eq=False)
class Answered:
    """What a method answered on a task, beside the truth; what is worked out of it once is kept with it.

    Attributes:
        seeds, datasets, subsets: n, K and S labels.
        estimates: (n, R, K, S) as the question reads them, NaN where a run gave none.
        truth: (n, K, S), nats per token.
    """

    task: str
    seeds: tuple[int, ...]
    datasets: tuple[str, ...]
    subsets: tuple[str, ...]
    estimates: np.ndarray
    truth: np.ndarray
    kept: dict[tuple[str, ...], Any] = field(default_factory=dict, repr=False)

    def score(self, reading: Reading, metric: Metric = "pearson") -> float:
        """The score on this task."""
        return float(self._once(("score", reading, metric), lambda: score(self.estimates, self.truth, reading, metric)))

    def left_out(self, kind: str, reading: Reading, metric: Metric = "pearson") -> np.ndarray:
        """The scores (m,) without each of the m units of a kind.

        Spearman's correlation knows no other kind than seeds: a dataset that is left out changes the others' ranks.
        """

        def work_out() -> np.ndarray:
            if kind == "seed":
                return seeds_left_out(self.estimates, self.truth, reading, metric)
            return WAYS[kind](self.estimates, self.truth, reading)

        return np.asarray(self._once((kind, reading, metric), work_out))

    def lacks(self, interval: Literal["again", "elsewhere"], reading: Reading, metric: Metric = "pearson") -> str:
        """Why the score has no interval of this name; "" where it has one."""

        def work_out() -> str:
            if interval == "again":
                return why_not_again(self.estimates, self.truth, reading, metric)
            return why_not_elsewhere(self.estimates, self.truth, reading)

        return str(self._once((interval, reading, metric), work_out))

    def _once(self, key: tuple[str, ...], work_out: Callable[[], Any]) -> Any:
        if key not in self.kept:
            self.kept[key] = work_out()
        return self.kept[key]

    @property
    def family(self) -> str:
        return self.task.partition("/")[0]

    def strata(self) -> dict[str, Stratum]:
        """By what is left out, whose units are left out together with this task's."""
        return {
            "seed": ("seed", self.family, self.seeds),
            "dataset": ("dataset", self.family, self.datasets),
            "subset": ("subset", self.task, self.subsets),
        }


@dataclass(frozen=True)
class Leaving:
    """A figure over all that was drawn, and with one unit left out.

    Attributes:
        value: with everything.
        without: by stratum, (m,) with each of its m units left out.
    """

    value: float
    without: Mapping[Stratum, np.ndarray]

    def ways(self, *kinds: str) -> list[np.ndarray]:
        """The figures with one unit left out, of the strata of some kinds."""
        return [figures for stratum, figures in self.without.items() if stratum[0] in kinds]

    def over(self, other: "Leaving") -> "Leaving":
        """The ratio of two figures that were drawn together, unit by unit, of the strata that both have."""
        both = [stratum for stratum in self.without if stratum in other.without]
        return Leaving(self.value / other.value, {each: self.without[each] / other.without[each] for each in both})

    def interval(self, *kinds: str, fisher: bool) -> Interval:
        """95 % interval over the units of some kinds, on Fisher's scale or on the figure's own."""
        scale, back = (np.arctanh, np.tanh) if fisher else (np.asarray, np.asarray)
        error, freedom = jackknife([scale(figures) for figures in self.ways(*kinds)])
        half = quantile(freedom) * error
        return Interval(float(back(scale(self.value) - half)), float(back(scale(self.value) + half)))


def answered(tables: Tables, question: Question, reading: Reading) -> dict[Pair, dict[str, Answered]]:
    """By method and task, what was answered. Subsets on which no seed's truth varies are left out."""
    found: dict[Pair, dict[str, Answered]] = {}
    whole = whole_methods(tables.manifest)
    for facts in task_facts(tables.ground_truth, tables.estimates, tables.datasets):
        read = facts.answer(question, whole)
        kept = varies(facts.truth).any(axis=0)
        subsets = tuple(np.array(facts.subsets, dtype=object)[kept])
        for pair, rows in facts.attempts.groupby(["method", "hyperparameters"], sort=True):
            estimates = _grid(rows, read, facts.seeds)[..., kept]
            found.setdefault((str(pair[0]), str(pair[1])), {})[facts.task] = Answered(
                facts.task, tuple(facts.seeds), tuple(facts.datasets), subsets, estimates, facts.truth[..., kept]
            )
    return found


def _grid(rows: pd.DataFrame, read: np.ndarray, seeds: Sequence[int]) -> np.ndarray:
    """Estimates (n, R, K, S) of a method's attempts, NaN where a seed lacks a run."""
    runs = sorted(rows["run"].unique().tolist())
    grid = np.full((len(seeds), len(runs), *read.shape[1:]), np.nan)
    place = pd.Index(seeds).get_indexer(pd.Index(rows["seed"])), pd.Index(runs).get_indexer(pd.Index(rows["run"]))
    known = place[0] >= 0
    grid[place[0][known], place[1][known]] = read[rows.index.to_numpy()[known]]
    return grid


def mean_score(
    parts: Sequence[Answered], reading: Reading, kinds: Sequence[str] = tuple(WAYS), metric: Metric = "pearson"
) -> Leaving:
    """The mean of a method's scores over some tasks, also without each unit of some kinds; see `lacking`."""
    own = [part.score(reading, metric) for part in parts]
    return mean_of(parts, own, lambda part, kind: part.left_out(kind, reading, metric), kinds)


def mean_of(
    parts: Sequence[Answered],
    own: Sequence[float],
    left_out: Callable[[Answered, str], np.ndarray],
    kinds: Sequence[str],
) -> Leaving:
    """The mean of a figure over some tasks, each of which has its ``own`` and, without each unit of a kind, others."""
    value, without = float(np.mean(own)), dict[Stratum, np.ndarray]()
    for part, alone in zip(parts, own, strict=True):
        for kind in kinds:
            stratum = part.strata()[kind]
            moved = (left_out(part, kind) - alone) / len(parts)
            without[stratum] = without.get(stratum, np.full(len(moved), value)) + moved
    return Leaving(value, without)


def again_over(parts: Sequence[Answered], reading: Reading, metric: Metric = "pearson") -> Interval:
    """95 % interval of the mean of a method's scores over some tasks: would it come out with new seeds and redraws."""
    reason = lacking(parts, reading, "again", metric)
    if reason:
        return Interval(None, None, reason)
    return mean_score(parts, reading, ("seed",), metric).interval("seed", fisher=True)


def lacking(
    parts: Sequence[Answered],
    reading: Reading,
    interval: Literal["again", "elsewhere"],
    metric: Metric = "pearson",
) -> str:
    """Why the mean has no interval of this name (`lodo.reports.uncertainty`); "" where it has one."""
    for part in parts:
        reason = part.lacks(interval, reading, metric)
        if reason:
            return reason if len(parts) == 1 else f"{part.task}: {reason}"
    return ""
