"""A job kind: whatever a kind of model must have made before its first training, once on a machine."""

from dataclasses import dataclass

from lodo.benchmark.identity import Code
from lodo.benchmark.kinds.kind import SPENT, Kind, Workplace
from lodo.benchmark.store import Job
from lodo.tasks.spec import Frozen, ModelSpec, Runtime, Task


class StartSpec(Frozen):
    """A model before any training of a task's; what is made is kept beside the store, under a name of its own."""

    model: ModelSpec
    runtime: Runtime
    code: Code


@dataclass(frozen=True)
class StartInputs:
    """Nothing is needed beside the specification."""


def compute(spec: StartSpec, inputs: StartInputs, place: Workplace) -> None:
    import time

    begun = time.perf_counter()
    spec.model.make_ready(place.report)
    SPENT.write(place.folder, time.perf_counter() - begun)


KIND = Kind(
    "start",
    "models made ready",
    StartSpec,
    StartInputs,
    compute,
    beside=frozenset({"lodo.benchmark.reader"}),  # nothing is read from the store
)


def start_job(task: Task, runtime: Runtime) -> Job:
    """What must be made before a task's trainings."""
    return KIND.job(StartSpec(model=task.model, runtime=runtime, code=KIND.code(type(task.model))))
