"""What is measured beside a method's answer: what its models forgot, and the memory of its process."""

import dataclasses
import resource
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import nn

from lodo.benchmark.devices import is_card
from lodo.benchmark.sharing import SharedPass
from lodo.tasks.forgetting import forgetting
from lodo.tasks.likelihood import Examples
from lodo.tasks.trained import TrainedModel


class ForgettingMeter:
    """Hears of each model that has unlearned a training dataset and measures it, at no cost of the method's.

    Attributes:
        measures: whether it does more than hear.
        figures: by dataset unlearned, those of `lodo.tasks.forgetting.Forgetting`; none where nothing is measured.
        seconds: time spent measuring.
    """

    def __init__(self, trained: TrainedModel, shared: SharedPass, measures: bool) -> None:
        self.trained, self.shared, self.measures = trained, shared, measures
        self.figures: dict[str, dict[str, Any]] = {}
        self.seconds = 0.0

    def __call__(self, dataset: str, model: nn.Module) -> None:
        if not self.measures:
            self.figures[dataset] = {}
            return

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
    kept = Examples.joined([one[:each] for one in others])
    return dataclasses.asdict(forgetting(model, shown[dataset], unseen.get(dataset), kept))


class PeakMemory:
    """Most memory that is held between entering and leaving, bytes; what was held before counts.

    On a graphics card that of this process's tensors, else that of the process itself.

    Where the kernel cannot be told to forget the peak before (anywhere but on Linux) it is the most that the process
    has held since it began, which for one method's process is the most of its runs so far.

    Attributes:
        bytes: known after leaving.
    """

    def __init__(self, device: str = "cpu") -> None:
        self.device = device

    def __enter__(self) -> "PeakMemory":
        self.bytes = 0
        if is_card(self.device):
            torch.cuda.empty_cache()
            torch.cuda.reset_peak_memory_stats(self.device)
            return self
        try:
            # 5 sets the peak to what is held now (proc_pid_clear_refs(5)).
            Path("/proc/self/clear_refs").write_text("5")
            self._resettable = True
        except OSError:
            self._resettable = False
        return self

    def __exit__(self, *error: object) -> None:
        if is_card(self.device):
            self.bytes = torch.cuda.max_memory_allocated(self.device)
        else:
            self.bytes = _peak_since_reset() if self._resettable else _peak_ever()


def _peak_since_reset() -> int:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("VmHWM:"))


def _peak_ever() -> int:
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    # KiB on Linux, bytes on macOS (getrusage(2) of each).
    return peak if sys.platform == "darwin" else peak * 1024
