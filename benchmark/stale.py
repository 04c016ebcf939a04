"""A page that is older than the last run into its folder says so."""

from html import escape
from pathlib import Path

from lodo.benchmark.record import RUN_FILE, read_record
from lodo.reports.site.writing import change_pages
from lodo.tasks.errors import InputError

MARK = "<!-- of an earlier run -->"
BODY = "<body>"


def mark_stale(out: Path, finished: str, begun: str) -> None:
    """Put a line at the top of all pages of a folder's site: a later run was begun and is not finished.

    The next site that is written there has no such line.
    """
    line = (
        f'{MARK}<p role="alert"><strong>This page is of the run that was finished at {escape(finished)}. A later one '
        f"into the same folder was begun at {escape(begun)} and is not finished.</strong></p>\n"
    )

    def marked(text: str) -> str:
        head, mark, rest = text.partition(MARK)
        text = head + rest.partition("\n")[2] if mark else text
        return text.replace(BODY, f"{BODY}{line}", 1)

    change_pages(out, marked)


def keep_stale(out: Path, site: Path) -> None:
    """Say so on a page in ``site``, just written from the tables in ``out``, where these are of an earlier run."""
    try:
        record = read_record(out, RUN_FILE)
    except InputError:  # tables that were copied without it
        return
    if record.finished and record.started:
        mark_stale(site, record.finished.at, record.started.at)
