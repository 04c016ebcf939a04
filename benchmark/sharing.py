"""Keeps what several methods or runs compute alike, and charges each user its cost in full."""

import functools
import inspect
import json
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from safetensors.torch import load_file, save_file
from torch import Tensor

from lodo.benchmark.identity import code_hash
from lodo.benchmark.store import DamagedEntry, Job, Store
from lodo.tasks.trained import Scope, TokenMeter


class SharedPass:
    """Keeps shared computations in the store and charges each user their cost in full.

    Attributes:
        spec: the specification of the estimate job that shares.
        seconds, tokens, trainings: cost of the shared results that this method used but did not compute.
    """

    def __init__(self, store: Store, spec: Mapping[str, Any], meter: TokenMeter, training_tokens: int) -> None:
        self.store, self.spec, self.meter, self.training_tokens = store, spec, meter, training_tokens
        self.seconds = self.trainings = 0.0
        self.tokens = 0

    def __call__(self, name: str, compute: Callable[[], dict[str, Tensor]], scope: Scope = "run") -> dict[str, Tensor]:
        keys = ("training", "code", "runtime", *(("subsets", "examples", "run") if scope == "run" else ()))
        job = Job("shared", {**{key: self.spec[key] for key in keys}, "by": _code_of(compute), "name": name})
        with self.store.claim(job) as partial:
            assert partial is not None
            try:
                folder = self.store.open(job)
            except (KeyError, DamagedEntry):
                begun, forward, backward = time.perf_counter(), self.meter.forward, self.meter.backward
                found = compute()
                cost = {
                    "seconds": time.perf_counter() - begun,
                    "tokens": self.meter.forward + self.meter.backward - forward - backward,
                    "trainings": (self.meter.backward - backward + (self.meter.forward - forward) / 3)
                    / self.training_tokens,
                }
                save_file(found, partial / "values.safetensors")
                (partial / "cost.json").write_text(json.dumps(cost))
                self.store.commit(job, partial)
                return found
        cost = json.loads((folder / "cost.json").read_text())
        self.seconds += cost["seconds"]
        self.tokens += cost["tokens"]
        self.trainings += cost["trainings"]
        return load_file(folder / "values.safetensors")


def _code_of(compute: Callable[[], dict[str, Tensor]]) -> str:
    """Hash of the file that defines a computation and of every lodo file that it imports."""
    while isinstance(compute, functools.partial):
        compute = compute.func
    return code_hash(Path(inspect.getfile(compute)))
