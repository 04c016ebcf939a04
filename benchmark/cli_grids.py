"""The commands that try a grid of values: sweep and tune. Heavy libraries come late."""

from pathlib import Path
from typing import Annotated

import typer

from lodo.benchmark.options import (
    AddOption,
    AddTaskOption,
    DataOption,
    DefinitionName,
    DefinitionOption,
    DeviceOption,
    DryRunOption,
    JobsOption,
    MethodOption,
    ModelOption,
    QuietOption,
    RetryOption,
    RunsOption,
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
)
from lodo.benchmark.voice import Voice


def sweep(
    over: Annotated[
        list[str] | None,
        typer.Option(help="task.examples=16,48,all or METHOD.lr=1e-5,1e-4; repeatable, the first is drawn along x."),
    ] = None,
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
    quiet: QuietOption = False,
) -> None:
    """Score and cost of methods over a grid of examples shown or hyperparameters, as rows, a table and a figure.

    [bold]Example:[/bold] lodo sweep --over task.examples=16,48,128,250,500,all --task opt-equal/toxigen
    """
    from lodo.benchmark.pipeline import make_request
    from lodo.benchmark.sweeping import sweep_command

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
    )
    voice = Voice.of(quiet=quiet)
    sweep_command(request, over or (), forgetting, out, store, jobs, timeout, retry, dry_run, voice)


def tune(
    method: Annotated[str, typer.Argument(help="A method's name or file.py:Class.")],
    grid: Annotated[list[str] | None, typer.Option(help="name=value,value of a hyperparameter; repeatable.")] = None,
    task: TaskOption = None,
    set: SetOption = None,
    scale: ScaleOption = None,
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
    quiet: QuietOption = False,
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
        scale=scale.value if scale else "mini",
        examples=examples,
        seeds=seeds,
        runs=runs,
        device=device,
        threads=threads,
    )
    tune_command(tuning, write, store, jobs, timeout, retry, dry_run, set or (), Voice.of(quiet=quiet))
