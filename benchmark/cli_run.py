"""The command that does it all: run. Heavy libraries come late."""

import sys
from pathlib import Path
from typing import Annotated

import typer

from lodo.benchmark.options import (
    AddOption,
    AddTaskOption,
    ConfigOption,
    DataOption,
    DefinitionName,
    DefinitionOption,
    DeviceOption,
    DryRunOption,
    JobsOption,
    JsonOption,
    MaxSeedsOption,
    MemoryChecksOption,
    MethodOption,
    ModelOption,
    OnOption,
    QuestionName,
    QuestionOption,
    QuietOption,
    ReplaceOption,
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
    ThroughputOption,
    TimeoutOption,
    UntilOption,
)
from lodo.benchmark.voice import Voice


def run(
    context: typer.Context,
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
    until_reliability: UntilOption = None,
    max_seeds: MaxSeedsOption = 10,
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
    replace: ReplaceOption = False,
    config: ConfigOption = None,
    json: JsonOption = False,
    quiet: QuietOption = False,
) -> None:
    """Train, leave out, attribute, score, report; what is done is never done again.

    A run into a folder that holds one is merged with it: tables and page have the methods, tasks, seeds of both.

    [bold]Example:[/bold] lodo run --task opt-equal/toxigen --add-method my_method.py:MyMethod

    [bold]The same again, with a method more:[/bold] lodo run --config lodo-out/run.toml --add-method gradcos

    [bold]One card, an hour:[/bold] lodo run --scale gpu --device cuda --task opt-equal/toxigen --seeds 1 --throughput
    """
    from lodo.benchmark.commands import run_command
    from lodo.benchmark.config import given_options, joined_settings
    from lodo.benchmark.pipeline import make_request
    from lodo.benchmark.until import until_of

    request = make_request(
        tasks=task or (),
        add_tasks=add_task or (),
        methods=method or (),
        suite=suite.value,
        add_methods=add_method or (),
        settings=joined_settings(context, set),
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
    done = run_command(
        request,
        out,
        store,
        jobs,
        timeout,
        retry,
        dry_run,
        question.value,
        Voice.of(json, quiet),
        on or (),
        replace,
        given_options(context),
        until_of(until_reliability, max_seeds, seeds),
    )
    if not done:
        sys.exit(1)
