"""Writes the leaderboard's site from result tables alone: pages, figures and exports that need nothing else."""

from collections.abc import Iterator
from pathlib import Path

from lodo.reports.derive import Question
from lodo.reports.site.about_page import about_page
from lodo.reports.site.exports import exports
from lodo.reports.site.front import front_page, scale_of
from lodo.reports.site.material import Material
from lodo.reports.site.method_page import method_page
from lodo.reports.site.page import Page
from lodo.reports.site.sure_page import sure_page
from lodo.reports.site.task_page import task_page
from lodo.reports.site.writing import render, write_site
from lodo.reports.tables import Tables

PAGE = "index.html"


def write_leaderboard(tables: Tables, out: Path, question: Question = "as_in_paper") -> Path:
    """Write the site into the folder ``out`` (made if missing) and return the path of its front page.

    Methods are ranked by their answers to ``question``. Pages make no request: style, script and figures are inside
    them. They link to each other and to the Parquet files that `write_tables` puts into the same folder. Names, reasons
    and manifest values are data, and escaped.
    """
    out.mkdir(parents=True, exist_ok=True)
    write_site(out, site_files(tables, question))
    return out / PAGE


def site_files(tables: Tables, question: Question = "as_in_paper") -> dict[str, bytes]:
    """All files of the site by their path below its folder; equal tables give equal bytes."""
    material = Material.of(tables, question)
    return exports(material) | dict(render(pages(material), {"scale": scale_of(material)}))


def pages(material: Material) -> Iterator[Page]:
    """All pages, the front page last: who finds a new one finds what it links to."""
    for task in material.tasks:
        yield task_page(material, task)
    for standing in material.overall:
        yield method_page(material, standing)
    yield from (sure_page(material), about_page(material), front_page(material))
