"""Two job kinds of what a model knows of datasets' text: a training's model, and those that a method unlearned."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from lodo.benchmark.identity import Code
from lodo.benchmark.kinds.estimate import ANSWER
from lodo.benchmark.kinds.kind import FAILURE, TOKENISED, UNREMEMBERED, Kind, Record, Workplace
from lodo.benchmark.kinds.training import KIND as TRAINING
from lodo.benchmark.specifications import OBSERVED_RUN, EstimateInputs, EstimateSpec
from lodo.benchmark.store import Job
from lodo.tasks.spec import Frozen, Runtime, Shown, Task


class ForgettingSpec(Frozen):
    """A training, and the datasets of a base training whose text, as a run shows it, its model is asked about."""

    training: str
    base: str
    datasets: tuple[str, ...]
    examples: Shown
    run: int
    runtime: Runtime
    code: Code


@dataclass(frozen=True)
class ForgettingInputs:
    prepared: Job
    training: Job
    base: Job
    pools: Mapping[str, str]


def compute(spec: ForgettingSpec, inputs: ForgettingInputs, place: Workplace) -> None:
    from lodo.benchmark.measuring import measure_forgetting
    from lodo.benchmark.shown import shown_examples

    data = place.reader.prepared(inputs.prepared)
    shown, unseen = shown_examples(data, inputs.pools, TRAINING.spec(inputs.base), spec.examples, spec.run)
    model = place.reader.model(inputs.training, initial=False)
    FIGURES.write(place.folder, {name: measure_forgetting(model, name, shown, unseen) for name in spec.datasets})


class UnlearningSpec(Frozen):
    """An estimate whose method may have unlearned datasets on the way."""

    estimate: str
    code: Code


@dataclass(frozen=True)
class UnlearningInputs:
    estimate: Job
    inputs: EstimateInputs


def compute_unlearning(spec: UnlearningSpec, inputs: UnlearningInputs, place: Workplace) -> None:
    """Take what was measured while the estimate was made; where nobody did, or another process, make it anew."""
    from lodo.benchmark.estimating import attribute

    figures = dict(place.reader.observed.pop(spec.estimate, {}))
    if not figures:
        folder = place.reader.open(inputs.estimate)
        if not FAILURE.lies_in(folder) and ANSWER.read(folder).unlearned:
            estimate = inputs.estimate.spec
            assert isinstance(estimate, EstimateSpec)
            figures.update(attribute(estimate, inputs.inputs, place.reader).observer.figures)
    FIGURES.write(place.folder, figures)


# By dataset, the figures of `lodo.tasks.forgetting.Forgetting`.
FIGURES: Record[dict[str, dict[str, Any]]] = Record("forgetting.json", dict[str, dict[str, Any]])
FORGETTING = Kind("forgetting", "memory checks", ForgettingSpec, ForgettingInputs, compute, UNREMEMBERED | TOKENISED)
UNLEARNING = Kind("unlearning", "memory checks of methods", UnlearningSpec, UnlearningInputs, compute_unlearning)


def forgetting_job(task: Task, training: Job, base: Job, datasets: Sequence[str], runtime: Runtime) -> Job:
    """What a training's model knows of the text of some of the base training's datasets."""
    return FORGETTING.job(
        ForgettingSpec(
            training=training.key,
            base=base.key,
            datasets=tuple(datasets),
            examples=task.examples,
            run=OBSERVED_RUN,
            runtime=runtime,
            code=FORGETTING.code(),
        )
    )


def unlearning_job(estimate: Job) -> Job:
    """What the models forgot that a method unlearned for an estimate."""
    return UNLEARNING.job(UnlearningSpec(estimate=estimate.key, code=UNLEARNING.code()))
