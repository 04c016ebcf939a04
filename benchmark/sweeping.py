"""What `lodo sweep` and `lodo tune` do and print."""

import time
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from lodo.benchmark.commands import PLURAL, forget_failures, show_work
from lodo.benchmark.known_runs import note_run
from lodo.benchmark.opening import open_for
from lodo.benchmark.progress import duration
from lodo.benchmark.record import OutRecord, RunRecord, check_out, now, record_of, write_out
from lodo.benchmark.request import Request
from lodo.benchmark.store import Store
from lodo.benchmark.sweep import Sweep, grid, parse_axis
from lodo.benchmark.tuning import Tuning, best, grid_points, make_record
from lodo.benchmark.voice import Voice, show_table
from lodo.methods.records import FOLDER, GridPoint, is_own, write_record
from lodo.methods.select import method_class
from lodo.reports.formats import number
from lodo.reports.svg import Sketch, draw, standalone
from lodo.reports.sweep import curves, markdown
from lodo.reports.sweep_figures import cost_figure, forgetting_curves, forgetting_figure
from lodo.reports.tables import replace_file
from lodo.tasks.errors import InputError


def sweep_command(
    request: Request,
    over: Sequence[str],
    forgetting: bool,
    out: Path,
    store_path: Path | None,
    jobs: int | None,
    timeout: float | None,
    retry: bool,
    dry_run: bool,
    voice: Voice,
) -> None:
    """`lodo sweep`."""
    console = voice.talk
    if not over:
        raise InputError("--over: name what is swept, e.g. --over task.examples=16,48,all")
    before = check_out(out)
    axes = [parse_axis(text) for text in over]
    points = grid(request, axes)
    store, jobs = open_for(request, store_path, jobs, timeout)
    sweep = Sweep.plan(points, store, jobs, console)
    record = OutRecord(
        sweep=tuple(axis.key for axis in axes),
        store=str(store.root.resolve()),
        finished=record_of(request, sweep.plans[0], sweep.work.keys),
    )
    if before:
        _must_be_alike(out, before, record)
    if not _work(sweep, store, jobs, timeout, retry, dry_run, console):
        return
    rows, forgotten = sweep.rows(store)
    write_out(out, record)
    note_run(store, out, record, now())
    curve_rows = curves(rows, axes[0].key)
    text = markdown(curve_rows, axes[0].key, sweep.tasks)
    rows.to_parquet(out / "sweep.parquet", index=False)
    replace_file(out / "sweep.md", text.encode())
    _draw(cost_figure(curve_rows, axes[0].key), out / "sweep.svg")
    if forgetting:
        forgotten.to_parquet(out / "forgetting.parquet", index=False)
        lines = forgetting_curves(forgotten, curve_rows)
        _draw(forgetting_figure(curve_rows, lines, axes[0].key), out / "forgetting.svg")
    console.print(text, markup=False, highlight=False, soft_wrap=True)
    voice.last.print(f"rows, table, figure: {out.resolve()}", highlight=False, soft_wrap=True)


def tune_command(
    tuning: Tuning,
    write: bool,
    store_path: Path | None,
    jobs: int | None,
    timeout: float | None,
    retry: bool,
    dry_run: bool,
    settings: Sequence[str],
    voice: Voice,
) -> None:
    """`lodo tune`."""
    console = voice.talk
    name = tuning.request.methods[0].name
    if write:
        _may_write(tuning, settings)
    points = tuning.points
    store, jobs = open_for(tuning.request, store_path, jobs, timeout)
    sweep = Sweep.plan(points, store, jobs, console)
    if not _work(sweep, store, jobs, timeout, retry, dry_run, console):
        return
    scored_points = grid_points(tuning, sweep.rows(store)[0])
    winner = best(tuning, scored_points)
    table = Table(box=None, pad_edge=False)
    for column in (*tuning.fields, "Pearson", "95 % over seeds", "trainings", ""):
        table.add_column(column, justify="left" if not column else "right")
    for point, _ in scored_points:
        values = [str(point.values[field]) for field in tuning.fields]
        table.add_row(*values, *_columns(point), "chosen" if point == winner else escape(point.cause))
    console.print(f"{name} on {', '.join(sweep.tasks)}", highlight=False, soft_wrap=True)
    show_table(console, table)
    if write:
        path = write_record(make_record(tuning, sweep, scored_points))
        voice.last.print(f"record: {path.resolve()}", highlight=False, soft_wrap=True)
    else:
        chosen = ", ".join(f"{field}={winner.values[field]}" for field in tuning.fields)
        voice.last.print(f"chosen: {escape(chosen)}", highlight=False, soft_wrap=True)


def _must_be_alike(out: Path, before: OutRecord, now: OutRecord) -> None:
    """Raise InputError where a folder holds another sweep, or none; methods, seeds and runs may be others."""
    if before.sweep != now.sweep:
        what = f"a sweep over {', '.join(before.sweep)}" if before.sweep else "a run and no sweep"
        raise InputError(f"--out {out}: it belongs to {what}; name another folder")
    then, here = before.finished, now.finished
    assert isinstance(then, RunRecord)
    assert isinstance(here, RunRecord)
    for name in ("scale", "definition", "changes", "tasks"):
        if getattr(then, name) != getattr(here, name):
            what = "tasks or text" if name == "tasks" else name
            raise InputError(f"--out {out}: it belongs to another sweep, whose {what} differ; name another folder")


def _columns(point: GridPoint) -> list[str]:
    interval = "–" if point.low is None else f"{number(point.low)} to {number(point.high)}"
    return [number(point.pearson, 3), interval, number(point.trainings, 3)]


def _may_write(tuning: Tuning, settings: Sequence[str]) -> None:
    """Raise InputError where a record would not say what the method then runs with."""
    cls = method_class(tuning.request.methods[0].locator)
    if not is_own(cls):
        raise InputError(f"--write: '{cls.name}' is none of lodo's methods; put its values into its own file")
    if not (FOLDER.parents[1] / "pyproject.toml").exists():
        raise InputError("--write: records are files of the repository; run it from a checkout (pip install -e .)")
    if settings:
        raise InputError(f"--write: leave --set {settings[0]} out; a fixed value is a grid of one, --grid NAME=VALUE")


def _work(
    sweep: Sweep, store: Store, jobs: int, timeout: float | None, retry: bool, dry_run: bool, console: Console
) -> bool:
    """Show what a sweep takes and do it; whether it was done."""
    if retry:
        forget_failures(store, sweep.work)
    console.print(
        f"{len(sweep.points)} points, {len(sweep.tasks)} tasks, {sweep.work.request.seeds} seeds",
        highlight=False,
        soft_wrap=True,
    )
    show_work(sweep.work, store, jobs, console)
    if dry_run:
        return False
    begun = time.monotonic()
    kinds = {work.job.key: work.job.kind for chain in sweep.work.chains for work in chain.works}
    computed: dict[str, int] = {}
    for key in sweep.run(store, jobs, console, timeout):
        computed[kinds[key]] = computed.get(kinds[key], 0) + 1
    made = ", ".join(f"{count} {PLURAL.get(kind, kind)}" for kind, count in sorted(computed.items()))
    console.print(
        f"computed {made or 'nothing: all was in the store'}, in {duration(time.monotonic() - begun)}", soft_wrap=True
    )
    return True


def _draw(plan: Sketch, path: Path) -> None:
    replace_file(path, standalone(draw(plan)).encode())
