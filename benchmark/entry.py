"""The door into a worker process, importable without torch; what lies behind it is not."""

import os
from collections.abc import Mapping
from multiprocessing.connection import Connection
from pathlib import Path

from lodo.benchmark.jobs import Work
from lodo.benchmark.stopping import leave_to_parent


def work_in_child(
    root: Path, works: tuple[Work, ...], pipe: Connection, threads: int, environment: Mapping[str, str]
) -> None:
    """Do works in this process; see `lodo.benchmark.worker.main`. CUDA reads ``environment`` when it starts."""
    leave_to_parent()
    os.environ.update(environment)
    from lodo.benchmark.worker import main

    main(root, works, pipe, threads)
