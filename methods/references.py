"""Reference rows that every table carries: what a method must beat without looking at the model."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from lodo.methods.base import Attribution, AttributionMethod, register

if TYPE_CHECKING:
    from lodo.tasks.trained import TrainedModel


@register("random")
@dataclass(frozen=True)
class Random(AttributionMethod):
    """Standard normal numbers: what chance scores."""

    summary: ClassVar[str] = "random numbers"
    reference: ClassVar[bool] = True
    whole: ClassVar[bool] = True
    exempt: ClassVar[Mapping[str, str]] = dict.fromkeys(
        ("order of datasets", "order of subsets", "equal datasets equal influence"), "chance knows no datasets"
    )

    def attribute(self, trained: "TrainedModel") -> Attribution:
        import torch

        shape = len(trained.datasets), len(trained.subsets)
        return Attribution.of(trained, torch.randn(shape, generator=trained.generator("random reference")))


@register("dataset-size")
@dataclass(frozen=True)
class DatasetSize(AttributionMethod):
    """The number of slots that a dataset filled in the training, the same for every subset."""

    summary: ClassVar[str] = "number of training sequences"
    reference: ClassVar[bool] = True
    whole: ClassVar[bool] = True

    def attribute(self, trained: "TrainedModel") -> Attribution:
        sizes = np.array([trained.sizes[name] for name in trained.datasets], dtype=np.float64)
        return Attribution.of(trained, np.repeat(sizes[:, None], len(trained.subsets), axis=1))
