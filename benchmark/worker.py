"""The worker process: takes one chain of jobs, computes them into the store, reports, and dies with its parent."""

import ctypes
import os
import sys
import threading
import traceback
from multiprocessing.connection import Connection
from pathlib import Path

import torch

from lodo.benchmark.jobs import Work
from lodo.benchmark.kinds import KINDS
from lodo.benchmark.kinds.kind import Workplace
from lodo.benchmark.reader import Reader
from lodo.benchmark.store import DamagedEntry, Job, Store
from lodo.methods.base import AttributionError
from lodo.tasks.errors import InputError, TrainingDiverged

LONGEST_TRACE = 20_000  # characters


def settle(threads: int) -> None:
    """Set this process to what decides the last bits of every number; part of every kind's code.

    An operation that has no deterministic form fails and says so: torch's mere warning would let attention on a card
    add up its gradients in another order every time.
    """
    torch.set_num_threads(threads)
    torch.use_deterministic_algorithms(True)


def spare_memory_traffic() -> None:
    """Neither fill new tensors nor give a freed one's pages back, which changes no number.

    Torch's deterministic mode fills what `torch.empty` gives, for programs that read it unwritten, and glibc returns
    blocks above 32 MB to the system as soon as they are freed, to be zeroed and mapped anew in the next step. Together
    they took a quarter of a training of 135 million weights.
    """
    torch.utils.deterministic.fill_uninitialized_memory = False  # type: ignore[attr-defined]
    if sys.platform == "linux" and hasattr(libc := ctypes.CDLL(None), "mallopt"):
        m_trim_threshold, m_mmap_max = -1, -4  # malloc.h
        libc.mallopt(m_mmap_max, 0)
        libc.mallopt(m_trim_threshold, 2**31 - 1)


def _die_with_parent(pipe: Connection) -> None:
    try:
        pipe.recv()
    except (EOFError, OSError):
        os._exit(1)


def main(root: Path, works: tuple[Work, ...], pipe: Connection, threads: int) -> None:
    """Do works one after another, the later ones building on the first; messages on the pipe are (word, content)."""
    settle(threads)
    spare_memory_traffic()
    threading.Thread(target=_die_with_parent, args=(pipe,), daemon=True).start()
    store = Store(root)
    reader = Reader(store)
    try:
        for work in works:
            with store.claim(work.job, wait=False) as folder:
                if folder is None:
                    pipe.send(("busy", None))
                    return
                if not _finished(store, work.job, pipe):
                    place = Workplace(work.job.key, folder, reader, lambda part: pipe.send(("progress", part)))
                    KINDS[work.job.kind].do(work.job, work.inputs, place)
                    store.commit(work.job, folder)
                    pipe.send(("computed", work.job.key))
                else:
                    folder.rmdir()
                    pipe.send(("found", work.job.key))
        pipe.send(("done", None))
    except (InputError, TrainingDiverged, AttributionError, DamagedEntry) as error:
        pipe.send(("traceback", _traceback()))
        pipe.send((type(error).__name__, str(error)))
    except MemoryError:
        pipe.send(("traceback", _traceback()))
        pipe.send(("failed", "out of memory"))
    except Exception as error:
        pipe.send(("traceback", _traceback()))
        where = traceback.extract_tb(error.__traceback__)[-1]
        text = " ".join(str(error).split())[:300]
        cause = "out of memory" if "out of memory" in text.lower() or "can't allocate" in text.lower() else None
        pipe.send(
            ("failed", cause or f"{type(error).__name__}: {text} (in {Path(where.filename).name}, line {where.lineno})")
        )


def _traceback() -> str:
    """That of the exception at hand; of a very long one the end, which says where it went wrong."""
    return traceback.format_exc()[-LONGEST_TRACE:]


def _finished(store: Store, job: Job, pipe: Connection) -> bool:
    try:
        store.open(job)
    except KeyError:
        return False
    except DamagedEntry as error:
        pipe.send(("damaged", str(error)))
        return False
    return True
