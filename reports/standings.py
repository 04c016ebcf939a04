"""Where methods stand: score with two intervals, rank interval, tie group, share of the reachable, distance to others.

All comparisons are paired: of two methods on the same seeds, datasets and subsets, by the jackknife of their
difference, which the shared truth moves less than it moves either. They ask whether the order would come out again with
new seeds and redraws. P-values are corrected by Holm's method for as many comparisons as what they serve makes at once.
"""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from lodo.reports.derive import Question, Reading
from lodo.reports.gaps import Difference, Gaps, holm
from lodo.reports.leaving import Answered, Leaving, Pair, answered, lacking, mean_score
from lodo.reports.schema import RETRAINING
from lodo.reports.summary import Summary, is_reference, ranked
from lodo.reports.tables import Tables
from lodo.reports.uncertainty import LEVEL, WAYS, Interval, generator

CHANCE = "random"
DRAWS = 20_000


@dataclass(frozen=True)
class Place:
    """Where a method stands among the others.

    Attributes:
        rank: the best and the worst place that its comparisons with the others allow.
        group: from 1; methods of one cannot be told from the best of it.
        best: probability of having the highest score of all methods with new seeds and redraws.
        to_best: its score minus that of the best method; None for that one.
    """

    rank: tuple[int, int]
    group: int
    best: float
    to_best: Difference | None


@dataclass(frozen=True)
class Share:
    """A score over what retraining scores, which is what can be reached; None where there is no such."""

    value: float | None
    interval: Interval


@dataclass(frozen=True)
class Standing:
    """One method, or a reference row, on some tasks.

    Attributes:
        score: mean Pearson correlation with the truth over the tasks; None, with the ``reason``, where one lacks it.
        again: its interval over new seeds and redraws.
        elsewhere: its interval over other datasets and subsets as well.
        reference: whether it is no method but what a method is held against.
        place: None for references and where comparisons lack what `again` lacks.
        to_chance: its score minus that of random numbers; None where ``place`` is, or where that row is missing.
    """

    pair: Pair
    score: float | None
    reason: str
    again: Interval
    elsewhere: Interval
    reference: bool
    place: Place | None
    to_chance: Difference | None
    share: Share


def standings(
    tables: Tables,
    summary: Summary,
    tasks: Sequence[str] | None = None,
    question: Question | None = None,
    reading: Reading | None = None,
    given: Mapping[Pair, Mapping[str, Answered]] | None = None,
) -> list[Standing]:
    """All rows on some tasks (default: all), methods best first, those without a score next, references last.

    Args:
        given: `answered` of the same question and reading, where it is asked several times.
    """
    question, reading = question or summary.question, reading or summary.truth
    scores = summary.of(question, reading)
    asked = sorted(scores["task"].unique()) if tasks is None else list(tasks)
    scores = scores[scores["task"].isin(asked)]
    given = answered(tables, question, reading) if given is None else given
    rows = [_Row.of(pair, scores, asked, given.get(pair, {}), reading) for pair in ranked(scores, tables.manifest)]
    reference = {row.pair: is_reference(row.pair[0], tables.manifest) for row in rows}
    rivals = [row for row in rows if not reference[row.pair] and row.leaving]
    known = {row.pair[0]: row for row in rows}
    places = _places([row.leaving for row in rivals if row.leaving], purpose=(question, reading, *asked))
    chance = _to_chance([row.leaving for row in rivals if row.leaving], known.get(CHANCE))
    made = []
    for row in rows:
        index = rivals.index(row) if row in rivals else None
        made.append(
            Standing(
                row.pair,
                row.score,
                row.reason,
                row.again,
                row.elsewhere,
                reference[row.pair],
                None if index is None else places[index],
                None if index is None else chance[index],
                _share(row, known.get(RETRAINING), reading),
            )
        )
    return made


@dataclass(frozen=True)
class _Row:
    pair: Pair
    score: float | None
    reason: str
    again: Interval
    elsewhere: Interval
    leaving: Leaving | None

    @classmethod
    def of(
        cls, pair: Pair, scores: pd.DataFrame, tasks: Sequence[str], given: Mapping[str, Answered], reading: Reading
    ) -> "_Row":
        own = scores[(scores["method"] == pair[0]) & (scores["hyperparameters"] == pair[1])].set_index("task")
        lost = [task for task in tasks if task not in own.index or own.loc[task, "reason"]]
        if lost:
            why = str(own.loc[lost[0], "reason"]) if lost[0] in own.index else "not run"
            part = f" on {len(lost)} of {len(tasks)} tasks" if len(tasks) > 1 else ""
            none = Interval(None, None, "there is no score")
            return cls(pair, None, f"undefined{part}: {why}", none, none, None)
        value, parts = float(own.loc[list(tasks), "pearson"].mean()), [given[task] for task in tasks]
        lacks = lacking(parts, reading, "again")
        if lacks:
            none = Interval(None, None, lacks)
            return cls(pair, value, "", none, none, None)
        wider = lacking(parts, reading, "elsewhere")
        leaving = mean_score(parts, reading, ("seed",) if wider else tuple(WAYS))
        elsewhere = Interval(None, None, wider) if wider else leaving.interval(*WAYS, fisher=True)
        return cls(pair, value, "", leaving.interval("seed", fisher=True), elsewhere, leaving)


def _to_chance(rivals: Sequence[Leaving], chance: _Row | None) -> list[Difference | None]:
    """Differences to random numbers, corrected for all of them together."""
    if chance is None or chance.leaving is None or not rivals:
        return [None] * len(rivals)
    gaps = Gaps.of(rivals, [chance.leaving])
    return [gaps.difference(i, 0, p) for i, p in enumerate(holm(gaps.p[:, 0]))]


def _places(rivals: Sequence[Leaving], purpose: tuple[str, ...]) -> list[Place]:
    """The places of methods that are given best first."""
    count, gaps = len(rivals), Gaps.of(rivals, rivals)
    groups, best = _groups(gaps), _best(rivals, purpose)
    to_best = holm(gaps.p[1:, 0]) if count > 1 else np.empty(0)
    places = []
    for i in range(count):
        others = np.delete(np.arange(count), i)
        sure = holm(gaps.p[i, others]) <= 1 - LEVEL
        lower, higher = (sure & (sign * gaps.value[i, others] < 0) for sign in (1, -1))
        distance = gaps.difference(i, 0, to_best[i - 1]) if i else None
        places.append(Place((1 + int(lower.sum()), count - int(higher.sum())), groups[i], float(best[i]), distance))
    return places


def _groups(gaps: Gaps) -> list[int]:
    """Groups from 1: the best of those that are left, and all of them that are not surely lower."""
    groups = [0] * len(gaps.p)
    left, group = list(range(len(gaps.p))), 0
    while left:
        (leader, *others), group = left, group + 1
        lower = (holm(gaps.p[others, leader]) <= 1 - LEVEL) & (gaps.value[others, leader] < 0)
        for index, out in zip((leader, *others), (False, *lower), strict=True):
            groups[index] = 0 if out else group
        left = [index for index in others if not groups[index]]
    return groups


def _best(rivals: Sequence[Leaving], purpose: tuple[str, ...]) -> np.ndarray:
    """Share of draws (M,) in which each method's score is the highest; ties are shared.

    A draw moves all scores by the same weights: s + Σ_strata √((m - 1)/m) Σ_i w_i (s_(i) - s_(.)) / √(χ²/f)
    with normal w and f = m - 1; for χ² = f its variance is the jackknife's.
    """
    if not rivals:
        return np.empty(0)
    rng = generator("probability of being the best", *purpose)
    scores = np.tile(np.array([one.value for one in rivals]), (DRAWS, 1))
    for stratum in rivals[0].without:
        if stratum[0] != "seed":
            continue
        without = np.stack([one.without[stratum] for one in rivals])
        m = without.shape[1]
        weights = rng.standard_normal((DRAWS, m)) / np.sqrt(rng.chisquare(m - 1, (DRAWS, 1)) / (m - 1))
        scores += math.sqrt((m - 1) / m) * weights @ (without - without.mean(axis=1, keepdims=True)).T
    highest = scores >= scores.max(axis=1, keepdims=True) - 1e-12
    return np.asarray((highest / highest.sum(axis=1, keepdims=True)).mean(axis=0))


def _share(row: _Row, reachable: _Row | None, reading: Reading) -> Share:
    """Score over what retraining reaches against the other seeds' truth; its own it reaches by construction."""
    if row.leaving is None:
        return Share(None, row.again)
    if reading == "own":
        return Share(None, Interval(None, None, "against its own truth, retraining reaches 1 by construction"))
    if reachable is None or reachable.leaving is None:
        return Share(None, reachable.again if reachable else Interval(None, None, "there is no retraining row"))
    if (reachable.again.low or 0.0) <= 0:
        return Share(None, Interval(None, None, "what retraining reaches cannot be told from nothing"))
    ratio = row.leaving.over(reachable.leaving)
    return Share(ratio.value, ratio.interval("seed", fisher=False))
