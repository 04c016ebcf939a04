"""Shows a person how far long work is: a bar with time left on a terminal, elsewhere lines with the time of day."""

import time
from collections.abc import Sequence
from types import TracebackType

from rich.console import Console, Group
from rich.live import Live
from rich.markup import escape
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.text import Text

from lodo.benchmark.scheduler import Chain

EVERY = 20.0  # seconds between two lines


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
        self._label = ""
        self._bar = Progress(
            TextColumn("{task.description}"),
            BarColumn(),
            TextColumn("{task.percentage:>3.0f} %"),
            TimeElapsedColumn(),
            TextColumn("left"),
            TimeRemainingColumn(elapsed_when_finished=False),
            console=console,
        )
        self._task = self._bar.add_task(title, total=self.total)
        # What is at work stands below the bar: beside it a name would be cut.
        self._live = Live(get_renderable=self._lines, console=console, transient=True) if console.is_terminal else None

    def _lines(self) -> Group:
        return Group(self._bar.get_renderable(), Text(self._label, overflow="fold"))

    def __enter__(self) -> "ProgressListener":
        if self._live:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._live:
            self._live.stop()

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
        self._say(f"[yellow]note[/yellow] {escape(text)}")

    def _say(self, markup: str) -> None:
        """One line, whole however long it is; where nobody watches it says when that was."""
        moment = "" if self._live else f"{time.strftime('%H:%M:%S')} "
        self.console.print(f"{moment}{markup}", highlight=False, soft_wrap=True)

    def _show(self, label: str) -> None:
        completed = min(self.total, self.done + sum(self.parts.values()))
        if self._live:
            self._label = label
            self._bar.update(self._task, completed=completed)
            return
        now = time.monotonic()
        if now - self._said > EVERY and completed > 0:
            self._said = now
            left = (now - self.begun_at) * (self.total - completed) / completed
            part = f"{100 * completed / self.total:.0f} %"
            self._say(f"{self.title}: {part}, about {duration(left)} left ({escape(label)})")


def duration(seconds: float) -> str:
    """Seconds as people say them: ``40 s``, ``12 min``, ``3.5 h``."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    if seconds < 5400:
        return f"{seconds / 60:.0f} min"
    return f"{seconds / 3600:.1f} h"
