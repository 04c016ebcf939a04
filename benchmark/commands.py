"""What the command line's commands do and print."""

import json
import shutil
import time
from collections.abc import Mapping, Sequence
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from lodo.benchmark.costs import Costs, costs_of, gib, memory_warnings
from lodo.benchmark.display import show_scores, show_speeds
from lodo.benchmark.kinds import KINDS
from lodo.benchmark.kinds.kind import FAILURE
from lodo.benchmark.machines import FULL, SHARE, Card, card_of, share_of_peak
from lodo.benchmark.opening import open_for, open_store
from lodo.benchmark.pipeline import (
    RUN_FILE,
    check_out,
    execute,
    identity_of_run,
    plan_request,
)
from lodo.benchmark.plan import Plan
from lodo.benchmark.progress import duration
from lodo.benchmark.request import Request
from lodo.benchmark.store import DamagedEntry, Store
from lodo.benchmark.timing import expected_seconds
from lodo.reports.derive import Question
from lodo.tasks.errors import InputError

PLURAL = {kind.name: kind.plural for kind in KINDS.values()}


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
    on: Sequence[str] = (),
) -> None:
    """`lodo run`. Raises InputError on bad input, so where ``on`` names a card that nobody knows."""
    if on and not dry_run:
        raise InputError(f"--on {on[0]}: hours on a card are shown by --dry-run; give both or neither")
    cards = [card_of(name) for name in on or ("H100",)]
    check_out(out, None)
    store, jobs = open_for(request, store_path, jobs, timeout)
    begun = time.monotonic()
    plan = plan_request(request, store, jobs, console, refuse=not dry_run)
    check_out(out, identity_of_run(request, plan))
    if retry:
        forget_failures(store, plan)
    costs = costs_of(plan, store)
    for warning in (*plan.warnings, *memory_warnings(plan, costs, store, jobs)):
        console.print(f"[yellow]warning[/yellow] {escape(warning)}", highlight=False, soft_wrap=True)
    show_plan(plan, store, jobs, console)
    if dry_run:
        show_costs(plan, costs, store, jobs, cards, console)
        return
    result = execute(request, plan, store, out, jobs, console, timeout, question)
    made = ", ".join(f"{count} {PLURAL.get(kind, kind)}" for kind, count in sorted(result.computed.items()))
    console.print(f"computed {made or 'nothing: all was in the store'}, in {duration(time.monotonic() - begun)}")
    show_scores(result.tables, console, question)
    show_speeds(result.tables, console)
    console.print(f"leaderboard: {result.page.resolve()}", highlight=False, soft_wrap=True)


def forget_failures(store: Store, plan: Plan) -> None:
    """Take failed runs of a plan out of the store, so that they are tried again."""
    for key, chain in plan.producers.items():
        for work in chain.works:
            if work.job.key == key and FAILURE.lies_in(store.path(work.job)):
                shutil.rmtree(store.path(work.job))


def show_plan(plan: Plan, store: Store, jobs: int, console: Console) -> None:
    """What a run is of, and `show_work`."""
    request = plan.request
    runs = f"{request.runs} runs"
    if any(request.runs_on(task) != request.runs for task in plan.tasks):
        runs = "1 run (all examples are shown, so nothing is redrawn)"
    console.print(
        f"{len(plan.tasks)} tasks, {len(request.methods)} methods, {request.seeds} seeds, {runs}, scale "
        f"{request.scale}, {plan.sources} text, truth by {request.definition}",
        highlight=False,
        soft_wrap=True,
    )
    show_work(plan, store, jobs, console)


def show_work(plan: Plan, store: Store, jobs: int, console: Console) -> None:
    """How many jobs of each kind a plan takes, what the store has, and how long the rest is likely to take."""
    wanted: dict[str, int] = {}
    stored: dict[str, int] = {}
    for chain in plan.chains:
        for work in chain.works:
            wanted[work.job.kind] = wanted.get(work.job.kind, 0) + 1
            stored[work.job.kind] = stored.get(work.job.kind, 0) + store.has(work.job)
    table = Table(box=None, pad_edge=False)
    for column in ("", "needed", "in the store", "to do"):
        table.add_column(column, justify="left" if not column else "right")
    for kind in PLURAL:
        if kind in wanted:
            table.add_row(PLURAL[kind], *map(str, (wanted[kind], stored[kind], wanted[kind] - stored[kind])))
    console.print(table)
    guess = expected_seconds(plan, store, jobs)
    sentence = guess.sentence(duration(guess.seconds), jobs)
    if sentence:
        console.print(escape(sentence), highlight=False, soft_wrap=True)


def show_costs(plan: Plan, costs: Costs, store: Store, jobs: int, cards: Sequence[Card], console: Console) -> None:
    """What a plan takes in all, and how long what is left of it takes here and on some cards; all of it is rough."""
    dearest, sizes = costs.dearest, [size.weights for size in costs.sizes.values()]
    weights = " to ".join(count_of(weight) for weight in sorted({min(sizes), max(sizes)}))
    rows = [
        ("weights of the model", weights),
        (f"tokens of {costs.trainings} trainings", count_of(costs.tokens)),
        ("FLOPs of the trainings", f"{costs.training_operations:.1e}"),
        ("FLOPs of the rest", f"{costs.other_operations:.1e}"),
        ("memory of a training", gib(costs.training_bytes)),
        *([(f"memory of {dearest.method}, the dearest method", gib(dearest.bytes))] if dearest else []),
        ("checkpoints in the store", gib(costs.store)),
        (f"hours here, {jobs} processes", hours(expected_seconds(plan, store, jobs).seconds)),
        *((f"hours on one {card.name}", hours(costs.seconds_on(card))) for card in cards),
    ]
    table = Table(box=None, pad_edge=False)
    table.add_column("about")
    table.add_column("", justify="right")
    for row in rows:
        table.add_row(*map(escape, row))
    console.print(table)
    least, known = min(share_of_peak(size) for size in sizes), {peak.method for peak in costs.peaks}
    silent = [choice.name for choice in plan.request.methods if choice.name not in known]
    console.print(
        "All assumed but the tokens: 6 FLOPs a weight and token of a training, 2 of an evaluation, of a method what it "
        f"says of itself or took before; a card at {SHARE:.0%} of its dense peak for {count_of(int(FULL))} weights and "
        f"more, in proportion less below (here from {least:.2g}), in bfloat16 where the recipe is; memory and space "
        f"by counting vectors of the model's size{', unknown for ' + ', '.join(silent) if silent else ''}.",
        highlight=False,
        style="dim",
        soft_wrap=True,
    )
    if plan.lacking:
        console.print(f"[yellow]cannot run yet[/yellow] {escape(plan.lacking)}", highlight=False, soft_wrap=True)


def check_command(locator: str, settings: Sequence[str], model: str | None, console: Console) -> bool:
    """`lodo check`, on a pretrained model if one is named; whether nothing failed."""
    changes = {}
    for setting in settings:
        key, equals, value = setting.partition("=")
        if not equals:
            raise InputError(f"--set {setting}: write it as name=value")
        changes[key.rpartition(".")[2]] = value
    from lodo.benchmark.checks import check_method
    from lodo.benchmark.specimen import specimen_of

    outcomes = check_method(locator, changes, model=None if model is None else specimen_of(model))
    table = Table(box=None, pad_edge=False)
    for column in ("check", "", "reason"):
        table.add_column(column, no_wrap=column != "reason")
    colours = {"passed": "green", "failed": "red", "exempt": "dim"}
    for outcome in outcomes:
        verdict = f"[{colours[outcome.verdict]}]{outcome.verdict}[/]"
        table.add_row(outcome.check, verdict, escape(outcome.reason))
    console.print(table)
    failed = sum(outcome.verdict == "failed" for outcome in outcomes)
    console.print(f"{escape(locator)}: {failed} of {len(outcomes)} checks failed", highlight=False, soft_wrap=True)
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
        sizes = [size for entry_kind, _, size in entries if entry_kind == kind]
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


def count_of(count: int) -> str:
    """A number as people say it: 134.5 M."""
    for name, unit in (("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if count >= unit:
            return f"{count / unit:.4g} {name}"
    return str(count)


def hours(seconds: float) -> str:
    """Seconds as hours, with two digits that mean something."""
    return f"{seconds / 3600:.2g}" if seconds < 360_000 else f"{seconds / 3600:,.0f}"


def _size(count: int) -> str:
    return f"{count / 2**20:.1f} MiB" if count < 2**30 else f"{count / 2**30:.2f} GiB"
