"""The page on how sure one can be: reliability, the two intervals, comparisons, what is not claimed."""

from typing import Any

from lodo.reports import formats
from lodo.reports.page_values import records
from lodo.reports.site import words
from lodo.reports.site.charts import reliability_chart
from lodo.reports.site.material import Material
from lodo.reports.site.page import Sheet, there


def sure_page(material: Material) -> Sheet:
    """``sure.html``."""
    truth = material.tables.ground_truth
    shape = truth.groupby("task")[["seed", "dataset", "subset"]].nunique()
    compared = [standing for standing in material.methods if standing.place]
    context: dict[str, Any] = {
        "seeds": _range(shape["seed"]),
        "datasets": _range(shape["dataset"]),
        "subsets": _range(shape["subset"]),
        "fewest": int(shape["dataset"].min()) if len(shape) else 0,
        "reliability": [
            {
                "task": row.task,
                "page": material.task_pages.get(row.task),
                "seeds": row.seeds,
                "r": formats.number(row.reliability),
                "mean_r": formats.number(row.mean_r),
                "subsets": f"{row.subsets} of {row.subsets_all}",
                "reason": row.reason,
            }
            for row in records(material.summary.reliability)
        ],
        "compared": len(compared),
        "methods": [
            {
                "label": material.label(standing.pair),
                "page": material.method_pages[standing.pair],
                "score": words.score(standing),
                "again": words.interval(standing.again),
                "elsewhere": words.interval(standing.elsewhere),
                "why_again": standing.again.reason,
                "why_elsewhere": standing.elsewhere.reason,
                "best": words.percent(standing.place.best) if standing.place else "",
                "to_best": words.difference(standing.place.to_best if standing.place else None),
                "to_chance": words.difference(standing.to_chance),
                "leads": standing.place is not None and standing.place.to_best is None,
            }
            for standing in material.methods
        ],
    }
    plots = there({"reliability": reliability_chart(material.tables.reliability, material.tasks)})
    return Sheet("sure", "How sure are we? – lodo", "sure.jinja", context, plots)


def _range(counts: Any) -> str:
    """``8``, or ``4 to 13``; a dash where there is nothing."""
    if not len(counts):
        return formats.DASH
    low, high = int(counts.min()), int(counts.max())
    return str(low) if low == high else f"{low} to {high}"
