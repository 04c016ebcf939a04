"""Tuning apart from scoring: a grid of a method's values on tasks that are never scored, and the record of it."""

import dataclasses
import json
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd

from lodo.benchmark.identity import versions
from lodo.benchmark.pipeline import GROUPS, make_request
from lodo.benchmark.request import Request
from lodo.benchmark.sweep import Axis, Point, Sweep, grid, parse_axis
from lodo.methods.base import AttributionMethod
from lodo.methods.records import GridPoint, TuningRecord
from lodo.methods.select import build_method, explain, method_class, scaled_values, split_settings
from lodo.reports.sweep import mean_and_interval, ranking
from lodo.tasks.errors import InputError
from lodo.tasks.generated import GeneratedSource
from lodo.tasks.registry import asked_by
from lodo.tasks.spec import Scale, canonical_json

# Another draw, other facts, and another corpus to teach each of them than in any text that is scored.
TEXT = GeneratedSource(seed=1, planting=1)


@dataclasses.dataclass(frozen=True)
class Tuning:
    """A grid of one method's hyperparameters; ``request`` has the method as it stands without a record."""

    request: Request
    axes: tuple[Axis, ...]

    @property
    def method(self) -> AttributionMethod:
        """The method at none of the grid's points: what the grid leaves alone."""
        return self.request.methods[0].method

    @property
    def fields(self) -> tuple[str, ...]:
        """The hyperparameters that the grid varies."""
        return tuple(axis.field for axis in self.axes)

    @property
    def points(self) -> list[Point]:
        """The grid. Raises InputError for a bad axis or value."""
        return grid(self.request, self.axes)


def make_tuning(
    locator: str,
    grids: Sequence[str],
    *,
    settings: Sequence[str] = (),
    scale: Scale = "mini",
    examples: str = "250",
    seeds: int = 2,
    runs: int = 2,
    **options: Any,
) -> Tuning:
    """Validate what is to be tuned; options are those of `make_request`.

    Values of an earlier record count for nothing: what the grid leaves alone stands as it would without one. Raises
    InputError naming the option that is wrong and the cure.
    """
    with asked_by("METHOD", "method"):
        cls = method_class(locator)
    axes = tuple(parse_axis(text, "--grid", cls.name) for text in grids)
    if not axes:
        raise InputError("--grid: name what is to be tuned, e.g. --grid lr=1e-5,1e-4")
    foreign = [axis.key for axis in axes if axis.owner != cls.name]
    if foreign:
        raise InputError(f"--grid {foreign[0]}: it is no hyperparameter of {cls.name}, which alone is tuned")
    changed = [f"task.examples={examples}", *settings]
    asked = make_request(methods=[locator], settings=changed, scale=scale, seeds=seeds, runs=runs, **options)
    (choice,) = (choice for choice in asked.methods if choice.name == cls.name)
    own = split_settings(settings, GROUPS)[0].get(cls.name, {})
    method = build_method(locator, {**scaled_values(cls, scale, recorded=False), **own})
    methods = (dataclasses.replace(choice, method=method),)
    return Tuning(dataclasses.replace(asked, source=TEXT, tuning=True, methods=methods), axes)


def grid_points(tuning: Tuning, rows: pd.DataFrame) -> list[tuple[GridPoint, float]]:
    """Every point of the grid with its score and cost, in the grid's order, and the standard error of its score.

    Args:
        rows: of `Sweep.rows`.
    """
    points = []
    own = rows[rows["method"] == tuning.method.name]
    for text, group in ranking(own).groupby("hyperparameters", sort=False):
        values = json.loads(str(text))
        score = mean_and_interval(group)
        cost = group["training_equivalents"].mean()
        point = GridPoint(
            values={name: values[name] for name in tuning.fields},
            pearson=_or_none(score["pearson"]),
            low=_or_none(score["low"]),
            high=_or_none(score["high"]),
            trainings=_or_none(cost),
            cause=score["cause"],
        )
        points.append((point, float(np.nan_to_num(score["error"]))))
    return points


def best(tuning: Tuning, points: Sequence[tuple[GridPoint, float]]) -> GridPoint:
    """The point of the highest mean score; of those within a standard error of it the cheapest, then the paper's.

    The standard error is the median of the grid's: of two or three seeds a single point's own is mostly chance.

    Raises InputError where no point has a score.
    """
    scored = [(point, error) for point, error in points if point.pearson is not None]
    if not scored:
        raise InputError(
            f"--grid: no point of {tuning.method.name}'s grid has a score; the first: {points[0][0].cause}"
        )
    top = max((point for point, _ in scored), key=lambda point: point.pearson or 0.0)
    error = float(np.median([error for _, error in scored]))
    assert top.pearson is not None
    near = [point for point, _ in scored if point.pearson is not None and point.pearson >= top.pearson - error]

    def place(point: GridPoint) -> tuple[float, int, float]:
        return round(point.trainings or 0.0, 6), -papers_values(tuning, point), -(point.pearson or 0.0)

    return min(near, key=place)


def papers_values(tuning: Tuning, point: GridPoint) -> int:
    """How many of a point's values are the paper's."""
    # At no scale: what is neither replaced nor recorded is the class's own value.
    method = build_method(tuning.request.methods[0].locator, point.values)
    return sum(explain(method, "")[name].why.reason == "paper" for name in point.values)


def make_record(tuning: Tuning, sweep: Sweep, points: Sequence[tuple[GridPoint, float]]) -> TuningRecord:
    """The record of a grid whose work is done: the winner's values become the method's at the scale.

    Raises InputError where no point has a score.
    """
    choice = tuning.request.methods[0]
    fixed = {name: value for name, value in choice.method.hyperparameters.items() if name not in tuning.fields}
    values: dict[str, list[Any]] = {name: [] for name in tuning.fields}
    for point, _ in points:
        for name, value in point.values.items():
            values[name] += [value] * (value not in values[name])
    return TuningRecord(
        method=choice.name,
        scale=tuning.request.scale,
        values=best(tuning, points).values,
        grid=values,
        fixed=json.loads(canonical_json(fixed)),
        tasks=tuple(sweep.tasks),
        text=dataclasses.asdict(TEXT),
        seeds=tuning.request.seeds,
        runs=tuning.request.runs_on(sweep.plans[0].tasks[0]),
        examples=sweep.plans[0].tasks[0].examples,
        version=dict(versions(["lodo"]))["lodo"],
        code=choice.code.hash,
        points=tuple(point for point, _ in points),
    )


def _or_none(value: float) -> float | None:
    """A number for JSON; rounded, since cost and score mean nothing beyond."""
    return None if np.isnan(value) else round(float(value), 6)
