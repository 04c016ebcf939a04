"""The commands that look: list, describe, show, status, check. Heavy libraries come late."""

import sys
from functools import partial
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from lodo.benchmark.options import (
    AddTaskOption,
    DataOption,
    JsonOption,
    ModelOption,
    ScaleName,
    ScaleOption,
    StoreOption,
    What,
)
from lodo.benchmark.voice import Voice


def list_(
    what: What,
    data: DataOption = None,
    add_task: AddTaskOption = None,
    store: StoreOption = None,
    scale: Annotated[ScaleName, typer.Option(help="At which the methods' values are shown.")] = ScaleName.mini,
    json: JsonOption = False,
) -> None:
    """Show the tasks of a source, the methods, why their values are what they are, or the suites.

    [bold]Example:[/bold] lodo list methods
    """
    from lodo.benchmark.listing import list_command

    list_command(what.value, data, store, scale.value, Voice.of(json), add_task or ())


def describe(
    task: Annotated[str, typer.Argument(help="A task, e.g. opt-equal/toxigen, or a family for all its tasks.")],
    data: DataOption = None,
    scale: ScaleOption = None,
    model: ModelOption = None,
    run: Annotated[
        Path | None,
        typer.Option(
            "--run", help="Out directory of a finished run, its measured reliability R is shown \\[default: none]."
        ),
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


def show(
    what: Annotated[str, typer.Argument(help="A method, or a task or family: a name, file.py:Class, file.py:family.")],
    data: DataOption = None,
    scale: ScaleOption = None,
    store: StoreOption = None,
) -> None:
    """One method: what it is, its source, its values and why, its cost, when it runs. One task: as describe.

    [bold]Example:[/bold] lodo show untrac
    """
    from lodo.benchmark.showing import show_command

    show_command(what, data, scale.value if scale else None, store, Console(emoji=False))


def status(
    out: Annotated[Path | None, typer.Argument(help="Out directory of a run \\[default: the store alone].")] = None,
    store: StoreOption = None,
    prune: Annotated[
        bool,
        typer.Option("--prune", help="Remove from the store what neither the run in OUT nor another known one uses."),
    ] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Answer the question of --prune.")] = False,
    verify: Annotated[bool, typer.Option("--verify", help="Check every byte of the store.")] = False,
    json: JsonOption = False,
) -> None:
    """Show how far a run is, how large the store is and, with --prune, what nobody uses of it, to be removed.

    [bold]Example:[/bold] lodo status lodo-out
    """
    from lodo.benchmark.status import somebody_to_ask, status_command

    ask = partial(typer.confirm, err=json) if somebody_to_ask() else None
    status_command(out, store, prune, verify, yes, Voice.of(json), ask)


def check(
    method: Annotated[str, typer.Argument(help="A method's name or file.py:Class.")],
    set: Annotated[list[str] | None, typer.Option("--set", help="name=value of a hyperparameter; repeatable.")] = None,
    model: Annotated[
        str | None,
        typer.Option(help="On a pretrained model, a tiny one: it is trained some ten times \\[default: none]."),
    ] = None,
) -> None:
    """Does a method keep the contract? Order, names, twins, seeds, precision, theta_0 on small models; exit 1 if not.

    [bold]Example:[/bold] lodo check my_method.py:MyMethod --set power=2
    """
    from lodo.benchmark.commands import check_command

    if not check_command(method, set or (), model, Console(emoji=False)):
        sys.exit(1)
