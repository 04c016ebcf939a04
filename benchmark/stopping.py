"""Ctrl-C: the command that is stopped says so, its workers leave it to that command to end them."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class Stopped(BaseException):
    """Somebody pressed Ctrl-C. No KeyboardInterrupt, which typer takes for itself to end without a word."""


@contextmanager
def stoppable() -> Iterator[None]:
    """Raises `Stopped` where Ctrl-C meets what runs inside; in the main thread alone."""

    def stop(number: int, frame: FrameType | None) -> None:
        raise Stopped

    before = signal.signal(signal.SIGINT, stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def leave_to_parent() -> None:
    """A terminal sends Ctrl-C to every process of a command; this one goes on until its parent ends it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
