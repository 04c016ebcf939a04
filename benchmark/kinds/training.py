"""A job kind: a training, of all datasets or with one left out."""

from dataclasses import dataclass

from lodo.benchmark.kinds.kind import SPENT, TOKENISED, UNREMEMBERED, Kind, Record, Workplace
from lodo.benchmark.kinds.prepared import PreparedInfo
from lodo.benchmark.specifications import TrainingSpec
from lodo.benchmark.store import Job
from lodo.tasks.spec import Definition, Runtime, Task


@dataclass(frozen=True)
class TrainingInputs:
    prepared: Job


@dataclass(frozen=True)
class Log:
    """A training's losses (nats per token), one a step, how many sequences it repeated, and the tokens it saw."""

    losses: tuple[float, ...]
    repeats: int
    tokens: int


def compute(spec: TrainingSpec, inputs: TrainingInputs, place: Workplace) -> None:
    import time

    from lodo.benchmark.replaying import replay_of
    from lodo.tasks.training import train

    begun = time.perf_counter()
    log = train(
        replay_of(place.reader.prepared(inputs.prepared), spec),
        place.folder,
        spec.runtime,
        keep="all" if spec.left_out is None else "last",
        on_step=lambda done, total: place.report(done / total),
    )
    LOG.write(place.folder, Log(log.losses, log.repeats, log.tokens))
    SPENT.write(place.folder, time.perf_counter() - begun)


LOG = Record("log.json", Log)
KIND = Kind("training", "trainings", TrainingSpec, TrainingInputs, compute, UNREMEMBERED | TOKENISED, large=True)


def training_job(
    task: Task, info: PreparedInfo, seed: int, left_out: str | None, definition: Definition, runtime: Runtime
) -> Job:
    """A training of a task's mixture."""
    return KIND.job(
        TrainingSpec(
            mixture=task.mixture,
            pools=dict(info.pools),
            vocabulary=info.vocabulary,
            model=task.model,
            recipe=task.recipe,
            seed=seed,
            left_out=left_out,
            definition=None if left_out is None else definition,
            runtime=runtime,
            code=KIND.code(type(task.model)),
        )
    )
