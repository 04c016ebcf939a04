"""The command line: run, list, status, check, report, table, compare. Heavy libraries are imported where needed."""

import sys
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

app = typer.Typer(
    help="Which training dataset made the model do this, and which method can tell without retraining?",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)


class ScaleName(StrEnum):
    mini = "mini"
    small = "small"
    paper = "paper"


class DefinitionName(StrEnum):
    fixed_steps = "fixed-steps"
    all_examples = "all-examples"


class QuestionName(StrEnum):
    as_in_paper = "as_in_paper"
    mixture_aware = "mixture-aware"


class TruthName(StrEnum):
    own = "own"
    others = "others"


class ByName(StrEnum):
    task = "task"


class What(StrEnum):
    tasks = "tasks"
    methods = "methods"
    suites = "suites"


StoreOption = Annotated[
    Path | None, typer.Option("--store", help="Where finished work is kept [default: $LODO_HOME or the user's cache].")
]
DataOption = Annotated[
    Path | None, typer.Option("--data", help="Folder with corpora/ and tests/ [default: generated text].")
]

QuestionOption = Annotated[
    QuestionName,
    typer.Option(help="Rank estimates as they are, or times what leaving a whole dataset out does to the mixture."),
]


@app.command()
def run(
    task: Annotated[
        list[str] | None, typer.Option(help="Task, e.g. opt-equal/toxigen; repeatable [default: all].")
    ] = None,
    method: Annotated[list[str] | None, typer.Option(help="Only these methods: a name or file.py:Class.")] = None,
    add_method: Annotated[list[str] | None, typer.Option(help="A method more than the suite's.")] = None,
    set: Annotated[
        list[str] | None, typer.Option("--set", help="METHOD.lr=1e-4, recipe.steps=60, model.width=32; repeatable.")
    ] = None,
    scale: Annotated[ScaleName, typer.Option(help="Sizes and steps, never definitions.")] = ScaleName.mini,
    data: DataOption = None,
    seeds: Annotated[int, typer.Option(help="Base trainings, each with its counterfactuals.")] = 3,
    runs: Annotated[int, typer.Option(help="Redraws of the training examples that a method sees.")] = 4,
    definition: Annotated[
        DefinitionName, typer.Option(help="What leaving out means (UnTrac Eq. 1, or Koh et al. 2019).")
    ] = DefinitionName.fixed_steps,
    question: QuestionOption = QuestionName.as_in_paper,
    out: Annotated[Path, typer.Option(help="Folder for tables and page.")] = Path("lodo-out"),
    store: StoreOption = None,
    device: Annotated[str, typer.Option(help="cpu or cuda.")] = "cpu",
    jobs: Annotated[int | None, typer.Option(help="Processes at once [default: cores / threads].")] = None,
    threads: Annotated[int, typer.Option(help="CPU threads of a process; part of a result's identity.")] = 1,
    compile: Annotated[bool, typer.Option("--compile", help="torch.compile the trainings.")] = False,
    timeout: Annotated[float | None, typer.Option(help="Seconds after which a method's run counts as failed.")] = None,
    retry: Annotated[bool, typer.Option("--retry", help="Try failed method runs again.")] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Show the plan and stop.")] = False,
) -> None:
    """Train, leave out, attribute, score, report; what is done is never done again.

    [bold]Example:[/bold] lodo run --task opt-equal/toxigen --add-method my_method.py:MyMethod
    """
    from lodo.benchmark.commands import run_command
    from lodo.benchmark.pipeline import make_request

    request = make_request(
        tasks=task or (),
        methods=method or (),
        add_methods=add_method or (),
        settings=set or (),
        scale=scale.value,
        data=data,
        seeds=seeds,
        runs=runs,
        definition=definition.value,
        device=device,
        threads=threads,
        compile=compile,
    )
    run_command(request, out, store, jobs, timeout, retry, dry_run, question.value, Console(emoji=False))


@app.command("list")
def list_(what: What, data: DataOption = None, store: StoreOption = None) -> None:
    """Show the tasks of a source, the methods, or the suites.

    [bold]Example:[/bold] lodo list methods
    """
    from lodo.benchmark.commands import list_command

    list_command(what.value, data, store, Console(emoji=False))


@app.command()
def status(
    out: Annotated[Path | None, typer.Argument(help="Out directory of a run [default: the store alone].")] = None,
    store: StoreOption = None,
    prune: Annotated[
        bool, typer.Option("--prune", help="Remove from the store all that the run in DIR does not use.")
    ] = False,
    verify: Annotated[bool, typer.Option("--verify", help="Check every byte of the store.")] = False,
) -> None:
    """Show how far a run is and how large the store is.

    [bold]Example:[/bold] lodo status lodo-out
    """
    from lodo.benchmark.commands import status_command

    status_command(out, store, prune, verify, Console(emoji=False))


@app.command()
def check(
    method: Annotated[str, typer.Argument(help="A method's name or file.py:Class.")],
    set: Annotated[list[str] | None, typer.Option("--set", help="name=value of a hyperparameter; repeatable.")] = None,
) -> None:
    """Does a method keep the contract? Order, names, twins, seeds, precision, theta_0 on small models; exit 1 if not.

    [bold]Example:[/bold] lodo check my_method.py:MyMethod --set power=2
    """
    from lodo.benchmark.commands import check_command

    if not check_command(method, set or (), Console(emoji=False)):
        sys.exit(1)


@app.command()
def report(
    out: Annotated[Path, typer.Argument(help="Out directory of a finished run.")],
    site: Annotated[
        Path | None, typer.Option("--out", help="Where the page goes [default: beside the tables].")
    ] = None,
    question: QuestionOption = QuestionName.as_in_paper,
) -> None:
    """Write the leaderboard page again from stored tables; needs no torch.

    [bold]Example:[/bold] lodo report lodo-out --out site
    """
    from lodo.reports.leaderboard import write_leaderboard
    from lodo.reports.tables import read_tables, write_tables

    tables = read_tables(out)
    if site is not None and site.resolve() != out.resolve():
        write_tables(site, tables)
    Console(emoji=False).print(
        f"leaderboard: {write_leaderboard(tables, site or out, question.value).resolve()}",
        highlight=False,
        soft_wrap=True,
    )


@app.command()
def table(
    out: Annotated[Path, typer.Argument(help="Out directory of a finished run.")],
    by: Annotated[ByName | None, typer.Option(help="task: a column for each task [default: their mean].")] = None,
    truth: Annotated[TruthName | None, typer.Option(help="Reading of the truth [default: the one that ranks].")] = None,
    planted: Annotated[bool, typer.Option("--planted", help="Does the truth come out as planted? By task.")] = False,
    question: QuestionOption = QuestionName.as_in_paper,
) -> None:
    """Print the closing figures of a run as a Markdown table, with 95 % intervals over the seeds.

    [bold]Example:[/bold] lodo table lodo-out --by task
    """
    from lodo.reports.closing import closing_table
    from lodo.reports.derive import Reading
    from lodo.reports.tables import read_tables

    tables = read_tables(out)
    if planted:
        from lodo.benchmark.planted import planted_table

        typer.echo(planted_table(tables))
    else:
        reading: Reading | None = None if truth is None else truth.value
        typer.echo(closing_table(tables, question.value, reading, by_task=by is not None))


@app.command()
def compare(
    old: Annotated[Path, typer.Argument(help="Out directory of a finished run.")],
    new: Annotated[Path, typer.Argument(help="Out directory of a later run of the same tasks.")],
    question: QuestionOption = QuestionName.as_in_paper,
) -> None:
    """What moved between two runs: estimates, and scores with paired 95 % intervals; exit 1 on a regression.

    [bold]Example:[/bold] lodo compare before after
    """
    from lodo.benchmark.display import show_comparison
    from lodo.reports.tables import read_tables

    if not show_comparison(read_tables(old), read_tables(new), Console(emoji=False), question.value):
        sys.exit(1)


def main() -> None:
    """Run the command line; bad input ends with one sentence and exit code 2, a failed run with 1."""
    from lodo.benchmark.scheduler import RunError
    from lodo.reports.tables import ReportError
    from lodo.tasks.errors import InputError

    errors = Console(stderr=True, emoji=False)
    try:
        app()
    except (InputError, ReportError) as error:
        errors.print(f"[red]error[/red] {escape(str(error))}", highlight=False, soft_wrap=True)
        sys.exit(2)
    except RunError as error:
        errors.print(f"[red]stopped[/red] {escape(str(error))}", highlight=False, soft_wrap=True)
        sys.exit(1)
    except OSError as error:
        errors.print(
            f"[red]stopped[/red] {escape(str(error))}; what was finished is kept: free space or mend the folder and "
            "give the same command again",
            highlight=False,
            soft_wrap=True,
        )
        sys.exit(1)
    except KeyboardInterrupt:
        errors.print("stopped; what was finished is kept: the same command goes on from there")
        sys.exit(130)


if __name__ == "__main__":
    main()
