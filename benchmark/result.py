"""What a run leaves, as `evaluate` and the command line hand it on."""

from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from pathlib import Path

from lodo.benchmark.failures import FailedRun
from lodo.reports.tables import Tables


@dataclass(frozen=True, repr=False)
class Result:
    """What a run leaves.

    Attributes:
        tables: the result tables: ``tables.scores``, ``tables.estimates``, ``tables.ground_truth``, ….
        page: the leaderboard.
        computed: by kind, how many jobs were computed rather than found in the store.
        failures: the runs of methods that failed, each with its cause and a log.
    """

    tables: Tables
    page: Path
    computed: Mapping[str, int]
    failures: tuple[FailedRun, ...] = ()

    def _parts(self) -> list[str]:
        truth, attempts = self.tables.ground_truth, self.tables.attempts
        counts = [(truth["task"].nunique(), "tasks"), (attempts["method"].nunique(), "methods")]
        parts = [f"{count} {what}" for count, what in [*counts, (truth["seed"].nunique(), "seeds")]]
        return [*parts, f"{len(self.failures)} failed"] if self.failures else parts

    def __repr__(self) -> str:
        return f"Result({', '.join(self._parts())}, page {self.page})"

    def _repr_html_(self) -> str:
        page = self.page.resolve()
        return f'<p>{escape(", ".join(self._parts()))}: <a href="{escape(page.as_uri())}">{escape(str(page))}</a></p>'
