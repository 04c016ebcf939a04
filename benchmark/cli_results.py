"""The commands that show finished runs: report, table, compare. Heavy libraries come late."""

import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from lodo.benchmark.options import (
    ByName,
    JsonOption,
    QuestionName,
    QuestionOption,
    TruthName,
)
from lodo.benchmark.voice import Voice


def report(
    out: Annotated[Path, typer.Argument(help="Out directory of a finished run.")],
    site: Annotated[
        Path | None, typer.Option("--out", help="Where the page goes \\[default: beside the tables].")
    ] = None,
    question: QuestionOption = QuestionName.as_in_paper,
) -> None:
    """Write the leaderboard page again from stored tables; needs no torch.

    [bold]Example:[/bold] lodo report lodo-out --out site
    """
    from lodo.benchmark.stale import keep_stale
    from lodo.reports.leaderboard import write_leaderboard
    from lodo.reports.tables import read_tables, write_tables

    tables = read_tables(out)
    if site is not None and site.resolve() != out.resolve():
        write_tables(site, tables)
    page = write_leaderboard(tables, site or out, question.value)
    keep_stale(out, site or out)
    Console(emoji=False).print(f"leaderboard: {page.resolve()}", highlight=False, soft_wrap=True)


def table(
    out: Annotated[Path, typer.Argument(help="Out directory of a finished run.")],
    by: Annotated[
        ByName | None,
        typer.Option(
            help="task: a column for each; dataset: what is said of each; standing: who can be told from whom; action: "
            "is the dataset found that helps or harms most \\[default: mean]."
        ),
    ] = None,
    truth: Annotated[
        TruthName | None, typer.Option(help="Reading of the truth \\[default: the one that ranks].")
    ] = None,
    planted: Annotated[bool, typer.Option("--planted", help="Does the truth come out as planted? By task.")] = False,
    draw: Annotated[
        list[Path] | None, typer.Option(help="A run on other text: how far the draw moves the truth; repeatable.")
    ] = None,
    more: Annotated[
        Path | None,
        typer.Option(
            help="A run of the same tasks that shows more: its scores beside, ↑ where higher \\[default: none]."
        ),
    ] = None,
    question: QuestionOption = QuestionName.as_in_paper,
) -> None:
    """Print the closing figures of a run as a Markdown table, with 95 % intervals over the seeds.

    [bold]Example:[/bold] lodo table lodo-out --by standing
    """
    from lodo.reports.closing import closing_table
    from lodo.reports.derive import Reading
    from lodo.reports.tables import ReportError, read_tables

    if more and (planted or draw):
        raise ReportError("--more: it stands beside scores; give it without --planted and --draw")
    tables = read_tables(out)
    reading: Reading | None = None if truth is None else truth.value
    if planted:
        from lodo.benchmark.planted import planted_table

        typer.echo(planted_table(tables))
    elif draw:
        from lodo.reports.draws import draws_table

        typer.echo(draws_table([tables, *map(read_tables, draw)]))
    elif by == ByName.dataset:
        from lodo.reports.by_dataset import dataset_table
        from lodo.tasks.paper import STANDARDISED

        names = tables.ground_truth["task"].unique()
        published = {name: STANDARDISED.get(name.partition("/")[0], {}) for name in names}
        typer.echo(dataset_table(tables, question.value, published))
    elif by == ByName.standing:
        from lodo.reports.standing_table import standing_table

        typer.echo(standing_table(tables, question.value, reading))
    elif by == ByName.action:
        from lodo.reports.acting import acting_table

        typer.echo(acting_table(tables, question.value, reading))
    else:
        beside = read_tables(more) if more else None
        typer.echo(closing_table(tables, question.value, reading, by_task=by is not None, more=beside))


def compare(
    old: Annotated[Path, typer.Argument(help="Out directory of a finished run.")],
    new: Annotated[Path, typer.Argument(help="Out directory of a later run of the same tasks.")],
    question: QuestionOption = QuestionName.as_in_paper,
    json: JsonOption = False,
) -> None:
    """What moved between two runs: estimates, and scores with paired 95 % intervals; exit 1 on a regression.

    [bold]Example:[/bold] lodo compare before after
    """
    from lodo.benchmark.answers import comparison_content
    from lodo.benchmark.display import show_comparison
    from lodo.reports.tables import read_tables

    voice, before, after = Voice.of(json), read_tables(old), read_tables(new)
    good = show_comparison(before, after, voice.talk, question.value)
    if json:
        voice.answer(comparison_content(before, after, question.value))
    if not good:
        sys.exit(1)
