"""What all pages are made of, computed once: standings over all tasks, by family and by task, costs, names, links."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import pandas as pd

from lodo.reports import formats
from lodo.reports.derive import QUESTIONS, Question, Reading
from lodo.reports.leaving import Answered, answered
from lodo.reports.page_values import Rows, mapping
from lodo.reports.schema import RETRAINING
from lodo.reports.site.failing import Failing, Failure
from lodo.reports.site.slugs import slugs
from lodo.reports.standings import CHANCE, Standing, standings
from lodo.reports.summary import Summary, summarise
from lodo.reports.tables import Tables

Pair = tuple[str, str]
SHAPES = ("●", "■", "▲", "◆", "✚", "▼", "▶", "◀")


@dataclass(frozen=True)
class Cost:
    """What one attribution takes: mean seconds and trainings, most memory (bytes); None where it is not known."""

    seconds: float | None = None
    trainings: float | None = None
    memory: float | None = None


@dataclass(frozen=True)
class Material:
    """A run's tables and what pages say of them.

    Attributes:
        overall: standings over all tasks, methods best first.
        by_family, by_task: standings on the tasks of a family, on a task.
        given: what was answered to the question that ranks, beside the truth that does.
        costs: by method, mean over the tasks of what one attribution costs, in trainings.
        task_costs: the same by task.
    """

    tables: Tables
    summary: Summary
    rows: Rows
    tasks: tuple[str, ...]
    overall: tuple[Standing, ...]
    by_family: Mapping[str, Mapping[Pair, Standing]]
    by_task: Mapping[str, Mapping[Pair, Standing]]
    given: Mapping[Pair, Mapping[str, Answered]]
    costs: Mapping[Pair, float]
    task_costs: Mapping[str, Mapping[Pair, Cost]]

    @staticmethod
    def of(tables: Tables, question: Question) -> "Material":
        summary = summarise(tables, question)
        tasks = tuple(sorted(summary.ranking["task"].unique()))
        given = answered(tables, summary.question, summary.truth)
        by_task = {task: _by_pair(standings(tables, part(summary, [task]), [task], given=given)) for task in tasks}
        families: dict[str, list[str]] = {}
        for task in tasks:
            families.setdefault(family_of(task), []).append(task)
        overall = (
            standings(tables, summary, given=given)
            if len(tasks) > 1
            else [*by_task[tasks[0]].values()]
            if tasks
            else []
        )
        by_family = {
            family: _by_pair(overall)
            if len(own) == len(tasks)
            else by_task[own[0]]
            if len(own) == 1
            else _by_pair(standings(tables, part(summary, own), own, given=given))
            for family, own in families.items()
        }
        task_costs = _costs(tables.attempts)
        costs = _mean_costs(task_costs)
        rows = Rows.of(tables, summary)
        return Material(tables, summary, rows, tasks, tuple(overall), by_family, by_task, given, costs, task_costs)

    @property
    def manifest(self) -> Mapping[str, Any]:
        return self.tables.manifest

    @property
    def reading(self) -> Reading:
        return self.summary.truth

    @cached_property
    def given_otherwise(self) -> Mapping[Pair, Mapping[str, Answered]]:
        """As ``given``, to the question that does not rank."""
        (other,) = [question for question in QUESTIONS if question != self.summary.question]
        return answered(self.tables, other, self.reading)

    @cached_property
    def failing(self) -> Failing:
        """Which attempts failed."""
        return Failing.of(self.tables.attempts)

    def failures(self, pair: Pair) -> list[Failure]:
        """A method's failures on all tasks."""
        return self.failing.failures(pair, self.tasks)

    @cached_property
    def families(self) -> dict[str, list[str]]:
        """By family, its tasks."""
        return {family: [task for task in self.tasks if family_of(task) == family] for family in self.by_family}

    @cached_property
    def task_pages(self) -> dict[str, str]:
        """By task, the slug of its page."""
        return {task: f"tasks/{slug}" for task, slug in slugs(self.tasks).items()}

    @cached_property
    def method_pages(self) -> dict[Pair, str]:
        """By method and hyperparameters, the slug of its page."""
        made = slugs(self.rows.labels[pair] for pair in self.rows.pairs)
        return {pair: f"methods/{made[self.rows.labels[pair]]}" for pair in self.rows.pairs}

    @cached_property
    def methods(self) -> list[Standing]:
        """What is no reference, best first."""
        return [standing for standing in self.overall if not standing.reference]

    @cached_property
    def references(self) -> list[Standing]:
        """What methods are held against."""
        return [standing for standing in self.overall if standing.reference]

    def named(self, name: str) -> Standing | None:
        """The standing of a reference over all tasks."""
        return next((standing for standing in self.overall if standing.pair[0] == name), None)

    @property
    def retraining(self) -> Standing | None:
        return self.named(RETRAINING)

    @property
    def chance(self) -> Standing | None:
        return self.named(CHANCE)

    def label(self, pair: Pair) -> str:
        return self.rows.labels[pair]

    def about_method(self, pair: Pair) -> Mapping[str, Any]:
        """What the manifest says of a method."""
        return mapping(mapping(self.manifest.get("methods")).get(pair[0]))

    def about_task(self, task: str) -> Mapping[str, Any]:
        """What the manifest says of a task."""
        return mapping(mapping(self.manifest.get("tasks")).get(task))


def family_of(task: str) -> str:
    """The family that a task's name begins with."""
    return task.partition("/")[0]


def letter(group: int) -> str:
    """A tie group's name: A, B, … Z, AA, …"""
    letters = ""
    while group > 0:
        group, rest = divmod(group - 1, 26)
        letters = chr(ord("A") + rest) + letters
    return letters


def shape(group: int) -> str:
    """The mark that a tie group has in figures and tables."""
    return SHAPES[(group - 1) % len(SHAPES)]


def part(summary: Summary, tasks: Sequence[str]) -> Summary:
    """The summary of some tasks alone."""
    return replace(summary, scores=summary.scores[summary.scores["task"].isin(tasks)])


def _by_pair(made: Sequence[Standing]) -> dict[Pair, Standing]:
    return {standing.pair: standing for standing in made}


def _costs(attempts: pd.DataFrame) -> dict[str, dict[Pair, Cost]]:
    """By task and method, what an attribution cost that came to an end."""
    done = attempts[attempts["status"] == "ok"].groupby(["task", "method", "hyperparameters"], sort=True)
    figures = done.agg(
        seconds=("seconds", "mean"), trainings=("training_equivalents", "mean"), memory=("peak_rss", "max")
    )
    made: dict[str, dict[Pair, Cost]] = {}
    for row in figures.reset_index().itertuples(index=False):
        spent = Cost(*(None if formats.missing(value) else float(value) for value in row[3:]))
        made.setdefault(str(row[0]), {})[str(row[1]), str(row[2])] = spent
    return made


def _mean_costs(task_costs: Mapping[str, Mapping[Pair, Cost]]) -> dict[Pair, float]:
    """By method, its cost in trainings, mean over the tasks where that is known."""
    known: dict[Pair, list[float]] = {}
    for own in task_costs.values():
        for pair, cost in own.items():
            if cost.trainings is not None:
                known.setdefault(pair, []).append(cost.trainings)
    return {pair: sum(costs) / len(costs) for pair, costs in known.items()}
