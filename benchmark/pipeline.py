"""The whole pipeline as one call: prepare, train, leave out, attribute, score, write the tables and the page."""

import json
import os
import platform
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console

from lodo.benchmark.collect import collect
from lodo.benchmark.identity import code_hash, runtime, versions
from lodo.benchmark.jobs import MethodChoice, PreparedInfo
from lodo.benchmark.plan import (
    Plan,
    Request,
    choose_tasks,
    inventory_chain,
    make_plan,
    prepared_chains,
    read_inventory,
)
from lodo.benchmark.progress import ProgressListener
from lodo.benchmark.scheduler import Chain, intact, run_chains
from lodo.benchmark.store import Store, default_home
from lodo.methods.base import METHODS
from lodo.methods.select import default_suite, method_class, tuned_method
from lodo.reports.derive import Question
from lodo.reports.leaderboard import write_leaderboard
from lodo.reports.schema import RETRAINING
from lodo.reports.tables import Tables, write_tables
from lodo.tasks.errors import InputError
from lodo.tasks.spec import Definition, Scale, canonical_json, digest

# What the manifest says of the truth that stands among the methods.
RETRAINING_ABOUT = {
    "hyperparameters": {},
    "tuned_on": "",
    "paper": "",
    "summary": "the true leave-out of the attributed seed given as an estimate: what a method at most can tell of the "
    "other seeds' truth; 1 by construction against its own",
    "reference": True,
    "whole": True,
    "code": "",
}
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
    methods: Sequence[str] = (),
    add_methods: Sequence[str] = (),
    settings: Sequence[str] = (),
    scale: Scale = "mini",
    data: Path | None = None,
    seeds: int = 3,
    runs: int = 4,
    definition: Definition = "fixed-steps",
    device: str = "cpu",
    threads: int = 1,
    compile: bool = False,
) -> Request:
    """Validate what was asked for. Raises InputError naming the option that is wrong and the cure."""
    if seeds < 1:
        raise InputError(f"--seeds {seeds}: at least one seed is needed")
    if runs < 1:
        raise InputError(f"--runs {runs}: at least one run is needed")
    by_method: dict[str, dict[str, str]] = {}
    changes: dict[str, str] = {}
    for setting in settings:
        key, equals, value = setting.partition("=")
        owner, _, field = key.rpartition(".")
        if not equals or not owner or not field:
            raise InputError(f"--set {setting}: write it as METHOD.name=value or recipe.name=value")
        if owner in GROUPS:
            changes[key] = value
        else:
            by_method.setdefault(owner, {})[field] = value
    references = [*(methods or default_suite()), *add_methods]
    references += [name for name in METHODS.names() if METHODS.get(name).reference]
    choices: dict[str, MethodChoice] = {}
    for reference in references:
        cls = method_class(reference)
        if cls.name == RETRAINING:
            raise InputError(f"--method {reference}: the name '{RETRAINING}' is that of the true leave-out; rename it")
        method = tuned_method(reference, scale, by_method.pop(cls.name, {}))
        root = Path(reference.rpartition(":")[0]).resolve() if ".py:" in reference else cls.__module__
        code = code_hash(root) if isinstance(root, Path) or root.startswith("lodo.") else _file_hash(cls)
        found = choices.setdefault(cls.name, MethodChoice(reference, method, code))
        if found.reference != reference:
            raise InputError(f"--method {reference}: the name '{cls.name}' is taken by {found.reference}; rename one")
    if by_method:
        unknown = next(iter(by_method))
        raise InputError(f"--set {unknown}.…: '{unknown}' is no method of this run, nor one of {', '.join(GROUPS)}")
    return Request(
        scale=scale,
        folder=None if data is None else str(data.resolve()),
        tasks=tuple(dict.fromkeys(tasks)),
        definition=definition,
        seeds=seeds,
        runs=runs,
        methods=tuple(choices.values()),
        runtime=runtime(device, threads, compile),
        changes=changes,
    )


def _file_hash(cls: type) -> str:
    import inspect

    return code_hash(Path(inspect.getfile(cls)))


def plan_request(request: Request, store: Store, jobs: int, console: Console) -> Plan:
    """Read and prepare the text where the store lacks it, and lay out all the work. Raises InputError on bad input."""
    chain = inventory_chain(request)
    do_missing(store, [chain], {}, jobs, request.runtime.threads, console, "Reading")
    inventory = read_inventory(store, chain.works[0].job)
    tasks = choose_tasks(request, inventory)
    chains = prepared_chains(request, tasks, inventory)
    do_missing(store, list(dict.fromkeys(chains.values())), {}, jobs, request.runtime.threads, console, "Preparing")
    infos = {task: PreparedInfo.read(store, chain.works[0].job) for task, chain in chains.items()}
    return make_plan(request, inventory, tasks, chains, infos)


def do_missing(
    store: Store,
    chains: Sequence[Chain],
    producers: Mapping[str, Chain],
    jobs: int,
    threads: int,
    console: Console,
    title: str,
    timeout: float | None = None,
) -> list[str]:
    """Do those chains that the store has not whole; returns the keys of the jobs computed. Raises as `run_chains`."""
    with ProgressListener(console, [], title) as quiet:
        missing = [chain for chain in chains if not intact(store, chain, quiet)]
    if not missing:
        return []
    with ProgressListener(console, missing, title) as listener:
        return run_chains(store, missing, producers, jobs, threads, listener, timeout)


def identity_of_run(request: Request, plan: Plan) -> dict[str, Any]:
    """What an out directory stands for: runs that differ here must not share one; methods, seeds, runs may grow."""
    return {
        "scale": request.scale,
        "source": request.source_kind,
        "fingerprint": digest(sorted(plan.infos[task].key for task in plan.tasks)),
        "definition": request.definition,
        "tasks": [task.name for task in plan.tasks],
        "changes": dict(request.changes),
        "device": request.runtime.device,
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
    _write(out / RUN_FILE, {**identity, "store": str(store.root), "keys": sorted(plan.keys)})
    computed = do_missing(
        store, plan.chains, plan.producers, jobs, request.runtime.threads, console, "Running", timeout
    )
    for _ in range(2):  # what the first pass found damaged while reading is done again
        missing = [chain for chain in plan.chains if not intact(store, chain)]
        if missing:
            computed += do_missing(
                store, missing, plan.producers, jobs, request.runtime.threads, console, "Redoing", timeout
            )
    kinds = {work.job.key: work.job.kind for chain in plan.chains for work in chain.works}
    counts: dict[str, int] = {}
    for key in computed:
        counts[kinds[key]] = counts.get(kinds[key], 0) + 1
    tables = Tables.from_rows(collect(store, plan), manifest(request, plan))
    write_tables(out, tables)
    return Result(tables, write_leaderboard(tables, out, question), counts)


def manifest(request: Request, plan: Plan) -> dict[str, Any]:
    """Everything needed to tell what the tables are of; the same for the same command on the same machine."""
    libraries = dict(versions(["lodo", "torch", "transformers", "tokenizers", "datasets", "numpy", "pandas", "scipy"]))
    return {
        "code": {
            "version": libraries.pop("lodo"),
            "hash": code_hash("lodo.benchmark.worker", "lodo.benchmark.collect"),
        },
        "scale": request.scale,
        "source": request.source_kind,
        "definition": request.definition,
        "seeds": request.seeds,
        "runs": request.runs,
        "changes": dict(request.changes),
        "hardware": {
            "machine": platform.machine(),
            "processor": _processor(),
            "cores": os.cpu_count(),
            "device": request.runtime.device,
            "threads": request.runtime.threads,
        },
        "libraries": libraries,
        "tasks": {task.name: json.loads(canonical_json(task)) | {"identity": digest(task)} for task in plan.tasks},
        "methods": {
            choice.name: {
                "hyperparameters": json.loads(canonical_json(choice.method.hyperparameters)),
                "tuned_on": choice.method.tuned_on if choice.method.tuned.get(request.scale) else "",
                "paper": choice.method.paper,
                "summary": choice.method.summary,
                "reference": choice.method.reference,
                "whole": choice.method.whole,
                "code": choice.code,
            }
            for choice in request.methods
        }
        | {RETRAINING: RETRAINING_ABOUT},
        "warnings": list(plan.inventory.warnings),
    }


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor()
    return next((line.partition(":")[2].strip() for line in lines if line.startswith("model name")), "")


def _write(path: Path, content: Mapping[str, Any]) -> None:
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

    Raises InputError on bad input and RunError where a training fails. In a script, call it under
    ``if __name__ == "__main__":``, since its workers import the script.
    """
    request = make_request(**options)
    opened = Store(store or default_home())
    jobs = jobs or max(1, (os.cpu_count() or 1) // request.runtime.threads)
    console = Console(stderr=True, emoji=False)
    return execute(request, plan_request(request, opened, jobs, console), opened, out, jobs, console, timeout, question)
