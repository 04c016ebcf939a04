"""A run's closing figures as Markdown: methods ranked, with source, cost and scores with their 95 % intervals."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, get_args

import numpy as np
import pandas as pd
from scipy import stats

from lodo.reports import formats
from lodo.reports.derive import Question, Reading
from lodo.reports.leaving import Answered, Pair, again_over, answered
from lodo.reports.page_values import ASKED, READINGS, mapping
from lodo.reports.summary import ranked, row_labels, seed_values, summarise
from lodo.reports.sweep import LIMITED, surely_higher
from lodo.reports.tables import ReportError, Tables
from lodo.reports.uncertainty import Metric

METRICS: tuple[Metric, ...] = get_args(Metric)


def closing_table(
    tables: Tables,
    question: Question = "as_in_paper",
    truth: Reading | None = None,
    by_task: bool = False,
    more: Tables | None = None,
) -> str:
    """Methods with source, cost in trainings, Pearson and Spearman, best first, references last; R of the truth below.

    A score is the mean over the tasks, or stands for each task, with `lodo.reports.leaving.again_over` as its interval.
    A method without a score on one of the tasks has none, with the reason.

    Args:
        truth: the reading of the truth; None is the one that ranks.
        more: a run of the same tasks that shows more of each dataset: its cost and Pearson stand beside, and a method
            whose score is surely higher there is marked.

    Raises:
        ReportError: the tables hold no scores; ``more`` is of other tasks.
    """
    summary = summarise(tables, question)
    reading = truth or summary.truth
    ranks = _Scores.of(tables, question, reading)
    beside = None if more is None else _Scores.of(more, question, reading)
    tasks = ranks.tasks
    if beside and beside.tasks != tasks:
        raise ReportError(f"--more: that run is of {', '.join(beside.tasks)}; name one of {', '.join(tasks)}")
    labels, about = row_labels(summary.scores), mapping(tables.manifest.get("methods"))
    groups = [[task] for task in tasks] if by_task else [tasks]
    heads = [metric.capitalize() + (f" {group[0]}" if by_task else "") for metric in METRICS for group in groups]
    lines = [["method", "source", "cost, in trainings", *heads]]
    if beside:
        lines[0] += [f"{head}, {_shown(beside.manifest)} shown" for head in ("cost", "Pearson")]
    for pair in ranked(ranks.scores, tables.manifest):
        source = str(mapping(about.get(pair[0])).get("paper") or formats.DASH)
        cells = [ranks.cell(metric, pair, group) for metric in METRICS for group in groups]
        if beside:
            if surely_higher(beside.by_seed(pair), ranks.by_seed(pair)):
                cells[0] += " ↑"
            cells += [formats.number(beside.costs.get(pair[0])), beside.cell(METRICS[0], pair, tasks)]
        lines.append([f"`{labels[pair]}`", source, formats.number(ranks.costs.get(pair[0])), *cells])
    known = {row.task: row for row in summary.reliability.itertuples()}
    return "\n".join(
        [
            _caption(ranks.scores, question, reading, tasks, by_task) + (LIMITED if beside else ""),
            "",
            *markdown(lines, words=2),
            "",
            "Reliability R of the seed-averaged truth (initial weights, order, refill; not the draw of the text):",
            "",
            *markdown([["task", "R"], *([task, _reliability(known.get(task))] for task in tasks)], words=1),
        ]
    )


def markdown(lines: Sequence[Sequence[str]], words: int) -> list[str]:
    """A Markdown table, its first line being the head; the first ``words`` columns are text, the others numbers."""
    rule = ["---" if index < words else "---:" for index in range(len(lines[0]))]
    rows = [[cell.replace("|", r"\|") for cell in line] for line in lines]
    return [f"| {' | '.join(line)} |" for line in (rows[0], rule, *rows[1:])]


def half_interval(values: np.ndarray) -> float:
    """Half of Student's 95 % interval of the mean of values; NaN with fewer than two."""
    count = len(values)
    if count < 2:
        return float("nan")
    return float(stats.t.ppf(0.975, count - 1) * np.std(values, ddof=1) / np.sqrt(count))


@dataclass(frozen=True)
class _Scores:
    """What a run's methods score by one reading and question, by (method, hyperparameters) and task."""

    scores: pd.DataFrame
    given: Mapping[Pair, Mapping[str, Answered]]
    values: pd.DataFrame
    costs: pd.Series
    manifest: Mapping[str, Any]
    reading: Reading

    @classmethod
    def of(cls, tables: Tables, question: Question, reading: Reading) -> "_Scores":
        summary = summarise(tables, question)
        scores = summary.of(question, reading)
        if scores.empty:
            raise ReportError("the tables hold no scores; give those of a finished run")
        asked = tables.scores[(tables.scores["question"] == question) & (tables.scores["truth"] == reading)]
        values = seed_values(asked).set_index(["method", "hyperparameters", "task", "seed"]).sort_index()
        costs = summary.costs.groupby("method")["training_equivalents"].mean()
        return cls(scores, answered(tables, question, reading), values, costs, tables.manifest, reading)

    @property
    def tasks(self) -> list[str]:
        return sorted(self.scores["task"].unique())

    def by_seed(self, pair: tuple[str, str]) -> pd.Series:
        """Mean Pearson over the tasks, of the seeds that have a score on all; empty where there is none."""
        own = self.values.query("method == @pair[0] and hyperparameters == @pair[1]")["pearson"]
        means: pd.Series = own.unstack("task").dropna().groupby("seed").mean().mean(axis=1)
        return means

    def cell(self, metric: Metric, pair: tuple[str, str], tasks: list[str]) -> str:
        """A score's mean over some tasks and its interval, or why there is none."""
        mine = (self.scores["method"] == pair[0]) & (self.scores["hyperparameters"] == pair[1])
        own = self.scores[mine].set_index("task")
        why = {task: own["reason"].get(task, "not run") for task in tasks}
        lacking = [task for task in tasks if why[task]]
        if lacking:
            part = f" on {len(lacking)} of {len(tasks)} tasks" if len(tasks) > 1 else ""
            return f"undefined{part}: {why[lacking[0]]}"
        interval = again_over([self.given[pair][task] for task in tasks], self.reading, metric)
        return formats.with_interval(own.loc[tasks, metric].mean(), interval.low, interval.high)


def _shown(manifest: Mapping[str, Any]) -> str:
    """How many examples of each dataset a run showed, as its tasks say."""
    shown = {str(mapping(task).get("examples")) for task in mapping(manifest.get("tasks")).values()}
    return shown.pop() if len(shown) == 1 else "more"


def _caption(scores: pd.DataFrame, question: Question, reading: Reading, tasks: list[str], by_task: bool) -> str:
    seeds, runs = int(scores["seeds"].max()), int(scores["runs"].max())
    where = "by task" if by_task else f"mean over {len(tasks)} task{'' if len(tasks) == 1 else 's'}"
    return (
        f"Correlation with {READINGS[reading]}, {where}; {question}: {ASKED[question]}. In brackets its 95 % interval: "
        f"would it come out again with new seeds and redraws (here {seeds} seed{'' if seeds == 1 else 's'}, at most "
        f"{runs} run{'' if runs == 1 else 's'} each)."
    )


def _reliability(row: Any) -> str:
    if row is None:
        return formats.DASH
    return f"undefined: {row.reason}" if formats.missing(row.reliability) else formats.number(row.reliability)
