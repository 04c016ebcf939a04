"""Writes the leaderboard: one HTML file that needs nothing else, from result tables alone."""

from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from lodo.reports import page_values, sections
from lodo.reports.derive import Question
from lodo.reports.page_values import Rows, Values
from lodo.reports.schema import SCHEMAS
from lodo.reports.summary import Summary, summarise
from lodo.reports.svg import Figure, draw
from lodo.reports.tables import MANIFEST, Tables, replace_file

PAGE = "index.html"
TEMPLATES = Path(__file__).parent / "templates"


def write_leaderboard(tables: Tables, out: Path, question: Question = "as_in_paper") -> Path:
    """Write ``index.html`` into the folder ``out`` (made if missing) and return its path.

    Methods are ranked by their answers to ``question``. The page makes no request: style and figures are inside it. It
    links to the Parquet files that `write_tables` puts into the same folder. Names, reasons and manifest values are
    data, and escaped.
    """
    out.mkdir(parents=True, exist_ok=True)
    page = out / PAGE
    replace_file(page, render_page(tables, question).encode())
    return page


def render_page(tables: Tables, question: Question = "as_in_paper") -> str:
    """The page as HTML."""
    environment = Environment(
        loader=FileSystemLoader(TEMPLATES),
        autoescape=True,  # for every template, whatever its file is called
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("leaderboard.jinja").render(context(tables, question))


def context(tables: Tables, question: Question) -> dict[str, Any]:
    """Everything that the template shows."""
    summary = summarise(tables, question)
    rows = Rows.of(tables, summary)
    overall = page_values.overall(rows, summary)
    warnings = tables.manifest.get("warnings")
    return {
        "facts": page_values.facts(tables.manifest),
        "warnings": [str(warning) for warning in warnings] if isinstance(warnings, (list, tuple)) else [],
        "overall": overall,
        "methods": page_values.methods(rows),
        "tasks": _tasks(rows, tables, summary, overall),
        "files": [(f"{name}.parquet", table.doc) for name, table in SCHEMAS.items()]
        + [(MANIFEST, "What was run: versions, hardware, tasks, hyperparameters.")],
    }


def _tasks(rows: Rows, tables: Tables, summary: Summary, overall: Values) -> list[Values]:
    made = []
    answers = tables.answers(summary.question, summary.truth)
    with ThreadPoolExecutor(1) as pen:  # one thread draws while this one prepares
        for index, (task, reliability) in enumerate(zip(overall["tasks"], overall["reliability"], strict=True), 1):
            key = f"task-{index}"
            sketches = sections.task_figures(rows, tables, summary, answers, task, key)
            figures = [pen.submit(draw, sketch) for sketch in sketches]
            other = page_values.other_question(tables, summary, task)
            section = {
                "id": key,
                "name": task,
                "reliability": reliability,
                "scores": page_values.task_scores(rows, summary, task, other),
                "other": other,
                "subsets": sections.subset_rows(tables, task),
                "failures": sections.failure_rows(rows, summary, task),
                "trainings": sections.training_rows(tables, task),
                "forgetting": sections.forgetting_rows(rows, tables, task),
                "repeats": sections.repeats(tables, task),
                "by_subset": sections.subset_scores(rows, tables, summary, task),
            }
            made.append((section, figures))
    return [section | {"figures": [_shown(future.result()) for future in figures]} for section, figures in made]


def _shown(figure: Figure) -> tuple[Markup, str, str]:
    """A figure for the template: its SVG is markup (the renderer escaped the names in it), its texts are not."""
    return Markup(figure.svg), figure.title, figure.description
