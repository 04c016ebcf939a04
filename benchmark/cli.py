"""The command line: run, sweep, tune, list, status, check, report, compare. Heavy libraries are imported late."""

import sys
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.markup import escape

from lodo.benchmark.options import (
    AddOption,
    DataOption,
    DefinitionName,
    DefinitionOption,
    DeviceOption,
    DryRunOption,
    JobsOption,
    MethodOption,
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
    TimeoutOption,
    What,
)

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
    method: MethodOption = None,
    suite: SuiteOption = SuiteName.default,
    add_method: AddOption = None,
    set: SetOption = None,
    scale: ScaleOption = ScaleName.mini,
    data: DataOption = None,
    text_seed: TextSeedOption = 0,
    seeds: SeedsOption = 3,
    runs: RunsOption = 4,
    definition: DefinitionOption = DefinitionName.fixed_steps,
    out: Annotated[Path, typer.Option(help="Folder for tables and page.")] = Path("lodo-out"),
    store: StoreOption = None,
    device: DeviceOption = "cpu",
    jobs: JobsOption = None,
    threads: ThreadsOption = 1,
    compile: Annotated[bool, typer.Option("--compile", help="torch.compile the trainings.")] = False,
    timeout: TimeoutOption = None,
    retry: RetryOption = False,
    dry_run: DryRunOption = False,
) -> None:
    """Train, leave out, attribute, score, report; what is done is never done again.

    [bold]Example:[/bold] lodo run --task opt-equal/toxigen --add-method my_method.py:MyMethod
    """
    from lodo.benchmark.commands import run_command
    from lodo.benchmark.pipeline import make_request

    request = make_request(
        tasks=task or (),
        methods=method or (),
        suite=suite.value,
        add_methods=add_method or (),
        settings=set or (),
        scale=scale.value,
        data=data,
        text_seed=text_seed,
        seeds=seeds,
        runs=runs,
        definition=definition.value,
        device=device,
        threads=threads,
        compile=compile,
    )
    run_command(request, out, store, jobs, timeout, retry, dry_run, Console(emoji=False))


@app.command()
def sweep(
    over: Annotated[
        list[str] | None,
        typer.Option(help="task.examples=16,48,all or METHOD.lr=1e-5,1e-4; repeatable, the first is drawn along x."),
    ] = None,
    task: TaskOption = None,
    method: MethodOption = None,
    suite: SuiteOption = SuiteName.default,
    add_method: AddOption = None,
    set: SetOption = None,
    scale: ScaleOption = ScaleName.mini,
    data: DataOption = None,
    text_seed: TextSeedOption = 0,
    seeds: SeedsOption = 3,
    runs: RunsOption = 4,
    definition: DefinitionOption = DefinitionName.fixed_steps,
    forgetting: Annotated[
        bool, typer.Option("--forgetting", help="A second figure: score and what unlearning forgot.")
    ] = False,
    out: Annotated[Path, typer.Option(help="Folder for rows, table and figure.")] = Path("lodo-sweep"),
    store: StoreOption = None,
    device: DeviceOption = "cpu",
    jobs: JobsOption = None,
    threads: ThreadsOption = 1,
    timeout: TimeoutOption = None,
    retry: RetryOption = False,
    dry_run: DryRunOption = False,
) -> None:
    """Score and cost of methods over a grid of examples shown or hyperparameters, as rows, a table and a figure.

    [bold]Example:[/bold] lodo sweep --over task.examples=16,48,128,250,500,all --task opt-equal/toxigen
    """
    from lodo.benchmark.pipeline import make_request
    from lodo.benchmark.sweeping import sweep_command

    request = make_request(
        tasks=task or (),
        methods=method or (),
        suite=suite.value,
        add_methods=add_method or (),
        settings=set or (),
        scale=scale.value,
        data=data,
        text_seed=text_seed,
        seeds=seeds,
        runs=runs,
        definition=definition.value,
        device=device,
        threads=threads,
    )
    console = Console(emoji=False)
    sweep_command(request, over or (), forgetting, out, store, jobs, timeout, retry, dry_run, console)


@app.command()
def tune(
    method: Annotated[str, typer.Argument(help="A method's name or file.py:Class.")],
    grid: Annotated[list[str] | None, typer.Option(help="name=value,value of a hyperparameter; repeatable.")] = None,
    task: TaskOption = None,
    set: SetOption = None,
    scale: ScaleOption = ScaleName.mini,
    examples: Annotated[str, typer.Option(help="Of each dataset that a run shows, a number or all.")] = "250",
    seeds: SeedsOption = 2,
    runs: RunsOption = 2,
    write: Annotated[bool, typer.Option("--write", help="Store the record: the winner becomes the default.")] = False,
    store: StoreOption = None,
    device: DeviceOption = "cpu",
    jobs: JobsOption = None,
    threads: ThreadsOption = 1,
    timeout: TimeoutOption = None,
    retry: RetryOption = False,
    dry_run: DryRunOption = False,
) -> None:
    """Choose a method's values on tasks that are never scored: the grid, each point's score and cost, the winner.

    [bold]Example:[/bold] lodo tune untrac --grid lr=1e-6,1e-5,1e-4 --grid batch_size=8,32
    """
    from lodo.benchmark.sweeping import tune_command
    from lodo.benchmark.tuning import make_tuning

    tuning = make_tuning(
        method,
        grid or (),
        tasks=task or (),
        settings=set or (),
        scale=scale.value,
        examples=examples,
        seeds=seeds,
        runs=runs,
        device=device,
        threads=threads,
    )
    tune_command(tuning, write, store, jobs, timeout, retry, dry_run, set or (), Console(emoji=False))


@app.command("list")
def list_(
    what: What,
    data: DataOption = None,
    store: StoreOption = None,
    scale: Annotated[ScaleName, typer.Option(help="At which the methods' values are shown.")] = ScaleName.mini,
) -> None:
    """Show the tasks of a source, the methods, why their values are what they are, or the suites.

    [bold]Example:[/bold] lodo list methods
    """
    from lodo.benchmark.listing import list_command

    list_command(what.value, data, store, scale.value, Console(emoji=False))


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
        f"leaderboard: {(write_leaderboard(tables, site or out)).resolve()}", highlight=False, soft_wrap=True
    )


@app.command()
def compare(
    old: Annotated[Path, typer.Argument(help="Out directory of a finished run.")],
    new: Annotated[Path, typer.Argument(help="Out directory of a later run of the same tasks.")],
) -> None:
    """What moved between two runs: estimates, and scores with paired 95 % intervals; exit 1 on a regression.

    [bold]Example:[/bold] lodo compare before after
    """
    from lodo.benchmark.display import show_comparison
    from lodo.reports.tables import read_tables

    if not show_comparison(read_tables(old), read_tables(new), Console(emoji=False)):
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
