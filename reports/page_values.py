"""What the leaderboard page says, as plain values: from tables and summaries to the template's variables."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from lodo.reports import formats
from lodo.reports.derive import Question, Reading
from lodo.reports.schema import RETRAINING
from lodo.reports.summary import Summary, is_reference, ranked, row_labels, uneven_tasks
from lodo.reports.tables import Tables

Pair = tuple[str, str]
Values = dict[str, Any]
READINGS: dict[Reading, str] = {
    "others": "the average of the other seeds' truths",
    "own": "the truth of the very model that was attributed",
}
ASKED: dict[Question, str] = {
    "as_in_paper": "estimates as they are, as in UnTrac's paper",
    "mixture-aware": "estimates times what leaving a whole dataset out does to the mixture's shares",
}


@dataclass(frozen=True)
class Rows:
    """The methods that a page lists, in order, as (method, hyperparameters), and what each is called."""

    pairs: list[Pair]
    labels: dict[Pair, str]
    manifest: Mapping[str, Any]

    @staticmethod
    def of(tables: Tables, summary: Summary) -> "Rows":
        """All methods of the tables, best first, references last."""
        return Rows(ranked(summary.ranking, tables.manifest), row_labels(summary.scores), tables.manifest)

    @property
    def order(self) -> list[str]:
        """Labels in order."""
        return [self.labels[pair] for pair in self.pairs]

    def label(self, frame: pd.DataFrame) -> pd.DataFrame:
        """A frame of estimates or scores with a ``label`` column."""
        pairs = pd.Index(list(self.labels)) if self.labels else pd.MultiIndex.from_arrays([[], []])
        keys = pd.MultiIndex.from_frame(frame[["method", "hyperparameters"]])
        named = pd.Series(list(self.labels.values()), index=pairs, dtype="str").reindex(keys)
        return frame.assign(label=named.to_numpy()).astype({"label": "str"})

    def kind(self, pair: Pair) -> str:
        """``method``, ``ceiling`` (the true retraining) or ``reference`` (what a method must beat)."""
        if pair[0] == RETRAINING:
            return "ceiling"
        return "reference" if is_reference(pair[0], self.manifest) else "method"


def mapping(value: Any) -> Mapping[str, Any]:
    """The value if it is a mapping, else an empty one: a manifest may lack anything."""
    return value if isinstance(value, Mapping) else {}


def records(frame: pd.DataFrame) -> Iterator[Any]:
    """The rows of a frame as objects with an attribute for each column."""
    yield from frame.itertuples(index=False)


def facts(manifest: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What was run, as (name, value), as far as the manifest tells."""
    code, hardware = mapping(manifest.get("code")), mapping(manifest.get("hardware"))
    changes, libraries = mapping(manifest.get("changes")), mapping(manifest.get("libraries"))
    version = " ".join(str(part) for part in (code.get("version"), str(code.get("hash") or "")[:12]) if part)
    threads = hardware.get("threads")
    machine = [hardware.get("processor") or hardware.get("machine"), hardware.get("device")]
    machine += [f"{hardware['cores']} cores" if hardware.get("cores") else None]
    machine += [f"{threads} thread{'' if threads == 1 else 's'} a process" if threads else None]
    entries = [
        ("Scale", manifest.get("scale")),
        ("Text", manifest.get("source")),
        ("Truth by", manifest.get("definition")),
        ("Seeds", manifest.get("seeds")),
        ("Runs a seed", manifest.get("runs")),
        ("Changed settings", formats.settings(dict(changes)) if changes else None),
        ("Code", f"lodo {version}" if version else None),
        ("Hardware", ", ".join(str(part) for part in machine if part)),
        ("Libraries", ", ".join(f"{name} {value}" for name, value in libraries.items())),
    ]
    return [(name, str(value)) for name, value in entries if value not in (None, "")]


def overall(rows: Rows, summary: Summary) -> Values:
    """The table methods × tasks: Pearson with the truth that ranks, and the mean cost of an attribution."""
    scores = summary.ranking
    tasks = sorted(scores["task"].unique())
    score_rows = {(row.task, row.method, row.hyperparameters): row for row in records(scores)}
    cells = {task: [_cell(score_rows.get((task, *pair))) for pair in rows.pairs] for task in tasks}
    for column in cells.values():
        _mark(column, [rows.kind(pair) for pair in rows.pairs])
    costs = summary.costs.groupby("method")["training_equivalents"].mean()
    lines = [
        {
            "label": rows.labels[pair],
            "kind": rows.kind(pair),
            "cells": [cells[task][index] for task in tasks],
            "mean": _mean_over_tasks([cells[task][index] for task in tasks]),
            "trainings": formats.number(costs.get(pair[0]), 2),
        }
        for index, pair in enumerate(rows.pairs)
    ]
    known = {row.task: row for row in records(summary.reliability)}
    return {
        "tasks": tasks,
        "rows": lines,
        "reliability": [reliability(known.get(task)) for task in tasks],
        "truth": READINGS[summary.truth],
        "question": ASKED[summary.question],
        "alone": summary.truth == "own",
    }


def _cell(row: Any) -> Values:
    if row is None:
        return {"value": None, "std": None, "text": "", "reason": "not run", "mark": ""}
    defined = not formats.missing(row.pearson)
    return {
        "value": row.pearson if defined else None,
        "std": row.pearson_std,
        "text": formats.plus_minus(row.pearson, row.pearson_std) if defined else "",
        "reason": row.reason,
        "mark": "",
    }


def _mark(column: list[Values], kinds: list[str]) -> None:
    """Mark the best method's cell, and those that lie within one standard deviation of it: they are not separable.

    Where no method beats zero and every reference row there is no best one.
    """
    pairs = [pair for pair in zip(column, kinds, strict=True) if pair[0]["value"] is not None]
    defined = [cell for cell, kind in pairs if kind == "method"]
    floor = max([0.0, *(float(cell["value"]) for cell, kind in pairs if kind == "reference")])
    if not defined or max(float(cell["value"]) for cell in defined) <= floor:
        return
    best = max(defined, key=lambda cell: float(cell["value"]))
    for cell in defined:
        spread = max((0.0 if formats.missing(one["std"]) else one["std"]) for one in (best, cell))
        if best["value"] - cell["value"] <= spread:
            cell["mark"] = "near"
    best["mark"] = "best"


def _mean_over_tasks(cells: list[Values]) -> str:
    values = [cell["value"] for cell in cells]
    return formats.DASH if any(value is None for value in values) else formats.number(sum(values) / len(values))


def reliability(row: Any) -> Values:
    """A task's R as text, or why there is none."""
    if row is None:
        return {"r": "", "reason": "not measured"}
    if formats.missing(row.reliability):
        return {"r": "", "reason": row.reason}
    part = "" if row.subsets == row.subsets_all else f"{row.subsets} of {row.subsets_all} subsets"
    return {"r": formats.number(row.reliability), "reason": part}


def methods(rows: Rows) -> list[Values]:
    """What each method is, with which hyperparameters, and why these are what they are."""
    listed = mapping(rows.manifest.get("methods"))
    entries = []
    for pair in rows.pairs:
        about = mapping(listed.get(pair[0]))
        entries.append(
            {
                "label": rows.labels[pair],
                "summary": str(about.get("summary") or ""),
                "paper": str(about.get("paper") or ""),
                "hyperparameters": formats.settings(pair[1] or about.get("hyperparameters")),
                "why": [
                    (name, str(mapping(why).get("reason") or ""), str(mapping(why).get("detail") or ""))
                    for name, why in mapping(about.get("provenance")).items()
                ],
            }
        )
    return entries


def other_question(tables: Tables, summary: Summary, task: str) -> Question | None:
    """The question that does not rank, for a task in which the two are not the same."""
    if task not in uneven_tasks(tables.datasets):
        return None
    return "as_in_paper" if summary.question == "mixture-aware" else "mixture-aware"


def task_scores(rows: Rows, summary: Summary, task: str, other: Question | None) -> list[Values]:
    """One task's methods: both metrics against both truths and under the other question, and the cost."""
    scores = summary.scores[summary.scores["task"] == task]
    score_rows = {(row.method, row.hyperparameters, row.question, row.truth): row for row in records(scores)}
    costs = {row.method: row for row in records(summary.costs[summary.costs["task"] == task])}
    lines: list[Values] = []
    for pair in rows.pairs:
        others, own = (score_rows.get((*pair, summary.question, truth)) for truth in ("others", "own"))
        if others is None and own is None:
            continue
        cost = costs.get(pair[0])
        lines.append(
            {
                "label": rows.labels[pair],
                "kind": rows.kind(pair),
                "others": _metrics(others),
                "own": _metrics(own),
                "asked": _metrics(score_rows.get((*pair, other, summary.truth))) if other else None,
                "seconds": formats.seconds(getattr(cost, "seconds", None)),
                "trainings": formats.number(getattr(cost, "training_equivalents", None), 3),
                "memory": formats.memory(getattr(cost, "peak_rss", None)),
            }
        )
    return lines


def _metrics(row: Any) -> Values:
    if row is None or formats.missing(row.pearson):
        return {"reason": "not scored" if row is None else row.reason}
    return {
        "reason": "",
        "pearson": formats.plus_minus(row.pearson, row.pearson_std),
        "seeds": formats.number(row.pearson_std_seeds),
        "spearman": formats.plus_minus(row.spearman, row.spearman_std),
    }
