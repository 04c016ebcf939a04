"""What `lodo run` and `lodo check` do and print."""

import dataclasses
import shutil
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from lodo.benchmark.answers import plan_content, run_content, work_of
from lodo.benchmark.config import write_options
from lodo.benchmark.costs import Costs, costs_of, gib, memory_warnings
from lodo.benchmark.display import show_scores, show_speeds
from lodo.benchmark.failures import FailedRun, all_failed
from lodo.benchmark.kinds import KINDS
from lodo.benchmark.kinds.kind import FAILURE
from lodo.benchmark.machines import FULL, SHARE, Card, card_of, share_of_peak
from lodo.benchmark.merging import join
from lodo.benchmark.opening import open_for, other_store
from lodo.benchmark.pipeline import execute, plan_request
from lodo.benchmark.plan import Plan
from lodo.benchmark.progress import duration
from lodo.benchmark.request import Request
from lodo.benchmark.result import Result
from lodo.benchmark.store import Store
from lodo.benchmark.timing import expected_seconds
from lodo.benchmark.until import Until, with_more_seeds
from lodo.benchmark.voice import Voice, show_table
from lodo.reports.derive import Question
from lodo.tasks.errors import InputError
from lodo.tasks.registry import asked_by

PLURAL = {kind.name: kind.plural for kind in KINDS.values()}
SHOWN_FAILURES = 20  # lines


def run_command(
    request: Request,
    out: Path,
    store_path: Path | None,
    jobs: int | None,
    timeout: float | None,
    retry: bool,
    dry_run: bool,
    question: Question,
    voice: Voice,
    on: Sequence[str] = (),
    replace: bool = False,
    options: Mapping[str, Any] | None = None,
    until: Until | None = None,
) -> bool:
    """`lodo run`; whether any of the methods that it asks for has an answer, or nothing was to be done.

    Args:
        options: of the command, which are kept in the out folder.
        until: how reliable the truth is to be, if seeds are to be added.

    Raises InputError on bad input, so where ``on`` names a card that nobody knows.
    """
    if on and not dry_run:
        raise InputError(f"--on {on[0]}: hours on a card are shown by --dry-run; give both or neither")
    cards = [card_of(name) for name in on or ("H100",)]
    joined, console = join(request, out, replace), voice.talk
    store, jobs = open_for(joined.request, store_path, jobs, timeout)
    for line in (other_store(store, joined.store, out), joined.sentence):
        if line:
            console.print(escape(line), highlight=False, soft_wrap=True)
    begun = time.monotonic()
    plan = plan_request(joined.request, store, jobs, console, refuse=not dry_run)
    joined.check(plan)
    if retry:
        forget_failures(store, plan)
    costs = costs_of(plan, store)
    for warning in (*plan.warnings, *memory_warnings(plan, costs, store, jobs)):
        console.print(f"[yellow]warning[/yellow] {escape(warning)}", highlight=False, soft_wrap=True)
    show_plan(plan, store, jobs, console)
    if dry_run:
        show_costs(plan, costs, store, jobs, cards, console)
        if voice.json:
            voice.answer(plan_content(plan, store, jobs, joined.merged))
        return True
    if options is not None:
        write_options(out, options)

    def run(asked: Request) -> Result:
        nonlocal plan
        if asked.seeds != plan.request.seeds:
            plan = plan_request(asked, store, jobs, console)
        return execute(dataclasses.replace(joined, request=asked), plan, store, jobs, console, timeout, question)

    _, result = with_more_seeds(joined.request, until, console, run)
    made = ", ".join(f"{count} {PLURAL.get(kind, kind)}" for kind, count in sorted(result.computed.items()))
    console.print(
        f"computed {made or 'nothing: all was in the store'}, in {duration(time.monotonic() - begun)}", soft_wrap=True
    )
    show_scores(result.tables, console, question)
    show_speeds(result.tables, console)
    show_failures(result.failures, console)
    voice.last.print(f"leaderboard: {result.page.resolve()}", highlight=False, soft_wrap=True)
    if voice.json:
        voice.answer(run_content(result, question, store, joined.merged))
    asked = [choice.name for choice in request.methods if not choice.method.reference]
    if all_failed(asked, result.failures, plan):
        voice.errors.print(
            f"[red]failed[/red] {escape(_no_answer(asked, result.failures))}", highlight=False, soft_wrap=True
        )
        return False
    return True


def _no_answer(asked: Sequence[str], failures: Sequence[FailedRun]) -> str:
    folder = failures[0].log.parent.resolve()
    return f"no method that was asked for has an answer: {', '.join(asked)}; {folder} says why"


def show_failures(failures: Sequence[FailedRun], console: Console) -> None:
    """Where it is told at length why runs of methods failed."""
    for failed in failures[:SHOWN_FAILURES]:
        console.print(
            f"[red]failed[/red] {escape(f'{failed.label}: {failed.log.resolve()}')}", highlight=False, soft_wrap=True
        )
    more = len(failures) - SHOWN_FAILURES
    if more > 0:
        console.print(f"… and {more} more in {escape(str(failures[0].log.parent.resolve()))}", soft_wrap=True)


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
    work = work_of(plan, store)
    table = Table(box=None, pad_edge=False)
    for column in ("", "needed", "in the store", "to do"):
        table.add_column(column, justify="left" if not column else "right")
    for kind in PLURAL:
        if kind in work:
            table.add_row(PLURAL[kind], *map(str, work[kind].values()))
    show_table(console, table)
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
    table.add_column("about", no_wrap=True)
    table.add_column("", justify="right")
    for row in rows:
        table.add_row(*map(escape, row))
    show_table(console, table)
    least, known = min(share_of_peak(size) for size in sizes), {peak.method for peak in costs.peaks}
    unknown = expected_seconds(plan, store, jobs).unknown
    uncounted = f" What {', '.join(unknown)} costs is unknown, and in none of these figures." if unknown else ""
    silent = [choice.name for choice in plan.request.methods if choice.name not in known]
    console.print(
        "All assumed but the tokens: 6 FLOPs a weight and token of a training, 2 of an evaluation, of a method what it "
        f"says of itself or took before; a card at {SHARE:.0%} of its dense peak for {count_of(int(FULL))} weights and "
        f"more, in proportion less below (here from {least:.2g}), in bfloat16 where the recipe is; memory and space "
        f"by counting vectors of the model's size{', unknown for ' + ', '.join(silent) if silent else ''}.{uncounted}",
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

    with asked_by("METHOD", "method"):
        outcomes = check_method(locator, changes, model=None if model is None else specimen_of(model))
    table = Table(box=None, pad_edge=False)
    for column in ("check", "", "reason"):
        table.add_column(column, no_wrap=column != "reason")
    colours = {"passed": "green", "failed": "red", "exempt": "dim"}
    for outcome in outcomes:
        verdict = f"[{colours[outcome.verdict]}]{outcome.verdict}[/]"
        table.add_row(outcome.check, verdict, escape(outcome.reason))
    show_table(console, table)
    failed = sum(outcome.verdict == "failed" for outcome in outcomes)
    console.print(f"{escape(locator)}: {failed} of {len(outcomes)} checks failed", highlight=False, soft_wrap=True)
    return not failed


def count_of(count: int) -> str:
    """A number as people say it: 134.5 M."""
    for name, unit in (("G", 1e9), ("M", 1e6), ("k", 1e3)):
        if count >= unit:
            return f"{count / unit:.4g} {name}"
    return str(count)


def hours(seconds: float) -> str:
    """Seconds as hours, with two digits that mean something."""
    return f"{seconds / 3600:.2g}" if seconds < 360_000 else f"{seconds / 3600:,.0f}"
