"""What a command asks for."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from lodo.benchmark.jobs import MethodChoice
from lodo.tasks.source import Source
from lodo.tasks.spec import Definition, Runtime, Scale, Task


@dataclass(frozen=True)
class Request:
    """What a command asks for, validated as far as it can be without reading any text.

    A method may stand there several times, with other hyperparameters.

    Attributes:
        source: of all tasks whose family brings no text along.
        tasks: ``family/test``, or ``family`` for all its tests; none stands for the default ones.
        tuning: the tasks are those that are never scored, on text of their own; see `lodo.benchmark.tuning`.
        added: tasks more than those.
        files: by family, the ``file.py:NAME`` that it was loaded from.
        cards: the names of the graphics cards that its processes take, in turn.
        throughput: the speed of each task's training is measured beside it.
        memory_checks: what trained and unlearned models know of the datasets' text is measured beside the scores.
    """

    scale: Scale
    source: Source
    tasks: tuple[str, ...]
    definition: Definition
    seeds: int
    runs: int
    methods: tuple[MethodChoice, ...]
    runtime: Runtime
    changes: Mapping[str, str]
    tuning: bool = False
    added: tuple[str, ...] = ()
    files: Mapping[str, str] = field(default_factory=dict)
    cards: tuple[str, ...] = ()
    throughput: bool = False
    memory_checks: bool = True

    def runs_on(self, task: Task) -> int:
        """How many runs a method has on a task: one where a run shows all examples, since nothing is redrawn."""
        return 1 if task.examples == "all" else self.runs
