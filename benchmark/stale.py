"""A page that is older than the last run into its folder says so."""

from html import escape
from pathlib import Path

from lodo.benchmark.record import RUN_FILE, read_record
from lodo.reports.leaderboard import PAGE
from lodo.reports.tables import replace_file
from lodo.tasks.errors import InputError

MARK = "<!-- of an earlier run -->"
BODY = "<body>"


def mark_stale(out: Path, finished: str, begun: str) -> None:
    """Put a line at the top of a folder's page, if it has one: a later run was begun and is not finished.

    The next page that is written there has no such line.
    """
    page = out / PAGE
    try:
        text = page.read_text(encoding="utf-8")
    except OSError:
        return
    head, mark, rest = text.partition(MARK)
    if mark:
        text = head + rest.partition("\n")[2]
    line = (
        f'{MARK}<p role="alert"><strong>This page is of the run that was finished at {escape(finished)}. A later one '
        f"into the same folder was begun at {escape(begun)} and is not finished.</strong></p>\n"
    )
    replace_file(page, text.replace(BODY, f"{BODY}{line}", 1).encode())


def keep_stale(out: Path, site: Path) -> None:
    """Say so on a page in ``site``, just written from the tables in ``out``, where these are of an earlier run."""
    try:
        record = read_record(out, RUN_FILE)
    except InputError:  # tables that were copied without it
        return
    if record.finished and record.started:
        mark_stale(site, record.finished.at, record.started.at)
