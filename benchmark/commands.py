"""What the command line's commands do and print."""

import dataclasses
import json
import os
import shutil
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from lodo.benchmark.display import show_scores
from lodo.benchmark.pipeline import (
    RUN_FILE,
    check_out,
    do_missing,
    execute,
    identity_of_run,
    make_request,
    plan_request,
)
from lodo.benchmark.plan import Inventory, Plan, Request, choose_tasks, inventory_chain, read_inventory
from lodo.benchmark.progress import duration
from lodo.benchmark.store import DamagedEntry, Store, default_home
from lodo.benchmark.timing import expected_seconds
from lodo.methods.base import METHODS, AttributionMethod
from lodo.methods.select import default_suite
from lodo.reports.derive import Question
from lodo.tasks.errors import InputError
from lodo.tasks.family import FAMILIES

PLURAL = {
    "prepared": "mixtures",
    "training": "trainings",
    "evaluation": "evaluations",
    "forgetting": "memory checks",
    "estimate": "estimates",
}


def open_store(path: Path | None) -> Store:
    """The store at a path or the default one. Raises InputError if it cannot be a folder."""
    root = path or default_home()
    try:
        return Store(root)
    except OSError as error:
        raise InputError(f"--store {root}: {error.strerror}; name a folder that can be written") from error


def check_device(device: str) -> None:
    """Raise InputError for a device that torch has not got."""
    if device == "cpu":
        return
    import torch

    if device.partition(":")[0] != "cuda" or not torch.cuda.is_available():
        raise InputError(f"--device {device}: torch finds no such device here; use --device cpu")


def run_command(
    request: Request,
    out: Path,
    store_path: Path | None,
    jobs: int | None,
    timeout: float | None,
    retry: bool,
    dry_run: bool,
    question: Question,
    console: Console,
) -> None:
    """`lodo run`."""
    check_device(request.runtime.device)
    check_out(out, None)
    if jobs is not None and jobs < 1:
        raise InputError(f"--jobs {jobs}: at least one process is needed")
    store = open_store(store_path)
    jobs = jobs or max(1, (os.cpu_count() or 1) // request.runtime.threads)
    begun = time.monotonic()
    plan = plan_request(request, store, jobs, console)
    check_out(out, identity_of_run(request, plan))
    for warning in plan.inventory.warnings:
        console.print(f"[yellow]warning[/yellow] {escape(warning)}", highlight=False, soft_wrap=True)
    if retry:
        _forget_failures(store, plan)
    show_plan(plan, store, jobs, console)
    if dry_run:
        return
    result = execute(request, plan, store, out, jobs, console, timeout, question)
    made = ", ".join(f"{count} {PLURAL.get(kind, kind)}" for kind, count in sorted(result.computed.items()))
    console.print(f"computed {made or 'nothing: all was in the store'}, in {duration(time.monotonic() - begun)}")
    show_scores(result.tables, console, question)
    console.print(f"leaderboard: {result.page.resolve()}", highlight=False, soft_wrap=True)


def _forget_failures(store: Store, plan: Plan) -> None:
    for key, chain in plan.producers.items():
        for work in chain.works:
            if work.job.key == key and (store.path(work.job) / "failure.json").exists():
                shutil.rmtree(store.path(work.job))


def show_plan(plan: Plan, store: Store, jobs: int, console: Console) -> None:
    """How many jobs of each kind the run takes, what the store has, and how long the rest is likely to take."""
    request = plan.request
    wanted: dict[str, int] = {}
    found: dict[str, int] = {}
    for chain in plan.chains:
        for work in chain.works:
            wanted[work.job.kind] = wanted.get(work.job.kind, 0) + 1
            found[work.job.kind] = found.get(work.job.kind, 0) + store.has(work.job)
    table = Table(box=None, pad_edge=False)
    for column in ("", "needed", "in the store", "to do"):
        table.add_column(column, justify="left" if not column else "right")
    for kind in PLURAL:
        if kind in wanted:
            table.add_row(PLURAL[kind], *map(str, (wanted[kind], found[kind], wanted[kind] - found[kind])))
    console.print(
        f"{len(plan.tasks)} tasks, {len(request.methods)} methods, {request.seeds} seeds, {request.runs} runs, scale "
        f"{request.scale}, {request.source_kind} text, truth by {request.definition}",
        highlight=False,
        soft_wrap=True,
    )
    console.print(table)
    seconds, basis = expected_seconds(plan, store, jobs)
    if seconds:
        console.print(
            f"likely to take about {duration(seconds)} with {jobs} processes ({basis})", highlight=False, soft_wrap=True
        )


def list_command(what: str, data: Path | None, store: Path | None, console: Console) -> None:
    """`lodo list`."""
    table = Table(box=None, pad_edge=False)
    if what == "methods":
        for column in ("method", "what it is", "source", "hyperparameters (paper)", "runs"):
            table.add_column(column, no_wrap=column == "method")
        for name in METHODS.names():
            cls = METHODS.get(name)
            values = ", ".join(f"{key}={value}" for key, value in cls().hyperparameters.items())
            table.add_row(name, cls.summary, cls.paper, values, _when(cls))
    elif what == "suites":
        table.add_column("suite")
        table.add_column("methods")
        references = [name for name in METHODS.names() if METHODS.get(name).reference]
        table.add_row("default", ", ".join([*default_suite(), *references]))
    else:
        request = make_request(data=data)
        opened = open_store(store)
        plan_inventory = _inventory(request, opened, console)
        for column in ("task", "datasets", "test set", "training sequences", "model", "runs"):
            table.add_column(column, no_wrap=column == "task")
        names = [f"{family}/{test}" for family in FAMILIES.names() for test in plan_inventory.tests]
        for task in choose_tasks(dataclasses.replace(request, tasks=tuple(names)), plan_inventory):
            model = f"OPT d={task.model.width}, {task.model.layers} layers"
            if task.model.kind != "opt":
                model = f"{task.model.kind} d={task.model.width}, solved exactly"
            table.add_row(
                task.name,
                str(len(task.mixture.datasets)),
                task.test_set.name,
                str(sum(item.slots for item in task.mixture.datasets)),
                model,
                "by default" if FAMILIES.get(task.name.partition("/")[0]).default else "on request",
            )
    console.print(table)


def _when(cls: type[AttributionMethod]) -> str:
    """When a method runs: by default, on request, or not before a package is installed."""
    missing = cls.missing()
    if missing:
        return "; ".join(f"needs {module}: {how}" for module, how in missing.items())
    if cls.reference:
        return "always"
    if cls.requires:
        return f"on request: has {', '.join(cls.requires)}"
    return f"on request: {cls.on_request}" if cls.on_request else "by default"


def _inventory(request: Request, store: Store, console: Console) -> Inventory:
    chain = inventory_chain(request)
    do_missing(store, [chain], {}, 1, 1, console, "Reading")
    return read_inventory(store, chain.works[0].job)


def check_command(reference: str, settings: Sequence[str], console: Console) -> bool:
    """`lodo check`; whether nothing failed."""
    changes = {}
    for setting in settings:
        key, equals, value = setting.partition("=")
        if not equals:
            raise InputError(f"--set {setting}: write it as name=value")
        changes[key.rpartition(".")[2]] = value
    from lodo.benchmark.checks import check_method

    outcomes = check_method(reference, changes)
    table = Table(box=None, pad_edge=False)
    for column in ("check", "", "reason"):
        table.add_column(column, no_wrap=column != "reason")
    colours = {"passed": "green", "failed": "red", "exempt": "dim"}
    for outcome in outcomes:
        verdict = f"[{colours[outcome.verdict]}]{outcome.verdict}[/]"
        table.add_row(outcome.check, verdict, escape(outcome.reason))
    console.print(table)
    failed = sum(outcome.verdict == "failed" for outcome in outcomes)
    console.print(f"{escape(reference)}: {failed} of {len(outcomes)} checks failed", highlight=False, soft_wrap=True)
    return not failed


def status_command(out: Path | None, store_path: Path | None, prune: bool, verify: bool, console: Console) -> None:
    """`lodo status`."""
    run: Mapping[str, object] = {}
    if out is not None:
        try:
            run = json.loads((out / RUN_FILE).read_text())
        except (OSError, ValueError):
            raise InputError(f"{out}: no readable {RUN_FILE} here; name the out directory of a run") from None
    stored = run.get("store")
    store = open_store(store_path or (Path(str(stored)) if stored else None))
    if verify:
        _verify(store, console)
    entries = list(store.entries())
    table = Table(box=None, pad_edge=False)
    for column in ("in the store", "entries", "size"):
        table.add_column(column, justify="left" if column == "in the store" else "right")
    for kind in sorted({kind for kind, _, _ in entries}):
        sizes = [size for found, _, size in entries if found == kind]
        table.add_row(PLURAL.get(kind, kind), str(len(sizes)), _size(sum(sizes)))
    table.add_row("all", str(len(entries)), _size(sum(size for _, _, size in entries)))
    console.print(f"store: {store.root}", highlight=False, soft_wrap=True)
    console.print(table)
    keys = frozenset(str(key) for key in run.get("keys", ()))  # type: ignore[attr-defined]
    if out is not None:
        done = len(keys & {folder.name for _, folder, _ in entries})
        page = out / "index.html"
        console.print(f"{out}: {done} of {len(keys)} jobs done" + (f", leaderboard {page}" if page.exists() else ""))
    if prune:
        if out is None:
            raise InputError(
                "--prune: name the out directory whose work is to be kept, e.g. lodo status lodo-out --prune"
            )
        count, size = store.prune(keep=keys)
        console.print(f"removed {count} entries, {_size(size)}")


def _verify(store: Store, console: Console) -> None:
    bad = 0
    for _, folder, _ in list(store.entries()):
        try:
            store.check(folder)
        except DamagedEntry as error:
            bad += 1
            console.print(f"[yellow]damaged[/yellow] {error}; the next run does it again", highlight=False)
    console.print(f"{bad} damaged entries")


def _size(count: int) -> str:
    return f"{count / 2**20:.1f} MiB" if count < 2**30 else f"{count / 2**30:.2f} GiB"
