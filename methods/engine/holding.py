"""Gradients held for a pass: in memory where they fit, else in a temporary file, and the same numbers either way."""

import os
import shutil
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager

import torch
from torch import Tensor

from lodo.methods.base import AttributionError
from lodo.tasks.memory import are_held, free_memory

# The rows' coordinates in a slice, (n, c).
Read = Callable[[slice], Tensor]


def available_memory(device: torch.device) -> int:
    """Bytes that could still be allocated on a device."""
    if device.type == "cuda":
        idle = torch.cuda.memory_reserved(device) - torch.cuda.memory_allocated(device)
        return int(torch.cuda.mem_get_info(device)[0]) + idle
    return free_memory()


def filled(rows: Iterable[Tensor], count: int) -> Tensor:
    """``count`` rows (P,) as (count, P), one at a time, so that none is there twice but the last one made."""
    table: Tensor | None = None
    waiting = iter(rows)  # enumerate would keep a row until it has the next
    for place in range(count):
        row = next(waiting)
        table = row.new_empty(count, len(row)) if table is None else table
        table[place] = row
        del row  # before the next one is made
    assert table is not None
    return table


@contextmanager
def held(rows: Iterable[Tensor], count: int) -> Iterator[Read]:
    """A function that reads ``count`` rows (P,), each made once, a slice of coordinates at a time.

    Rows that take more than a part of what is free on their device lie in a file in TMPDIR, which is gone afterwards.

    Raises:
        AttributionError: the file's folder has no room for them.
    """
    waiting = iter(rows)
    first = next(waiting)
    size = first.numel() * first.element_size()
    together = _after(first, waiting)
    if are_held(count * size, available_memory(first.device)):
        del first  # the table has it
        table = filled(together, count)
        yield lambda where: table[:, where]
        return
    folder = tempfile.gettempdir()
    room = shutil.disk_usage(folder).free
    if count * size > room:
        raise AttributionError(
            f"{count} gradients of {size / 2**30:.3g} GiB fit neither into an eighth of the free memory nor into "
            f"{folder}, where {room / 2**30:.3g} GiB are free; set TMPDIR to a folder with more room"
        )
    dtype, device, each = first.dtype, first.device, first.element_size()
    del first
    with tempfile.TemporaryFile(dir=folder) as file:
        for row in together:
            file.write(row.cpu().view(torch.uint8).numpy().data)
            del row
        file.flush()

        def read(where: slice) -> Tensor:
            start, stop, _ = where.indices(size // each)
            parts = [
                bytearray(os.pread(file.fileno(), (stop - start) * each, place * size + start * each))
                for place in range(count)
            ]
            return torch.stack([torch.frombuffer(part, dtype=dtype) for part in parts]).to(device)

        yield read


def _after(first: Tensor, others: Iterator[Tensor]) -> Iterator[Tensor]:
    yield first
    del first
    yield from others
