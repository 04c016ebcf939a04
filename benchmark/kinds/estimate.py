"""A job kind: one run of a method on one trained model and one test set."""

from dataclasses import dataclass
from typing import Any

from lodo.benchmark.jobs import MethodChoice
from lodo.benchmark.kinds.kind import SPENT, Kind, Record, Workplace
from lodo.benchmark.kinds.prepared import PreparedInfo
from lodo.benchmark.specifications import Cost, EstimateInputs, EstimateSpec
from lodo.benchmark.store import Job
from lodo.tasks.spec import Definition, Runtime, Task


@dataclass(frozen=True)
class Answer:
    """A method's answer: influence (K, S) or (T, K, S) with its labels; see `lodo.methods.base.Attribution`.

    Attributes:
        unlearned: datasets that the method said it had unlearned.
    """

    influence: list[Any]
    steps: tuple[int, ...] | None
    datasets: tuple[str, ...]
    subsets: tuple[str, ...]
    unlearned: tuple[str, ...] = ()


def compute(spec: EstimateSpec, inputs: EstimateInputs, place: Workplace) -> None:
    import time

    from lodo.benchmark.estimating import attribute

    begun = time.perf_counter()
    estimate = attribute(spec, inputs, place.reader)
    answer = estimate.attribution
    ANSWER.write(
        place.folder,
        Answer(
            answer.influence.tolist(), answer.steps, answer.datasets, answer.subsets, tuple(estimate.observer.figures)
        ),
    )
    COST.write(place.folder, estimate.cost)
    SPENT.write(place.folder, time.perf_counter() - begun)
    if inputs.observed:
        place.reader.observed[place.key] = estimate.observer.figures


ANSWER = Record("estimate.json", Answer)
COST = Record("cost.json", Cost)
KIND = Kind(
    "estimate",
    "estimates",
    EstimateSpec,
    EstimateInputs,
    compute,
    # What a method's models forgot is kept in entries of its own and changes no influence.
    beside=frozenset({"lodo.benchmark.measuring:ForgettingMeter"}),
)


def estimate_job(
    task: Task,
    info: PreparedInfo,
    training: Job,
    choice: MethodChoice,
    run: int,
    definition: Definition,
    runtime: Runtime,
) -> Job:
    """One run of a method on a base training and a task's test set."""
    return KIND.job(
        EstimateSpec(
            training=training.key,
            subsets={name: subset.hash for name, subset in info.subsets[task.test_set.name].items()},
            examples=task.examples,
            run=run,
            method=choice.name,
            hyperparameters=choice.method.hyperparameters,
            method_code=choice.code,
            runtime=runtime,
            code=KIND.code(),
            definition=definition if choice.method.reads_definition else None,
        )
    )
