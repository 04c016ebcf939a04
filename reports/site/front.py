"""The front page: which method to use, the picture of score against cost, and the table of all methods."""

from typing import Any

from lodo.reports import formats
from lodo.reports.page_values import ASKED, READINGS, mapping, records, reliability
from lodo.reports.site import words
from lodo.reports.site.charts import cost_chart
from lodo.reports.site.material import Material
from lodo.reports.site.page import Sheet, there
from lodo.reports.site.verdict import frontier, verdict
from lodo.reports.standings import Standing

MOST_COLUMNS = 6


def front_page(material: Material) -> Sheet:
    """``index.html``."""
    known = {row.task: row for row in records(material.summary.reliability)}
    families = _columns(material)
    context: dict[str, Any] = {
        "verdict": verdict(material),
        "families": [_family(material, name) for name in families],
        "no_share": words.no_share(material.overall),
        "methods": [_line(material, standing, families) for standing in material.methods],
        "references": [_line(material, standing, families) for standing in material.references],
        "tasks": [{"name": task, "page": material.task_pages[task]} for task in material.tasks],
        "by_task": [_cells(material, standing) for standing in material.overall],
        "reliability": [reliability(known.get(task)) for task in material.tasks],
        "truth": READINGS[material.reading],
        "question": ASKED[material.summary.question],
        "alone": material.reading == "own",
        "spend": [_spend(material, step.standing, step.cost) for step in frontier(material)],
        "warnings": _warnings(material),
    }
    plots = there({"cost": cost_chart(material)})
    return Sheet("index", "lodo: which attribution method to trust", "front.jinja", context, plots)


def _columns(material: Material) -> list[str]:
    """What has a column of its own: families, or the tasks where there is one family or each task is its own."""
    if len(material.tasks) == 1:
        return []
    if 1 < len(material.families) < len(material.tasks):
        return list(material.families)
    return list(material.tasks) if len(material.tasks) <= MOST_COLUMNS else list(material.families)


def _family(material: Material, name: str) -> dict[str, Any]:
    tasks = material.families.get(name, [name])
    page = material.task_pages[tasks[0]] if len(tasks) == 1 else None
    return {"name": name, "tasks": len(tasks), "page": page}


def _line(material: Material, standing: Standing, families: list[str]) -> dict[str, Any]:
    """A row of the main table; ``keys`` are what the script sorts by, "" for what is not known."""
    pair = standing.pair
    own = {**material.by_family, **material.by_task}
    cells = [words.score(own[name].get(pair)) for name in families]
    cost, place = material.costs.get(pair), standing.place
    failures = material.failures(pair)
    failed, tried = sum(failure.count for failure in failures), failures[0].of if failures else 0
    keys = {
        "rank": (place.rank[0] if place else None),
        "score": standing.score,
        "group": (place.group if place else None),
        "share": standing.share.value,
        "cost": cost,
        "failed": failed,
        **{f"part{index}": cell["value"] for index, cell in enumerate(cells)},
    }
    return {
        "label": material.label(pair),
        "page": material.method_pages[pair],
        "rank": words.rank(standing),
        "why_no_rank": "" if place else standing.reason or standing.again.reason,
        "score": words.score(standing),
        "tie": words.tie(standing),
        "share": words.share(standing),
        "cost": words.trainings(cost),
        "cells": cells,
        "failed": f"{failed} of {tried}" if failed else "",
        "cause": failures[0].cause if failures else "",
        "keys": {name: "" if formats.missing(value) else f"{value:.6g}" for name, value in keys.items()},
    }


def _cells(material: Material, standing: Standing) -> dict[str, Any]:
    """A row of the table task by task."""
    return {
        "label": material.label(standing.pair),
        "page": material.method_pages[standing.pair],
        "reference": standing.reference,
        "cells": [words.score(material.by_task[task].get(standing.pair)) for task in material.tasks],
    }


def _spend(material: Material, standing: Standing, cost: float) -> dict[str, Any]:
    return {
        "label": material.label(standing.pair),
        "page": material.method_pages[standing.pair],
        "cost": words.trainings(cost),
        "score": words.score(standing),
    }


def _warnings(material: Material) -> list[str]:
    warnings = material.manifest.get("warnings")
    return [str(warning) for warning in warnings] if isinstance(warnings, (list, tuple)) else []


def scale_of(material: Material) -> str:
    """What was run, in a few words: scale and text."""
    about = mapping(material.manifest)
    parts = [about.get("scale"), about.get("source")]
    return ", ".join(str(part) for part in parts if part)
