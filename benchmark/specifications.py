"""What a training and a run of a method are asked for and cost: what their kinds share with those who do the work."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lodo.benchmark.identity import Code
from lodo.benchmark.store import Job
from lodo.tasks.spec import FOR_A_KEY, Definition, Frozen, Mixture, ModelSpec, Recipe, Runtime, Shown, added, digest

# What was forgotten is measured in one run only: it is a diagnosis, not a score.
OBSERVED_RUN = 0


class TrainingSpec(Frozen):
    """A training: (mixture, model, recipe, seed, left-out dataset). Never the task's name, never the test set.

    Attributes:
        pools: content hash of each dataset's sequences.
        definition: what leaving out means; None for a base training, which all definitions share.
    """

    mixture: Mixture
    pools: dict[str, str]
    vocabulary: int
    model: ModelSpec
    recipe: Recipe
    seed: int
    left_out: str | None
    definition: Definition | None
    runtime: Runtime
    code: Code


def content_of(training: TrainingSpec) -> str:
    """SHA-256 of what is trained, whatever code does it and where: of what methods' seeds are made."""
    fields = training.model_dump(mode="json", context=FOR_A_KEY)
    return digest({name: value for name, value in fields.items() if name not in ("runtime", "code")})


class EstimateSpec(Frozen):
    """A method with its hyperparameters, a training by key, test subsets by content, and which examples are shown.

    Attributes:
        method_code: the method's own code; ``code`` is what lets it see the training.
        definition: of the truth, for a method that reads it.
    """

    training: str
    subsets: dict[str, str]
    examples: Shown
    run: int
    method: str
    hyperparameters: dict[str, Any]
    method_code: Code
    runtime: Runtime
    code: Code
    definition: Definition | None = added(None)


@dataclass(frozen=True)
class EstimateInputs:
    """What an estimate reads, and whether what its method unlearns is observed on the way.

    ``locator`` is the method's name or ``file.py:Class``, ``pools`` the content hash of each dataset.
    """

    prepared: Job
    training: Job
    test: str
    pools: Mapping[str, str]
    locator: str
    observed: bool


@dataclass(frozen=True)
class Cost:
    """What an estimate cost, all that it reused charged in full: seconds, bytes, tokens, units of one training.

    The bytes are those of `lodo.benchmark.measuring.PeakMemory`.
    """

    seconds: float
    peak_rss: int
    tokens: int
    training_equivalents: float
