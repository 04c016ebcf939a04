"""What a method is worth to somebody who acts on it: does it name the right dataset, with the right sign, at what loss.

A correlation says how well the order of all datasets is told. Who wants to drop a dataset asks for less: the one that
helps or harms most. All figures are means over subsets, redraws and seeds of one estimate (K,) beside one truth (K,).
"""

from collections.abc import Callable, Mapping, Sequence

import numpy as np

from lodo.reports import formats
from lodo.reports.closing import markdown
from lodo.reports.derive import Question, Reading, other_seeds
from lodo.reports.leaving import Answered, Leaving, answered, lacking, mean_of
from lodo.reports.page_values import READINGS
from lodo.reports.summary import ranked, row_labels, summarise
from lodo.reports.tables import ReportError, Tables

# Of estimates and truths (…, K), one number each (…).
Figure = Callable[[np.ndarray, np.ndarray], np.ndarray]


def found(top: int) -> Figure:
    """Whether the dataset whose leaving out truly raises the loss most is among the estimate's ``top`` highest."""

    def figure(estimate: np.ndarray, truth: np.ndarray) -> np.ndarray:
        place = np.take_along_axis(estimate, truth.argmax(axis=-1)[..., None], axis=-1)
        above, level = (estimate > place).sum(axis=-1), (estimate == place).sum(axis=-1)
        # Of datasets that are level, chance takes as many as there is room for.
        return np.asarray(np.clip((top - above) / level, 0.0, 1.0))

    return figure


def harm_found(top: int) -> Figure:
    """As `found`, of the dataset whose leaving out truly lowers the loss most."""
    figure = found(top)
    return lambda estimate, truth: figure(-estimate, -truth)


def same_sign(estimate: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Share of the datasets whose estimate has the sign of the truth."""
    return np.asarray((np.sign(estimate) == np.sign(truth)).mean(axis=-1))


def regret(estimate: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """Nats per token lost by leaving out the dataset that the estimate calls most harmful, not the truly so."""
    lowest = estimate == estimate.min(axis=-1, keepdims=True)
    named = (truth * lowest).sum(axis=-1) / lowest.sum(axis=-1)
    return np.asarray(named - truth.min(axis=-1))


# By head of a column: the figure, and the highest value that it can have.
FIGURES: Mapping[str, tuple[Figure, float]] = {
    "most helpful found": (found(1), 1.0),
    "among 3": (found(3), 1.0),
    "most harmful found": (harm_found(1), 1.0),
    "among three": (harm_found(3), 1.0),
    "sign right": (same_sign, 1.0),
    "regret, 0.001 nats": (lambda estimate, truth: 1000 * regret(estimate, truth), float("inf")),
}


def mean_figure(parts: Sequence[Answered], reading: Reading, figure: Figure) -> Leaving:
    """A figure's mean over some tasks, and without each seed of each family of tasks; a seed takes its truth along."""
    own = [_mean(part.estimates, part.truth, reading, figure) for part in parts]
    return mean_of(parts, own, lambda part, _: _seeds_left_out(part, reading, figure), ("seed",))


def _mean(estimates: np.ndarray, truth: np.ndarray, reading: Reading, figure: Figure) -> float:
    return float(_values(estimates, truth, reading, figure).mean())


def _values(estimates: np.ndarray, truth: np.ndarray, reading: Reading, figure: Figure) -> np.ndarray:
    """The figure (n, R, S) of estimates (n, R, K, S) beside the truth of a reading of (n, K, S)."""
    compared = np.broadcast_to((truth if reading == "own" else other_seeds(truth))[:, None], estimates.shape)
    return figure(np.moveaxis(estimates, -2, -1), np.moveaxis(compared, -2, -1))


def _seeds_left_out(part: Answered, reading: Reading, figure: Figure) -> np.ndarray:
    """The figure (n,) without each seed; where no other truth would be left, the value that the other seed had."""
    count = len(part.seeds)
    if reading == "own" or count == 2:
        values = _values(part.estimates, part.truth, reading, figure).mean(axis=(1, 2))
        return np.asarray((values.sum() - values) / (count - 1))
    rest = [np.delete(np.arange(count), seed) for seed in range(count)]
    return np.array([_mean(part.estimates[kept], part.truth[kept], reading, figure) for kept in rest])


def acting_table(tables: Tables, question: Question = "as_in_paper", truth: Reading | None = None) -> str:
    """Methods in the order of the leaderboard with each of `FIGURES`, mean over the tasks, and its 95 % interval.

    Raises:
        ReportError: the tables hold no scores.
    """
    summary = summarise(tables, question)
    reading = truth or summary.truth
    scores = summary.of(question, reading)
    if scores.empty:
        raise ReportError("the tables hold no scores; give those of a finished run")
    tasks, labels = sorted(scores["task"].unique()), row_labels(summary.scores)
    given = answered(tables, question, reading)
    lines = [["method", *FIGURES]]
    for pair in ranked(scores, tables.manifest):
        parts = [given[pair][task] for task in tasks if task in given.get(pair, {})]
        whole = len(parts) == len(tasks) and not any(np.isnan(part.estimates).any() for part in parts)
        cells = [_cell(parts, reading, *figure) if whole else formats.DASH for figure in FIGURES.values()]
        lines.append([f"`{labels[pair]}`", *cells])
    return "\n".join(
        [
            f"Beside {READINGS[reading]}, mean over {len(tasks)} task{'' if len(tasks) == 1 else 's'}; {question}. "
            "Found: the dataset whose leaving out truly raises (lowers) the test loss most is the estimate's first, or "
            "among its first three. Regret: what leaving out the dataset that the estimate calls most harmful costs "
            "against leaving out the right one. In brackets the 95 % interval over new seeds and redraws.",
            "",
            *markdown(lines, words=1),
        ]
    )


def _cell(parts: Sequence[Answered], reading: Reading, figure: Figure, highest: float) -> str:
    """A mean with its interval, where the score has one; no figure can be below 0."""
    if lacking(parts, reading, "again"):
        alone = [_mean(part.estimates, part.truth, reading, figure) for part in parts]
        return formats.number(float(np.mean(alone)))
    leaving = mean_figure(parts, reading, figure)
    interval = leaving.interval("seed", fisher=False)
    low, high = np.clip([interval.low, interval.high], 0.0, highest)
    return formats.with_interval(leaving.value, low, high)
