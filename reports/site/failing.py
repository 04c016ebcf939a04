"""Which attempts of a method failed, by cause."""

from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass

import pandas as pd

Pair = tuple[str, str]


@dataclass(frozen=True)
class Failure:
    """Attempts of a method that failed alike.

    Attributes:
        of: how many attempts there were in all, on the tasks that are looked at.
        where: task, seed and run of each.
    """

    cause: str
    of: int
    where: tuple[tuple[str, int, int], ...]

    @property
    def count(self) -> int:
        return len(self.where)

    @property
    def places(self) -> list[str]:
        """Where in words; the task is named where there are several."""
        several = len({task for task, _, _ in self.where}) > 1
        return [f"{f'{task}: ' if several else ''}seed {seed}, run {run}" for task, seed, run in self.where]


@dataclass(frozen=True)
class Failing:
    """All attempts, counted by method and task, and those that failed."""

    tried: Counter[tuple[Pair, str]]
    failed: dict[Pair, list[tuple[str, str, int, int]]]

    @staticmethod
    def of(attempts: pd.DataFrame) -> "Failing":
        tried: Counter[tuple[Pair, str]] = Counter()
        failed: dict[Pair, list[tuple[str, str, int, int]]] = {}
        columns = ["task", "method", "hyperparameters", "seed", "run", "status", "cause"]
        for task, method, settings, seed, run, status, cause in attempts[columns].itertuples(index=False):
            tried[(method, settings), task] += 1
            if status == "failed":
                failed.setdefault((method, settings), []).append((cause, task, seed, run))
        return Failing(tried, failed)

    def failures(self, pair: Pair, tasks: Iterable[str]) -> list[Failure]:
        """A method's failures on some tasks, one for each cause."""
        asked = list(tasks)
        total = sum(self.tried[pair, task] for task in asked)
        by_cause: dict[str, list[tuple[str, int, int]]] = {}
        for cause, task, seed, run in sorted(self.failed.get(pair, ())):
            if task in asked:
                by_cause.setdefault(cause, []).append((task, seed, run))
        return [Failure(cause, total, tuple(where)) for cause, where in by_cause.items()]
