"""The door into a worker process, importable without torch; what lies behind it is not."""

from multiprocessing.connection import Connection
from pathlib import Path

from lodo.benchmark.jobs import Work


def work_in_child(root: Path, works: tuple[Work, ...], pipe: Connection, threads: int) -> None:
    """Do works in this process; see `lodo.benchmark.worker.main`."""
    from lodo.benchmark.worker import main

    main(root, works, pipe, threads)
