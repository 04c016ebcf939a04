"""Runs of methods that failed: a log of each in the out folder, with the traceback."""

import re
import shutil
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from lodo.benchmark.kinds.kind import FAILURE, TRACE
from lodo.benchmark.plan import Plan
from lodo.benchmark.store import Store

FOLDER = "failures"
NO_TRACE = "No traceback: the process was ended, or what it said of itself was not kept. --retry tries again."


@dataclass(frozen=True)
class FailedRun:
    """A run of a method that failed, why, and where it is told at length."""

    method: str
    task: str
    seed: int
    run: int
    cause: str
    log: Path

    @property
    def label(self) -> str:
        return f"{self.method} on {self.task}, seed {self.seed}, run {self.run}"


def write_failures(out: Path, store: Store, plan: Plan) -> tuple[FailedRun, ...]:
    """Write a log for each run of a method that failed; those of earlier runs into the folder go."""
    shutil.rmtree(out / FOLDER, ignore_errors=True)
    failed = []
    for run, trace in _failed(out, store, plan):
        run.log.parent.mkdir(exist_ok=True)
        run.log.write_text(f"{run.label} failed: {run.cause}\n\n{trace}\n", encoding="utf-8")
        failed.append(run)
    return tuple(failed)


def _failed(out: Path, store: Store, plan: Plan) -> Iterator[tuple[FailedRun, str]]:
    for cell in plan.cells:
        for (index, run), job in cell.estimates.items():
            folder, method, task = store.path(job), plan.request.methods[index].name, cell.task.name
            if FAILURE.lies_in(folder):
                name = re.sub(r"[^\w.-]+", "-", f"{method}-{task}-seed{cell.seed}-run{run}.log")
                trace = TRACE.read(folder) if TRACE.lies_in(folder) else NO_TRACE
                cause = FAILURE.read(folder).cause
                yield FailedRun(method, task, cell.seed, run, cause, out / FOLDER / name), trace


def all_failed(methods: Iterable[str], failed: Iterable[FailedRun], plan: Plan) -> bool:
    """Whether there are methods, and every run of each of them failed."""
    names = [plan.request.methods[index].name for cell in plan.cells for index, _ in cell.estimates]
    asked = set(methods)
    wanted = sum(name in asked for name in names)
    return wanted > 0 and sum(run.method in asked for run in failed) == wanted
