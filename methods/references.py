"""Reference rows that every table carries: what a method must beat without looking at the model."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from lodo.methods.base import Attribution, AttributionMethod, register

if TYPE_CHECKING:
    from lodo.methods.extent import Extent
    from lodo.tasks.trained import TrainedModel


@register("random")
@dataclass(frozen=True)
class Random(AttributionMethod):
    """Standard normal numbers, drawn for each subset by its content: what chance scores."""

    summary: ClassVar[str] = "random numbers"
    rough_trainings = 0.0
    reference: ClassVar[bool] = True
    whole: ClassVar[bool] = True
    exempt: ClassVar[Mapping[str, str]] = dict.fromkeys(
        ("order of datasets", "equal datasets equal influence", "sign of the truth"), "chance knows no datasets"
    )

    def peak_vectors(self, extent: "Extent") -> float | None:
        return 0.0

    def attribute(self, trained: "TrainedModel") -> Attribution:
        import torch

        columns = []
        for examples in trained.subsets.values():
            read = [part for part in (examples.tokens, examples.inputs) if part is not None]
            content = hashlib.sha256(b"".join(part.cpu().numpy().tobytes() for part in read)).hexdigest()
            draw = trained.generator("random reference", content)
            columns.append(torch.randn(len(trained.datasets), generator=draw))
        return Attribution.of(trained, torch.stack(columns, dim=1))


@register("dataset-size")
@dataclass(frozen=True)
class DatasetSize(AttributionMethod):
    """The number of slots that a dataset filled in the training, the same for every subset."""

    summary: ClassVar[str] = "number of training sequences"
    rough_trainings = 0.0
    reference: ClassVar[bool] = True
    exempt: ClassVar[Mapping[str, str]] = {"sign of the truth": "a size is the same for every subset"}
    whole: ClassVar[bool] = True

    def peak_vectors(self, extent: "Extent") -> float | None:
        return 0.0

    def attribute(self, trained: "TrainedModel") -> Attribution:
        sizes = np.array([trained.sizes[name] for name in trained.datasets], dtype=np.float64)
        return Attribution.of(trained, np.repeat(sizes[:, None], len(trained.subsets), axis=1))
