"""The command line: run, sweep, tune, list, describe, status, check, report, table, compare; heavy libraries late."""

import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from lodo.benchmark.cli_grids import sweep, tune
from lodo.benchmark.options import (
    AddOption,
    AddTaskOption,
    ByName,
    DataOption,
    DefinitionName,
    DefinitionOption,
    DeviceOption,
    DryRunOption,
    JobsOption,
    MemoryChecksOption,
    MethodOption,
    ModelOption,
    OnOption,
    QuestionName,
    QuestionOption,
    RetryOption,
    RunsOption,
    ScaleName,
    ScaleOption,
    SeedsOption,
    SetOption,
    StoreOption,
    SuiteName,
    SuiteOption,
    TaskOption,
    TextSeedOption,
    ThreadsOption,
    ThroughputOption,
    TimeoutOption,
    TruthName,
    What,
)
from lodo.benchmark.stopping import Stopped, stoppable

app = typer.Typer(
    help="Which training dataset made the model do this, and which method can tell without retraining?",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.command()
def run(
    task: TaskOption = None,
    add_task: AddTaskOption = None,
    method: MethodOption = None,
    suite: SuiteOption = SuiteName.default,
    add_method: AddOption = None,
    set: SetOption = None,
    scale: ScaleOption = None,
    model: ModelOption = None,
    data: DataOption = None,
    text_seed: TextSeedOption = 0,
    seeds: SeedsOption = 3,
    runs: RunsOption = 4,
    definition: DefinitionOption = DefinitionName.fixed_steps,
    question: QuestionOption = QuestionName.as_in_paper,
    out: Annotated[Path, typer.Option(help="Folder for tables and page.")] = Path("lodo-out"),
    store: StoreOption = None,
    device: DeviceOption = "cpu",
    jobs: JobsOption = None,
    threads: ThreadsOption = 1,
    compile: Annotated[bool, typer.Option("--compile", help="torch.compile the trainings.")] = False,
    throughput: ThroughputOption = False,
    memory_checks: MemoryChecksOption = True,
    timeout: TimeoutOption = None,
    retry: RetryOption = False,
    dry_run: DryRunOption = False,
    on: OnOption = None,
) -> None:
    """Train, leave out, attribute, score, report; what is done is never done again.

    [bold]Example:[/bold] lodo run --task opt-equal/toxigen --add-method my_method.py:MyMethod

    [bold]One card, an hour:[/bold] lodo run --scale gpu --device cuda --task opt-equal/toxigen --seeds 1 --throughput
    """
    from lodo.benchmark.commands import run_command
    from lodo.benchmark.pipeline import make_request

    request = make_request(
        tasks=task or (),
        add_tasks=add_task or (),
        methods=method or (),
        suite=suite.value,
        add_methods=add_method or (),
        settings=set or (),
        scale=scale.value if scale else None,
        model=model,
        data=data,
        text_seed=text_seed,
        seeds=seeds,
        runs=runs,
        definition=definition.value,
        device=device,
        threads=threads,
        compile=compile,
        throughput=throughput,
        memory_checks=memory_checks,
    )
    run_command(request, out, store, jobs, timeout, retry, dry_run, question.value, Console(emoji=False), on or ())


app.command()(sweep)
app.command()(tune)


@app.command("list")
def list_(
    what: What,
    data: DataOption = None,
    add_task: AddTaskOption = None,
    store: StoreOption = None,
    scale: Annotated[ScaleName, typer.Option(help="At which the methods' values are shown.")] = ScaleName.mini,
) -> None:
    """Show the tasks of a source, the methods, why their values are what they are, or the suites.

    [bold]Example:[/bold] lodo list methods
    """
    from lodo.benchmark.listing import list_command

    list_command(what.value, data, store, scale.value, Console(emoji=False), add_task or ())


@app.command()
def describe(
    task: Annotated[str, typer.Argument(help="A task, e.g. opt-equal/toxigen, or a family for all its tasks.")],
    data: DataOption = None,
    scale: ScaleOption = None,
    model: ModelOption = None,
    run: Annotated[
        Path | None,
        typer.Option("--run", help="Out directory of a finished run, its measured reliability R is shown."),
    ] = None,
    add_task: AddTaskOption = None,
    samples: Annotated[int, typer.Option(help="Texts shown of each dataset and test subset.")] = 1,
    store: StoreOption = None,
) -> None:
    """What a task tests, on which model, datasets and test subsets; samples of its text, licence, the paper's figures.

    [bold]Example:[/bold] lodo describe synthetic-a --samples 2
    """
    from lodo.benchmark.describing import describe_command

    describe_command(
        task,
        data,
        scale.value if scale else None,
        model,
        run,
        add_task or (),
        samples,
        store,
        Console(emoji=False),
    )


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
    model: Annotated[
        str | None, typer.Option(help="On a pretrained model (a tiny one: it is trained some ten times).")
    ] = None,
) -> None:
    """Does a method keep the contract? Order, names, twins, seeds, precision, theta_0 on small models; exit 1 if not.

    [bold]Example:[/bold] lodo check my_method.py:MyMethod --set power=2
    """
    from lodo.benchmark.commands import check_command

    if not check_command(method, set or (), model, Console(emoji=False)):
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
    by: Annotated[
        ByName | None, typer.Option(help="task: a column for each task; dataset: what is said of each [default: mean].")
    ] = None,
    truth: Annotated[TruthName | None, typer.Option(help="Reading of the truth [default: the one that ranks].")] = None,
    planted: Annotated[bool, typer.Option("--planted", help="Does the truth come out as planted? By task.")] = False,
    draw: Annotated[
        list[Path] | None, typer.Option(help="A run on other text: how far the draw moves the truth; repeatable.")
    ] = None,
    more: Annotated[
        Path | None, typer.Option(help="A run of the same tasks that shows more: its scores beside, ↑ where higher.")
    ] = None,
    question: QuestionOption = QuestionName.as_in_paper,
) -> None:
    """Print the closing figures of a run as a Markdown table, with 95 % intervals over the seeds.

    [bold]Example:[/bold] lodo table lodo-out --by task
    """
    from lodo.reports.closing import closing_table
    from lodo.reports.derive import Reading
    from lodo.reports.tables import ReportError, read_tables

    if more and (planted or draw):
        raise ReportError("--more: it stands beside scores; give it without --planted and --draw")
    tables = read_tables(out)
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
    else:
        reading: Reading | None = None if truth is None else truth.value
        beside = read_tables(more) if more else None
        typer.echo(closing_table(tables, question.value, reading, by_task=by is not None, more=beside))


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
    """Run the command line; bad input ends with one sentence and exit code 2, a failed run with 1, Ctrl-C with 130."""
    from lodo.benchmark.scheduler import RunError
    from lodo.reports.tables import ReportError
    from lodo.tasks.errors import InputError

    errors = Console(stderr=True, emoji=False)
    try:
        with stoppable():
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
    except Stopped:
        errors.print("stopped; what was finished is kept: the same command goes on from there", soft_wrap=True)
        sys.exit(130)


if __name__ == "__main__":
    main()
