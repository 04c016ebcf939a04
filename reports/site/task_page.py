"""A task's page: what it tests, how reliable its truth is, scores with intervals, figures, failures."""

import math
from collections.abc import Mapping
from typing import Any

import pandas as pd

from lodo.reports import figures, formats, sections
from lodo.reports.derive import Question
from lodo.reports.leaving import Answered
from lodo.reports.page_values import mapping, other_question, records, reliability
from lodo.reports.schema import RETRAINING
from lodo.reports.site import words
from lodo.reports.site.material import Cost, Material, Pair, part
from lodo.reports.site.page import Plot, Sheet, there
from lodo.reports.site.subset_scores import subset_scores
from lodo.reports.standings import Standing, standings
from lodo.reports.summary import Summary
from lodo.reports.tables import Tables
from lodo.reports.uncertainty import Interval


def task_page(material: Material, task: str) -> Sheet:
    """``tasks/<slug>.html``."""
    slug = material.task_pages[task]
    tables, summary = material.tables, part(material.summary, [task])
    given = {pair: own[task] for pair, own in material.given.items() if task in own}
    other = other_question(tables, summary, task)
    known = {row.task: row for row in records(material.summary.reliability)}
    standing, asked = material.by_task[task], _asked(material, summary, task, other)
    asked_here = summary.scores[summary.scores["question"] == summary.question]
    means = {(str(row.method), str(row.hyperparameters), str(row.truth)): row for row in records(asked_here)}
    context = {
        "name": task,
        "reliability": reliability(known.get(task)),
        "facts": _facts(material, task),
        "samples": _samples(material, task),
        "datasets": _datasets(material, task),
        "subsets": sections.subset_rows(material.tables, task),
        "scores": [_line(material, task, own, means) | {"asked": asked.get(own.pair)} for own in standing.values()],
        "no_share": words.no_share(standing.values()),
        "other": other,
        "by_subset": _by_subset(material, given),
        "trainings": sections.training_rows(material.tables, task),
        "repeats": sections.repeats(material.tables, task),
        "forgetting": sections.forgetting_rows(material.rows, material.tables, task),
        "failures": [
            {"label": material.label(pair), "page": material.method_pages[pair], "failure": failure}
            for pair in standing
            for failure in material.failing.failures(pair, [task])
        ],
    }
    return Sheet(slug, f"{task} – lodo", "task.jinja", context, _plots(material, task, tables, slug))


def _plots(material: Material, task: str, tables: Tables, slug: str) -> dict[str, Plot]:
    rows, standing, key = material.rows, material.by_task[task], slug.replace("/", "-")
    data = pd.DataFrame(
        [(rows.labels[own.pair], own.score, own.again.low, own.again.high) for own in standing.values()],
        columns=["label", "score", "low", "high"],
    ).astype({"score": float, "low": float, "high": float})
    ceiling = next((own.score for own in standing.values() if own.pair[0] == RETRAINING), None)
    answers = rows.label(tables.answers(material.summary.question, material.reading))
    return there(
        {
            "truth": figures.truth_heatmap(tables.ground_truth, task, f"{key}-truth"),
            "scores": figures.score_chart(
                data, ceiling if material.reading == "others" else None, task, f"{key}-scores"
            ),
            "scatter": figures.scatter(answers, data["label"].tolist(), task, f"{key}-scatter"),
        }
    )


def _line(material: Material, task: str, own: Standing, means: Mapping[tuple[str, str, str], Any]) -> dict[str, Any]:
    """A row of the task's table: rank, score, both intervals, distances, Spearman, cost.

    Args:
        means: by method, hyperparameters and reading, the task's rows of `summarise_scores` under its question.
    """
    pair = own.pair
    cost = material.task_costs.get(task, {}).get(pair, Cost())
    return {
        "label": material.label(pair),
        "page": material.method_pages[pair],
        "kind": material.rows.kind(pair),
        "rank": words.rank(own),
        "tie": words.tie(own),
        "score": words.score(own),
        "elsewhere": words.interval(own.elsewhere),
        "why_elsewhere": own.elsewhere.reason,
        "spearman": formats.number(getattr(means.get((*pair, material.reading)), "spearman", None)),
        "own": formats.number(getattr(means.get((*pair, "own")), "pearson", None)),
        "to_chance": words.difference(own.to_chance),
        "share": words.share(own),
        "seconds": formats.seconds(cost.seconds),
        "trainings": words.trainings(cost.trainings),
        "memory": formats.memory(cost.memory),
    }


def _asked(material: Material, summary: Summary, task: str, other: Question | None) -> dict[Pair, dict[str, Any]]:
    """By method, the score under the question that does not rank, where it is another one."""
    if other is None:
        return {}
    rows = standings(material.tables, summary, [task], other, given=material.given_otherwise)
    return {own.pair: words.score(own) for own in rows}


def _by_subset(material: Material, given: Mapping[Pair, Answered]) -> dict[str, Any]:
    """Score and interval of every method on each subset of which the truth varies."""
    pairs = [pair for pair in material.rows.pairs if pair in given]
    made = subset_scores(given, material.reading)
    subsets = next(iter(given.values())).subsets if given else ()
    return {
        "labels": [material.label(pair) for pair in pairs],
        "rows": [(name, [_cell(*made[pair][index]) for pair in pairs]) for index, name in enumerate(subsets)],
    }


def _cell(value: float, ends: Interval) -> dict[str, str]:
    known = "" if math.isnan(value) else formats.number(value)
    return {"number": known, "interval": words.interval(ends) if known else "", "reason": ends.reason}


def _facts(material: Material, task: str) -> list[tuple[str, str]]:
    """What the manifest says of a task, as far as it does."""
    about = material.about_task(task)
    model, recipe, test = (mapping(about.get(name)) for name in ("model", "recipe", "test_set"))
    shown = about.get("examples")
    entries = [
        ("Test set", test.get("name")),
        ("Rule that makes the subsets", test.get("rule")),
        ("Text", about.get("source")),
        ("Licence", about.get("licence")),
        ("Form", about.get("form")),
        ("Examples of a dataset that a run shows", shown),
        ("Model", formats.settings(dict(model)) if model else None),
        ("Training", formats.settings(dict(recipe)) if recipe else None),
        ("Identity (SHA-256 of all of this)", about.get("identity")),
    ]
    return [(name, str(value)) for name, value in entries if value not in (None, "")]


def _datasets(material: Material, task: str) -> dict[str, Any]:
    """The mixture: size and share of every dataset, and what else the manifest says of each (source, hash, licence)."""
    sizes = sections.of_task(material.tables.datasets, task)
    total = float(sizes["slots"].sum()) or 1.0
    described = mapping(material.about_task(task).get("mixture")).get("datasets")
    listed = described if isinstance(described, (list, tuple)) else []
    about = {str(item.get("name")): item for item in map(mapping, listed)}
    more = sorted({key for item in about.values() for key in item} - {"name", "slots"})
    return {
        "more": more,
        "rows": [
            {
                "name": row.dataset,
                "slots": formats.number(row.slots, 0),
                "share": words.percent(row.slots / total),
                "more": [str(mapping(about.get(row.dataset)).get(key, "")) for key in more],
            }
            for row in records(sizes)
        ],
    }


def _samples(material: Material, task: str) -> list[tuple[str, list[str]]]:
    """Beginnings of texts by part of the task, where the manifest holds any."""
    samples = mapping(material.about_task(task).get("samples"))
    return [(str(name), [str(text) for text in texts]) for name, texts in samples.items() if isinstance(texts, list)]
