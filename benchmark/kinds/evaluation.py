"""A job kind: the loss of a training's model on a test subset."""

from dataclasses import dataclass

from lodo.benchmark.identity import Code
from lodo.benchmark.kinds.kind import TOKENISED, UNREMEMBERED, Kind, Record, Workplace
from lodo.benchmark.store import Job
from lodo.tasks.spec import Frozen, Runtime


class EvaluationSpec(Frozen):
    """A training and a test subset, by key and content; ``initial``: the training's untrained model."""

    training: str
    subset: str
    initial: bool
    runtime: Runtime
    code: Code


@dataclass(frozen=True)
class EvaluationInputs:
    prepared: Job
    training: Job
    test: str
    subset: str


@dataclass(frozen=True)
class Loss:
    """L of the subset, nats per scored token."""

    loss: float


def compute(spec: EvaluationSpec, inputs: EvaluationInputs, place: Workplace) -> None:
    from lodo.tasks.likelihood import Examples, mean_loss

    model = place.reader.model(inputs.training, spec.initial)
    subset = place.reader.prepared(inputs.prepared).tests[inputs.test][inputs.subset]
    LOSS.write(place.folder, Loss(mean_loss(model, Examples.of(subset, str(next(model.parameters()).device)))))


LOSS = Record("loss.json", Loss)
KIND = Kind("evaluation", "evaluations", EvaluationSpec, EvaluationInputs, compute, UNREMEMBERED | TOKENISED)


def evaluation_job(training: Job, subset_hash: str, runtime: Runtime, initial: bool = False) -> Job:
    """The loss on a test subset after a training or, ``initial``, before it."""
    return KIND.job(
        EvaluationSpec(training=training.key, subset=subset_hash, initial=initial, runtime=runtime, code=KIND.code())
    )
