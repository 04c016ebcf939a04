"""Shows a person how far long work is: a bar with time left on a terminal, plain lines elsewhere."""

import time
from collections.abc import Sequence
from types import TracebackType

from rich.console import Console
from rich.progress import BarColumn, Progress, TaskID, TextColumn, TimeElapsedColumn, TimeRemainingColumn

from lodo.benchmark.scheduler import Chain


class ProgressListener:
    """A `Listener` for people; costs of chains are the bar's units, so that the time left means something."""

    def __init__(self, console: Console, chains: Sequence[Chain], title: str) -> None:
        self.console = console
        self.title = title
        self.total = sum(chain.cost for chain in chains)
        self.done = 0.0
        self.parts: dict[Chain, float] = {}
        self.begun_at = time.monotonic()
        self._said = 0.0
        self._live = console.is_terminal
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.percentage:>3.0f} %"),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(elapsed_when_finished=False),
            console=console,
            transient=True,
        )
        self._task: TaskID | None = None

    def __enter__(self) -> "ProgressListener":
        if self._live:
            self._bar.start()
            self._task = self._bar.add_task(self.title, total=self.total)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live:
            self._bar.stop()

    def begun(self, chain: Chain) -> None:
        self.parts[chain] = 0.0
        self._show(chain.label)

    def progress(self, chain: Chain, part: float) -> None:
        self.parts[chain] = part * chain.cost
        self._show(chain.label)

    def ended(self, chain: Chain, left: float = 0.0) -> None:
        self.parts.pop(chain, None)
        self.done += chain.cost - left
        self._show(chain.label)

    def note(self, text: str) -> None:
        self.console.print(f"[yellow]note[/yellow] {_escape(text)}", highlight=False)

    def _show(self, label: str) -> None:
        completed = min(self.total, self.done + sum(self.parts.values()))
        if self._live and self._task is not None:
            self._bar.update(self._task, completed=completed, description=f"{self.title}: {_escape(label)}")
            return
        now = time.monotonic()
        if now - self._said > 20 and completed > 0:
            self._said = now
            left = (now - self.begun_at) * (self.total - completed) / completed
            part = f"{100 * completed / self.total:.0f} %"
            self.console.print(f"{self.title}: {part}, about {duration(left)} left ({_escape(label)})", highlight=False)


def duration(seconds: float) -> str:
    """Seconds as people say them: ``40 s``, ``12 min``, ``3.5 h``."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 5400:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"


def _escape(text: str) -> str:
    from rich.markup import escape

    return escape(text)
