"""The engine of sweeps: from a grid to requests, from requests to work, from finished work to rows."""

import dataclasses
import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd
from rich.console import Console

from lodo.benchmark.jobs import MethodChoice, Work
from lodo.benchmark.pipeline import GROUPS, do_all, plan_request, tables_of
from lodo.benchmark.plan import Plan
from lodo.benchmark.request import Request
from lodo.benchmark.scheduler import Chain
from lodo.benchmark.store import Store
from lodo.methods.select import build_method
from lodo.reports.schema import RETRAINING
from lodo.reports.sweep import EXAMPLES, forgetting_rows, point_rows
from lodo.tasks.errors import InputError


@dataclass(frozen=True)
class Axis:
    """What is swept, ``task.examples`` or ``METHOD.name``, and its values as text."""

    key: str
    values: tuple[str, ...]

    @property
    def owner(self) -> str:
        """The group of settings, or the method's name."""
        return self.key.rpartition(".")[0]

    @property
    def field(self) -> str:
        """The setting's or the hyperparameter's name."""
        return self.key.rpartition(".")[2]


def parse_axis(text: str, option: str = "--over", owner: str = "") -> Axis:
    """``KEY=value,value…`` as an axis; ``owner`` is put before a key without one. Raises InputError."""
    key, equals, values = text.partition("=")
    parts = tuple(dict.fromkeys(value.strip() for value in values.split(",")))
    key = f"{owner}.{key}" if owner and "." not in key else key
    if not equals or "" in parts or not all(key.rpartition(".")[::2]):
        example = "lr=1e-5,1e-4" if owner else "task.examples=16,48 or METHOD.lr=1e-5,1e-4"
        raise InputError(f"{option} {text}: write it as {example}")
    return Axis(key, parts)


@dataclass(frozen=True)
class Point:
    """An ordinary request, and by method what was swept in it."""

    request: Request
    swept: Mapping[str, Mapping[str, str]]


def grid(request: Request, axes: Sequence[Axis]) -> list[Point]:
    """A request for every point of a grid; points that differ in different methods' values share one.

    Raises InputError for an axis given twice, one of no method or setting, or a bad value.
    """
    keys = [axis.key for axis in axes]
    names = [choice.name for choice in request.methods]
    for axis in axes:
        if keys.count(axis.key) > 1:
            raise InputError(f"--over {axis.key}: it is given twice; write all its values into one")
        if axis.owner not in (*GROUPS, *names):
            raise InputError(
                f"--over {axis.key}: '{axis.owner}' is no method of this sweep, nor one of {', '.join(GROUPS)}"
            )
    shared = [axis for axis in axes if axis.owner in GROUPS]
    points = []
    for values in itertools.product(*(axis.values for axis in shared)):
        changes = dict(zip((axis.key for axis in shared), values, strict=True))
        variants = [
            _variants(choice, [axis for axis in axes if axis.owner == choice.name]) for choice in request.methods
        ]
        # A point holds one setting of each method: tables name a method's runs by its name.
        for round in itertools.zip_longest(*variants):
            there = [variant for variant in round if variant is not None]
            points.append(
                Point(
                    dataclasses.replace(
                        request,
                        changes={**request.changes, **changes},
                        methods=tuple(choice for choice, _ in there),
                    ),
                    {choice.name: {**changes, **swept} for choice, swept in there},
                )
            )
    return points


def _variants(choice: MethodChoice, axes: Sequence[Axis]) -> list[tuple[MethodChoice, dict[str, str]]]:
    """A method with every combination of its axes' values."""
    variants = []
    for values in itertools.product(*(axis.values for axis in axes)):
        given = dict(zip((axis.field for axis in axes), values, strict=True))
        method = build_method(choice.locator, {**choice.method.hyperparameters, **given})
        swept = {axis.key: value for axis, value in zip(axes, values, strict=True)}
        variants.append((dataclasses.replace(choice, method=method), swept))
    return variants


@dataclass(frozen=True)
class Sweep:
    """A planned sweep: its points, their plans, and the work of all of them, each job once."""

    points: tuple[Point, ...]
    plans: tuple[Plan, ...]
    work: Plan

    @staticmethod
    def plan(points: Sequence[Point], store: Store, jobs: int, console: Console) -> "Sweep":
        """Read and prepare the text where the store lacks it, and lay out all work. Raises InputError on bad input."""
        plans = tuple(plan_request(point.request, store, jobs, console) for point in points)
        return Sweep(tuple(points), plans, dataclasses.replace(plans[0], chains=_merged(plans)))

    @property
    def tasks(self) -> list[str]:
        """Names of all tasks, each once."""
        return list(dict.fromkeys(task.name for plan in self.plans for task in plan.tasks))

    def run(self, store: Store, jobs: int, console: Console, timeout: float | None) -> list[str]:
        """Do what the store lacks; returns the keys of the jobs computed. Raises as `run_chains`."""
        return do_all(store, self.work, jobs, console, timeout)

    def rows(self, store: Store) -> tuple[pd.DataFrame, pd.DataFrame]:
        """`point_rows` and `forgetting_rows` of all points; all work must be done."""
        rows, forgotten = [], []
        for point, plan in zip(self.points, self.plans, strict=True):
            tables = tables_of(store, plan)
            shown = pd.Series(
                [
                    task.shown(min(item.slots, plan.infos[task].available[item.name]))
                    for task in plan.tasks
                    for item in task.mixture.datasets
                ]
            )
            # A true retraining is the same however much is shown, but not under another recipe.
            changes = {key: value for each in point.swept.values() for key, value in each.items() if _shared(key)}
            swept = {**point.swept, RETRAINING: changes}
            examples = ", ".join(dict.fromkeys(str(task.examples) for task in plan.tasks))
            rows.append(point_rows(tables, swept, examples, float(shown.mean())))
            forgotten.append(forgetting_rows(tables, point.swept))
        return pd.concat(rows, ignore_index=True), pd.concat(forgotten, ignore_index=True)


def _shared(key: str) -> bool:
    """Whether a swept key is a setting that changes the trainings themselves."""
    return key.rpartition(".")[0] in GROUPS and key != EXAMPLES


def _merged(plans: Sequence[Plan]) -> tuple[Chain, ...]:
    """The chains of several plans, each job once: chains that begin with the same job are one."""
    works: dict[str, dict[str, Work]] = {}
    for chain in (chain for plan in plans for chain in plan.chains):
        mine = works.setdefault(chain.works[0].job.key, {})
        for work in chain.works:
            mine.setdefault(work.job.key, work)
    return tuple(Chain(tuple(chain_works.values())) for chain_works in works.values())
