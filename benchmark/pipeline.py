"""The whole pipeline as one call: prepare, train, leave out, attribute, score, write the tables and the page."""

import json
import os
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

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
from lodo.benchmark.identity import code_of, root_of
from lodo.benchmark.jobs import MethodChoice
from lodo.benchmark.kinds.inventory import Inventory
from lodo.benchmark.kinds.prepared import INFO
from lodo.benchmark.manifest import manifest
from lodo.benchmark.opening import open_for
from lodo.benchmark.plan import Plan, make_plan
from lodo.benchmark.progress import ProgressListener
from lodo.benchmark.request import Request
from lodo.benchmark.scheduler import Chain, intact, run_chains
from lodo.benchmark.sources import open_source
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
from lodo.tasks.spec import Definition, Runtime, Scale, digest
from lodo.tasks.suitable import kind_of

RUN_FILE = "run.json"
GROUPS = ("recipe", "model", "tokenizer", "task")


@dataclass(frozen=True)
class Result:
    """What a run leaves: its tables, the page, and how many jobs of each kind were computed rather than found."""

    tables: Tables
    page: Path
    computed: Mapping[str, int]


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
    locators = [*(methods or members), *add_methods]
    locators += [name for name in METHODS.names() if METHODS.get(name).reference]
    choices: dict[str, MethodChoice] = {}
    for locator in locators:
        cls = method_class(locator)
        if cls.name == RETRAINING:
            raise InputError(f"--method {locator}: the name '{RETRAINING}' is that of the true leave-out; rename it")
        method = tuned_method(locator, scale, by_method.pop(cls.name, {}))
        chosen = choices.setdefault(cls.name, MethodChoice(locator, method, code_of(root_of(cls, locator))))
        if chosen.locator != locator:
            raise InputError(f"--method {locator}: the name '{cls.name}' is taken by {chosen.locator}; rename one")
    if by_method:
        unknown = next(iter(by_method))
        raise InputError(f"--set {unknown}.…: '{unknown}' is no method of this run, nor one of {', '.join(GROUPS)}")
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


def identity_of_run(request: Request, plan: Plan) -> dict[str, Any]:
    """What an out directory stands for: runs that differ here must not share one; methods, seeds, runs may grow."""
    return {
        "scale": request.scale,
        "source": plan.sources,
        "fingerprint": digest(sorted(plan.infos[task].key for task in plan.tasks)),
        "definition": request.definition,
        "tasks": [task.name for task in plan.tasks],
        "changes": dict(request.changes),
        "device": request.runtime.device,
        "sweep": None,
    }


def check_out(out: Path, identity: Mapping[str, Any] | None) -> None:
    """Raise InputError if ``out`` is a file, holds foreign files, or belongs to another run."""
    if out.exists() and not out.is_dir():
        raise InputError(f"--out {out}: it is a file; name a folder")
    if not out.exists() or not any(out.iterdir()):
        return
    try:
        stored = json.loads((out / RUN_FILE).read_text())
    except (OSError, ValueError):
        raise InputError(
            f"--out {out}: it holds files but no readable {RUN_FILE} of a run; name an empty folder"
        ) from None
    if identity is None:
        return
    for key, value in identity.items():
        if stored.get(key) != value:
            what = "text" if key == "fingerprint" else key
            detail = "" if key == "fingerprint" else f" ({stored.get(key)!r}, now {value!r})"
            raise InputError(
                f"--out {out}: it belongs to another run, whose {what} differs{detail}; name another folder"
            )


def execute(
    request: Request,
    plan: Plan,
    store: Store,
    out: Path,
    jobs: int,
    console: Console,
    timeout: float | None = None,
    question: Question = "as_in_paper",
) -> Result:
    """Do all of a plan's work that the store lacks and write the tables and the page into ``out``.

    ``question`` is the one by which the page ranks; the tables hold both.
    """
    identity = identity_of_run(request, plan)
    check_out(out, identity)
    out.mkdir(parents=True, exist_ok=True)
    write_json(out / RUN_FILE, {**identity, "store": str(store.root), "keys": sorted(plan.keys)})
    computed = do_all(store, plan, jobs, console, timeout)
    kinds = {work.job.key: work.job.kind for chain in plan.chains for work in chain.works}
    counts: dict[str, int] = {}
    for key in computed:
        counts[kinds[key]] = counts.get(kinds[key], 0) + 1
    tables = tables_of(store, plan)
    write_tables(out, tables)
    return Result(tables, write_leaderboard(tables, out, question), counts)


def tables_of(store: Store, plan: Plan) -> Tables:
    """The result tables of a plan whose work is all in the store."""
    return Tables.from_rows(collect(store, plan), manifest(plan.request, plan) | speeds(store, plan))


def write_json(path: Path, content: Mapping[str, Any]) -> None:
    """Write a JSON file aside and move it into place."""
    aside = path.with_suffix(".tmp")
    aside.write_text(json.dumps(content, indent=2, sort_keys=True, ensure_ascii=False))
    os.replace(aside, path)


def evaluate(
    out: Path,
    *,
    store: Path | None = None,
    jobs: int | None = None,
    timeout: float | None = None,
    question: Question = "as_in_paper",
    **options: Any,
) -> Result:
    """`lodo run` as a function: options are those of `make_request`; returns the tables and the page.

    Raises InputError on bad input, in the command line's words, and RunError where a training fails. In a script, call
    it under ``if __name__ == "__main__":``, since its workers import the script.
    """
    request = make_request(**options)
    check_out(out, None)
    opened, jobs = open_for(request, store, jobs, timeout)
    console = Console(stderr=True, emoji=False)
    return execute(request, plan_request(request, opened, jobs, console), opened, out, jobs, console, timeout, question)
