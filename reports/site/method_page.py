"""A method's page: what it is, its values and why, its results on every task, distances, steps, failures."""

from typing import Any

from lodo.reports import formats
from lodo.reports.page_values import mapping
from lodo.reports.site import words
from lodo.reports.site.charts import steps_chart, task_chart
from lodo.reports.site.material import Cost, Material, Pair
from lodo.reports.site.page import Sheet, there
from lodo.reports.standings import Standing


def method_page(material: Material, standing: Standing) -> Sheet:
    """``methods/<slug>.html``."""
    pair = standing.pair
    about, slug = material.about_method(pair), material.method_pages[pair]
    label, key = material.label(pair), slug.replace("/", "-")
    best = material.methods[0] if material.methods else None
    place = standing.place
    context: dict[str, Any] = {
        "label": label,
        "kind": material.rows.kind(pair),
        "summary": str(about.get("summary") or ""),
        "paper": str(about.get("paper") or ""),
        "bibtex": str(about.get("bibtex") or ""),
        "code": str(about.get("code") or ""),
        "whole": about.get("whole"),
        "values": _values(material, pair),
        "rank": words.rank(standing),
        "of": len([other for other in material.methods if other.place]),
        "why_no_rank": "" if place or standing.reference else standing.reason or standing.again.reason,
        "tie": words.tie(standing),
        "chance_of_best": words.percent(place.best) if place else "",
        "score": words.score(standing),
        "elsewhere": words.interval(standing.elsewhere),
        "why_elsewhere": standing.elsewhere.reason,
        "best": {"label": material.label(best.pair), "page": material.method_pages[best.pair]} if best else None,
        "is_best": best is not None and best.pair == pair,
        "to_best": words.difference(place.to_best if place else None),
        "to_chance": words.difference(standing.to_chance),
        "share": words.share(standing),
        "cost": words.trainings(material.costs.get(pair)),
        "results": [_result(material, task, pair) for task in material.tasks],
        "failures": [{"failure": failure} for failure in material.failures(pair)],
    }
    plots = there(
        {
            "tasks": task_chart(material, pair, f"{key}-tasks"),
            "steps": steps_chart(material, pair, f"{key}-steps"),
        }
    )
    return Sheet(slug, f"{label} – lodo", "method.jinja", context, plots)


def _values(material: Material, pair: Pair) -> list[dict[str, str]]:
    """Hyperparameters, each with why it is what it is."""
    about = material.about_method(pair)
    why = mapping(about.get("provenance"))
    values = formats.pairs(pair[1]) or formats.pairs(about.get("hyperparameters"))
    return [
        {
            "name": name,
            "value": value,
            "reason": str(mapping(why.get(name)).get("reason") or ""),
            "detail": str(mapping(why.get(name)).get("detail") or ""),
        }
        for name, value in values
    ]


def _result(material: Material, task: str, pair: Pair) -> dict[str, Any]:
    """A method on one task."""
    own = material.by_task[task].get(pair)
    cost = material.task_costs.get(task, {}).get(pair, Cost())
    place = own.place if own else None
    return {
        "task": task,
        "page": material.task_pages[task],
        "score": words.score(own),
        "elsewhere": words.interval(own.elsewhere) if own else "",
        "rank": words.rank(own) if own else "",
        "tie": words.tie(own) if own else {"letter": "", "mark": ""},
        "to_best": words.difference(place.to_best if place else None),
        "leads": place is not None and place.to_best is None,
        "to_chance": words.difference(own.to_chance if own else None),
        "trainings": words.trainings(cost.trainings),
        "seconds": formats.seconds(cost.seconds),
        "memory": formats.memory(cost.memory),
    }
