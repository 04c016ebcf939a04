"""The memory of a run is that of the run: not of what its process did before, and in bytes on every system."""

import ctypes
import resource
import sys
from types import SimpleNamespace

import numpy as np
import pytest

from lodo.benchmark import measuring
from lodo.benchmark.measuring import PeakMemory

MIB = 2**20
on_linux = pytest.mark.skipif(sys.platform != "linux", reason="only Linux can be told to forget a peak")


def hold(mebibytes):
    """Memory that is really used, and given back when it goes."""
    return np.ones(mebibytes * MIB, dtype=np.uint8)


def peak_of(work):
    with PeakMemory() as memory:
        work()
    return memory.bytes


@on_linux
def test_a_small_run_after_a_large_one_is_small():
    nothing = peak_of(lambda: None)
    large = peak_of(lambda: hold(400))
    ctypes.CDLL(None).malloc_trim(0)
    small = peak_of(lambda: hold(40))
    assert large - nothing == pytest.approx(400 * MIB, rel=0.1)
    assert small < large - 300 * MIB


@on_linux
def test_what_was_held_before_counts():
    kept = hold(200)
    held = peak_of(lambda: None)
    del kept
    assert held - peak_of(lambda: None) > 150 * MIB


@pytest.mark.parametrize(("platform", "unit"), [("darwin", 1), ("linux", 1024)])
def test_where_a_peak_cannot_be_forgotten_it_is_the_processes_in_bytes(monkeypatch, platform, unit):
    monkeypatch.setattr(sys, "platform", platform)
    monkeypatch.setattr(resource, "getrusage", lambda who: SimpleNamespace(ru_maxrss=12345))

    def refuse(*args, **kwargs):
        raise PermissionError("no such file")

    monkeypatch.setattr(measuring.Path, "write_text", refuse)
    assert peak_of(lambda: None) == 12345 * unit
