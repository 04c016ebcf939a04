"""`lodo status`: how far a run is, what the store holds and for whom, and what is removed from it."""

import sys
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from lodo.benchmark.kinds import KINDS
from lodo.benchmark.known_runs import KnownRun, known_runs, note_run
from lodo.benchmark.opening import open_store, store_to_look_at
from lodo.benchmark.record import RUN_FILE, OutRecord, now, read_record
from lodo.benchmark.store import DamagedEntry, Store
from lodo.benchmark.voice import Voice, show_table
from lodo.reports.leaderboard import PAGE
from lodo.tasks.errors import InputError

PLURAL = {kind.name: kind.plural for kind in KINDS.values()} | {"shared": "shared results"}
UNFINISHED = "unfinished work"
Sizes = Mapping[str, tuple[int, int]]  # by kind, entries and bytes


def status_command(
    out: Path | None,
    store_path: Path | None,
    prune: bool,
    verify: bool,
    yes: bool,
    voice: Voice,
    ask: Callable[[str], bool] | None = None,
) -> None:
    """`lodo status`.

    Args:
        ask: puts a question to a person; None where nobody is there to answer.

    Raises InputError where the folder is no run's, or where removing needs an answer and there is none.
    """
    if prune and out is None:
        raise InputError("--prune: name the out directory whose work is to be kept, e.g. lodo status lodo-out --prune")
    if prune and not yes and ask is None:
        raise InputError("--prune: it asks before it removes, and here is nobody to ask; give --yes")
    record = None
    if out is not None:
        record = read_record(out, f"{out}: no readable {RUN_FILE} here; name the out directory of a run")
    place, line = store_to_look_at(store_path, record.store if record else None, out)
    store, console = open_store(place), voice.talk
    if line:
        console.print(escape(line), highlight=False, soft_wrap=True)
    content: dict[str, Any] = {"store": store.root, **({"store_note": line} if line else {})}
    if verify:
        content["damaged"] = _verify(store, console)
    entries = sizes_of((kind, size) for kind, _, size in store.entries())
    content["entries"] = _as_content(entries)
    console.print(f"store: {escape(str(store.root))}", highlight=False, soft_wrap=True)
    _show_sizes("in the store", entries, console)
    if out is not None and record is not None:
        state = State.of(out, record, store)
        content["run"] = vars(state)
        for sentence in state.sentences():
            voice.last.print(escape(sentence), highlight=False, soft_wrap=True)
        if prune:
            content["removed"] = _prune(out, record, store, yes, voice, ask)
    if voice.json:
        voice.answer(content)


@dataclass(frozen=True)
class State:
    """How far an out folder's run is; ``stale``: tables and page are of an earlier run than the last begun."""

    out: Path
    done: int
    jobs: int
    page: Path | None
    stale: bool
    finished: str | None
    begun: str | None

    @staticmethod
    def of(out: Path, record: OutRecord, store: Store) -> "State":
        """What a folder's record and the store say together."""
        run = record.started or record.finished
        keys = frozenset(run.keys) if run else frozenset()
        done = len(keys & {folder.name for _, folder, _ in store.entries()})
        page = out / PAGE if (out / PAGE).exists() else None
        finished, begun = (each.at if each else None for each in (record.finished, record.started))
        return State(out, done, len(keys), page, record.stale, finished, begun)

    def sentences(self) -> list[str]:
        """For people."""
        told = [
            f"{self.out}: {self.done} of {self.jobs} jobs done" + (f", leaderboard {self.page}" if self.page else "")
        ]
        if self.stale:
            told.append(
                f"page and tables are stale: they are of the earlier run, finished at {self.finished}; the one "
                f"begun at {self.begun} is not finished, the same command goes on with it"
            )
        elif self.begun:
            told.append(f"the run begun at {self.begun} is not finished, the same command goes on with it")
        return told


def sizes_of(entries: Iterable[tuple[str, int]]) -> Sizes:
    """By kind, how many entries there are and their bytes."""
    counts: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for kind, size in entries:
        counts[kind][0] += 1
        counts[kind][1] += size
    return {kind: (count, size) for kind, (count, size) in sorted(counts.items())}


def _prune(
    out: Path, record: OutRecord, store: Store, yes: bool, voice: Voice, ask: Callable[[str], bool] | None
) -> Mapping[str, Any]:
    """Show what nobody uses, ask, and remove it; what was removed."""
    console = voice.talk
    note_run(store, out, record, now())
    runs = known_runs(store)
    _show_runs(runs, out, console)
    keep = record.keys.union(*(run.keys for run in runs if run.there))
    unused = sizes_of([*((kind, size) for kind, _, size in store.unused(keep)), *_unfinished(store, keep)])
    if not unused:
        voice.last.print("nothing to remove: known runs use all that is there")
        return {}
    _show_sizes("would be removed", unused, console)
    total = f"{sum(count for count, _ in unused.values())} entries, {size_in_words(sum(s for _, s in unused.values()))}"
    if not yes and not (ask and ask(f"remove {total}?")):
        voice.last.print("nothing was removed")
        return {}
    store.prune(keep)
    voice.last.print(f"removed {total}")
    return _as_content(unused)


def _unfinished(store: Store, keep: frozenset[str]) -> Iterable[tuple[str, int]]:
    return ((UNFINISHED, size) for _, size in store.unfinished(keep))


def _show_runs(runs: Iterable[KnownRun], out: Path, console: Console) -> None:
    """Whose work is kept, and which runs protect nothing since their folder is gone."""
    for run in runs:
        if not run.there:
            line = f"run in {run.out}: the folder is gone, so nothing is kept for it"
        elif Path(run.out) == out.resolve():
            continue
        else:
            line = f"run in {run.out}: its {len(run.keys)} jobs are kept"
        console.print(escape(line), highlight=False, soft_wrap=True)


def _show_sizes(title: str, sizes: Sizes, console: Console) -> None:
    table = Table(box=None, pad_edge=False)
    for column in (title, "entries", "size"):
        table.add_column(column, justify="left" if column == title else "right", no_wrap=True)
    for kind, (count, size) in sizes.items():
        table.add_row(PLURAL.get(kind, kind), str(count), size_in_words(size))
    table.add_row(
        "all", str(sum(count for count, _ in sizes.values())), size_in_words(sum(s for _, s in sizes.values()))
    )
    show_table(console, table)


def _as_content(sizes: Sizes) -> dict[str, Any]:
    return {kind: {"entries": count, "bytes": size} for kind, (count, size) in sizes.items()}


def _verify(store: Store, console: Console) -> int:
    bad = 0
    for _, folder, _ in list(store.entries()):
        try:
            store.check(folder)
        except DamagedEntry as error:
            bad += 1
            console.print(
                f"[yellow]damaged[/yellow] {error}; the next run does it again", highlight=False, soft_wrap=True
            )
    console.print(f"{bad} damaged entries")
    return bad


def size_in_words(count: int) -> str:
    """Bytes as people say them."""
    for unit, size, digits in (("GiB", 2**30, 2), ("MiB", 2**20, 1)):
        if count >= size:
            return f"{count / size:.{digits}f} {unit}"
    return f"{count / 2**10:.0f} KiB"


def somebody_to_ask() -> bool:
    """Whether a person can answer a question."""
    return sys.stdin is not None and sys.stdin.isatty()
