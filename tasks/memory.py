"""How much memory is free: the kernel's own figure, which counts files' cache as free for the asking."""

import os
from pathlib import Path

GIB = 2**30


def free_memory() -> int:
    """Bytes of this machine's memory that could still be allocated."""
    figures = Path("/proc/meminfo")
    if figures.exists():
        for line in figures.read_text().splitlines():
            if line.startswith("MemAvailable:"):
                return int(line.split()[1]) * 1024
    return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
