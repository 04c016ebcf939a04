"""What every way to start work checks before any: the store, the number of processes, the time-out."""

import os
from pathlib import Path

from lodo.benchmark.request import Request
from lodo.benchmark.store import Store, default_home
from lodo.tasks.errors import InputError


def open_store(path: Path | None) -> Store:
    """The store at a path or the default one. Raises InputError if it cannot be a folder."""
    root = path or default_home()
    try:
        return Store(root)
    except OSError as error:
        raise InputError(f"--store {root}: {error.strerror}; name a folder that can be written") from error


def other_store(store: Store, recorded: str | None, out: Path) -> str:
    """A sentence where a run uses another store than its out folder's work lies in, else ""."""
    if not recorded or Path(recorded).resolve() == store.root.resolve():
        return ""
    return f"store {store.root} is used, not {recorded}, where the work of {out} lies: what only that one has is redone"


def store_to_look_at(option: Path | None, recorded: str | None, out: Path | None) -> tuple[Path | None, str]:
    """Which store an out folder is looked up in, None for the default one, and a sentence where others were named.

    That of ``--store``, else the one that the folder's run used, as long as it is there, else the default.
    """
    home = os.environ.get("LODO_HOME")
    if option or not recorded:
        differs = option and recorded and option.resolve() != Path(recorded).resolve()
        return option, f"store {option} (--store), not {recorded}, where the work of {out} lies" if differs else ""
    if not Path(recorded).is_dir():
        return None, f"store {default_home()}, since {recorded}, where the work of {out} lay, is no longer there"
    if home and Path(home).resolve() != Path(recorded).resolve():
        return Path(recorded), f"store {recorded}, where the work of {out} lies, not $LODO_HOME, which is {home}"
    return Path(recorded), ""


def default_jobs(request: Request) -> int:
    """How many processes there are where nobody says: one a graphics card, or as many as the CPU has threads for."""
    return len(request.cards) or max(1, (os.cpu_count() or 1) // request.runtime.threads)


def open_for(request: Request, store: Path | None, jobs: int | None, timeout: float | None) -> tuple[Store, int]:
    """The store and the number of processes of a request.

    Raises InputError for a store that cannot be one, fewer than one process, or a time-out that leaves no time
    (``not >`` takes in NaN).
    """
    if jobs is not None and jobs < 1:
        raise InputError(f"--jobs {jobs}: at least one process is needed")
    if timeout is not None and not timeout > 0:
        raise InputError(f"--timeout {timeout:g}: no run is done in that; name seconds above 0, or leave it out")
    return open_store(store), jobs or default_jobs(request)
