"""The whole pipeline: from options to a request, its plan, the work, the tables and the page."""

import os
from collections.abc import Iterable, Mapping, Sequence
from functools import partial
from pathlib import Path

from rich.console import Console

from lodo.benchmark.choosing import (
    choose_tasks,
    inventory_chain,
    load_families,
    owners,
    prepared_chains,
    read_inventory,
    smallest_scale,
)
from lodo.benchmark.collect import collect, speeds
from lodo.benchmark.devices import cards_of, worker_environment
from lodo.benchmark.failures import write_failures
from lodo.benchmark.identity import code_of, root_of
from lodo.benchmark.jobs import MethodChoice
from lodo.benchmark.kinds.inventory import Inventory
from lodo.benchmark.kinds.prepared import INFO
from lodo.benchmark.known_runs import note_run
from lodo.benchmark.manifest import manifest
from lodo.benchmark.merging import Joined
from lodo.benchmark.plan import Plan, make_plan
from lodo.benchmark.progress import ProgressListener
from lodo.benchmark.record import OutRecord, record_of, write_out
from lodo.benchmark.request import Request
from lodo.benchmark.result import Result
from lodo.benchmark.scheduler import Chain, intact, run_chains
from lodo.benchmark.sources import open_source
from lodo.benchmark.stale import mark_stale
from lodo.benchmark.store import Store
from lodo.benchmark.timing import seen_before
from lodo.methods.base import METHODS
from lodo.methods.select import method_class, split_settings, tuned_method
from lodo.methods.select import suite as suite_members
from lodo.reports.derive import Question
from lodo.reports.leaderboard import write_leaderboard
from lodo.reports.schema import RETRAINING
from lodo.reports.tables import Tables, write_tables
from lodo.tasks.errors import InputError
from lodo.tasks.registry import asked_by, did_you_mean
from lodo.tasks.spec import Definition, Runtime, Scale
from lodo.tasks.suitable import kind_of

GROUPS = ("recipe", "model", "tokenizer", "task")


def make_request(
    *,
    tasks: Sequence[str] = (),
    add_tasks: Sequence[str] = (),
    methods: Sequence[str] = (),
    suite: str = "default",
    add_methods: Sequence[str] = (),
    settings: Sequence[str] = (),
    scale: Scale | None = None,
    model: str | None = None,
    data: Path | None = None,
    text_seed: int = 0,
    seeds: int = 3,
    runs: int = 4,
    definition: Definition = "fixed-steps",
    device: str = "cpu",
    threads: int = 1,
    compile: bool = False,
    throughput: bool = False,
    memory_checks: bool = True,
) -> Request:
    """Validate what was asked for; methods that are named stand in the suite's place.

    ``scale``: by default the smallest at which all named tasks have settings. ``model``: pretrained, in the place of
    the one that the tasks' settings name.

    Raises InputError naming the option that is wrong and the cure.
    """
    if seeds < 1:
        raise InputError(f"--seeds {seeds}: at least one seed is needed")
    if runs < 1:
        raise InputError(f"--runs {runs}: at least one run is needed")
    named, files = load_families(tasks, "--task")
    added, more_files = load_families(add_tasks, "--add-task")
    by_method, changes = split_settings(settings, GROUPS)
    if model is not None:
        changes = {"model.kind": kind_of(model), "model.model": model, **changes}
    scale = scale or smallest_scale([*named, *added])
    members = suite_members(suite)
    locators = [("--method", locator) for locator in methods or members]
    locators += [("--add-method", locator) for locator in add_methods]
    locators += [("--method", name) for name in METHODS.names() if METHODS.get(name).reference]
    choices: dict[str, MethodChoice] = {}
    for option, locator in locators:
        with asked_by(option, "method"):
            cls = method_class(locator)
            if cls.name == RETRAINING:
                raise InputError(
                    f"--method {locator}: the name '{RETRAINING}' is that of the true leave-out; rename it"
                )
            method = tuned_method(locator, scale, by_method.pop(cls.name, {}))
            chosen = choices.setdefault(cls.name, MethodChoice(locator, method, code_of(root_of(cls, locator))))
            if chosen.locator != locator:
                raise InputError(f"--method {locator}: the name '{cls.name}' is taken by {chosen.locator}; rename one")
    if by_method:
        unknown, near = next(iter(by_method)), [*choices, *GROUPS]
        raise InputError(
            f"--set {unknown}.…: '{unknown}' is no method of this run, nor one of {', '.join(GROUPS)}"
            f"{did_you_mean(unknown, near)}; name one of them"
        )
    return Request(
        scale=scale,
        source=open_source(data, text_seed, scale),
        tasks=named,
        definition=definition,
        seeds=seeds,
        runs=runs,
        methods=tuple(choices.values()),
        runtime=Runtime(device=device, threads=threads, compile=compile),
        cards=cards_of(device),
        throughput=throughput,
        memory_checks=memory_checks,
        changes=changes,
        added=added,
        files={**files, **more_files},
    )


def plan_request(request: Request, store: Store, jobs: int, console: Console, refuse: bool = True) -> Plan:
    """Read and prepare the text where the store lacks it, and lay out all the work.

    Raises InputError on bad input; unless ``refuse``, text that is too short is only said in the plan.
    """
    inventories = read_texts(request, owners(request), store, jobs, console)
    tasks = choose_tasks(request, inventories)
    chains = prepared_chains(request, tasks, inventories)
    do_missing(store, list(dict.fromkeys(chains.values())), {}, jobs, request, console, "Preparing")
    infos = {task: INFO.read(store.open(chain.works[0].job)) for task, chain in chains.items()}
    seen = seen_before(store, request.methods, [task.examples for task in tasks])
    return make_plan(request, inventories, tasks, chains, infos, seen, refuse)


def read_texts(
    request: Request, of: Iterable[str | None], store: Store, jobs: int, console: Console
) -> dict[str | None, Inventory]:
    """What the texts of some `owners` hold, read where the store lacks it. Raises InputError for a bad one."""
    chains = {owner: inventory_chain(request, owner) for owner in of}
    each = {chain.works[0].job.key: chain for chain in chains.values()}
    do_missing(store, list(each.values()), {}, jobs, request, console, "Reading")
    return {owner: read_inventory(store, chain.works[0].job) for owner, chain in chains.items()}


def do_missing(
    store: Store,
    chains: Sequence[Chain],
    producers: Mapping[str, Chain],
    jobs: int,
    request: Request,
    console: Console,
    title: str,
    timeout: float | None = None,
) -> list[str]:
    """Do those chains that the store has not whole, on a request's device; returns the keys of the jobs computed.

    Raises as `run_chains`.
    """
    with ProgressListener(console, [], title) as quiet:
        missing = [chain for chain in chains if not intact(store, chain, quiet)]
    if not missing:
        return []
    with ProgressListener(console, missing, title) as listener:
        runtime = request.runtime
        environment = partial(worker_environment, runtime.device, cards=len(request.cards), present=os.environ)
        return run_chains(store, missing, producers, jobs, runtime.threads, listener, timeout, environment)


def do_all(store: Store, plan: Plan, jobs: int, console: Console, timeout: float | None = None) -> list[str]:
    """Do all of a plan's work that the store lacks; returns the keys of the jobs computed. Raises as `run_chains`."""
    request = plan.request
    computed = do_missing(store, plan.chains, plan.producers, jobs, request, console, "Running", timeout)
    for _ in range(2):  # what the first pass found damaged while reading is done again
        missing = [chain for chain in plan.chains if not intact(store, chain)]
        if missing:
            computed += do_missing(store, missing, plan.producers, jobs, request, console, "Redoing", timeout)
    return computed


def execute(
    joined: Joined,
    plan: Plan,
    store: Store,
    jobs: int,
    console: Console,
    timeout: float | None = None,
    question: Question = "as_in_paper",
) -> Result:
    """Do all of a plan's work that the store lacks and write the tables and the page into the out folder.

    ``plan`` is that of the joined request; ``question`` is the one by which the page ranks, the tables hold both.
    """
    out, before = joined.out, joined.before
    started = record_of(plan.request, plan, plan.keys)
    record = OutRecord(store=str(store.root.resolve()), finished=before.finished if before else None, started=started)
    write_out(out, record)
    note_run(store, out, record, started.at)
    if record.stale and record.finished and record.finished.keys != started.keys:
        mark_stale(out, record.finished.at, started.at)
    try:
        computed = do_all(store, plan, jobs, console, timeout)
    except BaseException as error:
        if record.finished:
            error.add_note(f"tables and page in {out} are still those of the run finished at {record.finished.at}")
        raise
    kinds = {work.job.key: work.job.kind for chain in plan.chains for work in chain.works}
    counts: dict[str, int] = {}
    for key in computed:
        counts[kinds[key]] = counts.get(kinds[key], 0) + 1
    tables = tables_of(store, plan)
    write_tables(out, tables)
    failures = write_failures(out, store, plan)
    page = write_leaderboard(tables, out, question)
    ended = started.at_the_end()
    record = OutRecord(store=record.store, finished=ended)
    write_out(out, record)
    note_run(store, out, record, ended.at)
    return Result(tables, page, counts, failures)


def tables_of(store: Store, plan: Plan) -> Tables:
    """The result tables of a plan whose work is all in the store."""
    return Tables.from_rows(collect(store, plan), manifest(plan.request, plan) | speeds(store, plan))
