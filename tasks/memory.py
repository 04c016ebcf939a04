"""How much memory is free: the kernel's own figure, which counts files' cache as free for the asking."""

import os
from pathlib import Path

GIB = 2**30
# One of so many parts of the free memory may go to rows that could lie in a file as well.
PARTS = 8


def free_memory() -> int:
    """Bytes of this machine's memory that could still be allocated."""
    figures = Path("/proc/meminfo")
    if figures.exists():
        for line in figures.read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")


def are_held(wanted: int, free: int) -> bool:
    """Whether rows of ``wanted`` bytes are held in memory where ``free`` bytes are, rather than in a file."""
    return wanted <= free // PARTS


# Vectors of the weights' size that an optimizer keeps; Adafactor keeps a row and a column of each matrix.
MOMENTS = {"adam": 2, "adamw": 2, "momentum": 1, "rmsprop": 1, "sgd": 0, "adafactor": 0, "newton": 0}
