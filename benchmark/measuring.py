"""What is measured beside a method's answer: what its models forgot, and the memory of its process."""

import dataclasses
import resource
import time
from collections.abc import Mapping
from typing import Any

import torch
from torch import nn

from lodo.benchmark.sharing import SharedPass
from lodo.tasks.forgetting import forgetting
from lodo.tasks.model import Examples
from lodo.tasks.trained import TrainedModel


class ForgettingMeter:
    """Measures each model that has unlearned a training dataset; what that costs is no part of the method's cost.

    Attributes:
        figures: by dataset, those of `lodo.tasks.forgetting.Forgetting`.
        seconds: time spent measuring.
    """

    def __init__(self, trained: TrainedModel, shared: SharedPass) -> None:
        self.trained, self.shared = trained, shared
        self.figures: dict[str, dict[str, Any]] = {}
        self.seconds = 0.0

    def __call__(self, dataset: str, model: nn.Module) -> None:
        def measure() -> dict[str, Any]:
            return measure_forgetting(model, dataset, self.trained.datasets, self.trained.unseen)

        meter = self.shared.meter
        begun, forward, backward, reused = time.perf_counter(), meter.forward, meter.backward, self.shared.reused
        # A method has unlearned a dataset once for all test sets of a run: it is measured once.
        self.figures[dataset] = self.shared.remembered(f"forgetting {dataset}", measure, "datasets")
        meter.forward, meter.backward, self.shared.reused = forward, backward, reused
        self.seconds += time.perf_counter() - begun


def measure_forgetting(
    model: nn.Module, dataset: str, shown: Mapping[str, Examples], unseen: Mapping[str, Examples]
) -> dict[str, Any]:
    """What a model knows of a dataset's shown and unseen text, and of as much text of the others together."""
    others = [examples for name, examples in shown.items() if name != dataset]
    each = -(-len(shown[dataset]) // max(1, len(others)))
    kept = Examples(*(torch.cat([getattr(one[:each], part) for one in others]) for part in ("tokens", "scored")))
    return dataclasses.asdict(forgetting(model, shown[dataset], unseen.get(dataset), kept))


def peak_rss() -> int:
    """Most memory that this process has held, bytes."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
