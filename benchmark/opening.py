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
