"""The main table for use elsewhere: CSV, JSON, Markdown, LaTeX."""

import csv
import io
import json
from typing import Any

from lodo.reports import formats
from lodo.reports.closing import markdown
from lodo.reports.gaps import Difference
from lodo.reports.site import words
from lodo.reports.site.material import Material, letter
from lodo.reports.standings import Standing

EXPORTS = (
    ("leaderboard.csv", "one row a method, all digits"),
    ("leaderboard.json", "the same with reasons for what is missing"),
    ("leaderboard.md", "Markdown"),
    ("leaderboard.tex", "LaTeX with booktabs; bold: the best and what cannot be told from it"),
)
HEADS = ("rank", "method", "score", "95 % interval", "tie group", "share of retraining", "cost, in trainings")
LATEX = {
    "\\": r"\textbackslash{}",
    "{": r"\{",
    "}": r"\}",
    "&": r"\&",
    "%": r"\%",
    "$": r"\$",
    "#": r"\#",
    "_": r"\_",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    formats.MINUS: "$-$",
    formats.DASH: "--",
}
MARKDOWN = {mark: f"\\{mark}" for mark in "\\`*_[]"} | {"<": "&lt;", ">": "&gt;"}


def exports(material: Material) -> dict[str, bytes]:
    """The files of `EXPORTS` by name."""
    rows = [_record(material, standing) for standing in material.overall]
    made = {
        "leaderboard.csv": _csv(rows),
        "leaderboard.json": json.dumps(rows, indent=1, ensure_ascii=False, allow_nan=False) + "\n",
        "leaderboard.md": _markdown(material),
        "leaderboard.tex": _latex(material),
    }
    return {name: made[name].encode() for name, _ in EXPORTS}


def _record(material: Material, standing: Standing) -> dict[str, Any]:
    """A method's row with all digits; None for what is missing, and why."""
    place = standing.place
    cost = material.costs.get(standing.pair)
    return {
        "method": standing.pair[0],
        "hyperparameters": standing.pair[1],
        "reference": standing.reference,
        "score": standing.score,
        "undefined": standing.reason,
        "low": standing.again.low,
        "high": standing.again.high,
        "no_interval": standing.again.reason,
        "elsewhere_low": standing.elsewhere.low,
        "elsewhere_high": standing.elsewhere.high,
        "no_elsewhere": standing.elsewhere.reason,
        "rank_best": place.rank[0] if place else None,
        "rank_worst": place.rank[1] if place else None,
        "tie_group": letter(place.group) if place else None,
        "probability_best": place.best if place else None,
        **_difference("to_best", place.to_best if place else None),
        **_difference("to_random", standing.to_chance),
        "share_of_retraining": standing.share.value,
        "share_low": standing.share.interval.low,
        "share_high": standing.share.interval.high,
        "cost_trainings": None if formats.missing(cost) else cost,
    }


def _difference(name: str, given: Difference | None) -> dict[str, Any]:
    parts = ("value", "low", "high", "p")
    return {f"{name}_{part}": getattr(given, part) if given else None for part in parts}


def _csv(rows: list[dict[str, Any]]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]) if rows else ["method"], lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue()


def _cells(material: Material, standing: Standing) -> list[str]:
    """A row as text, in the order of `HEADS`."""
    return [
        words.rank(standing) or formats.DASH,
        material.label(standing.pair),
        formats.number(standing.score) if standing.score is not None else standing.reason,
        words.interval(standing.again) or standing.again.reason,
        words.tie(standing)["letter"] or formats.DASH,
        words.share(standing)["text"] or formats.DASH,
        words.trainings(material.costs.get(standing.pair)),
    ]


def _markdown(material: Material) -> str:
    plain = str.maketrans(MARKDOWN)
    lines = [[cell.translate(plain) for cell in _cells(material, standing)] for standing in material.overall]
    return "\n".join(markdown([list(HEADS), *lines], words=2)) + "\n"


def _latex(material: Material) -> str:
    """A table with booktabs' rules; methods of the first tie group are bold."""
    escape = str.maketrans(LATEX)
    groups: dict[bool, list[str]] = {False: [], True: []}
    for standing in material.overall:
        cells = [cell.translate(escape) for cell in _cells(material, standing)]
        if standing.place and standing.place.group == 1:
            cells[1:3] = [rf"\textbf{{{cell}}}" for cell in cells[1:3]]
        groups[standing.reference].append(" & ".join(cells) + r" \\")
    heads = " & ".join(head.translate(escape) for head in HEADS) + r" \\"
    rule = [r"\midrule"] if groups[True] else []
    return "\n".join(
        [
            "% needs \\usepackage{booktabs}",
            r"\begin{tabular}{llrrrrr}",
            r"\toprule",
            heads,
            r"\midrule",
            *groups[False],
            *rule,
            *groups[True],
            r"\bottomrule",
            r"\end{tabular}",
            "",
        ]
    )
