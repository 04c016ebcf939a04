"""Keeps what several methods, test sets or runs compute alike, and charges each user its cost in full."""

import functools
import inspect
import json
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import FunctionType, MethodType, ModuleType
from typing import Any, TypeVar

from safetensors.torch import load_file, save_file
from torch import Tensor

from lodo.benchmark.identity import code_of
from lodo.benchmark.store import DamagedEntry, Job, Store
from lodo.tasks.spec import digest
from lodo.tasks.trained import Scope, TokenMeter

Value = TypeVar("Value")

# What holds no value of its own, though it has attributes.
CODE = (type, ModuleType, FunctionType, MethodType)

# What of an estimate's specification a scope depends on.
FIELDS: Mapping[Scope, tuple[str, ...]] = {
    "training": ("training", "code", "runtime"),
    "datasets": ("training", "code", "runtime", "examples", "run"),
    "subsets": ("training", "code", "runtime", "subsets"),
    "run": ("training", "code", "runtime", "subsets", "examples", "run"),
}


@dataclass(frozen=True)
class Cost:
    """What a computation took: wall-clock seconds, tokens through the model, units of one training."""

    seconds: float = 0.0
    tokens: int = 0
    trainings: float = 0.0

    def __add__(self, other: "Cost") -> "Cost":
        return Cost(self.seconds + other.seconds, self.tokens + other.tokens, self.trainings + other.trainings)

    def __sub__(self, other: "Cost") -> "Cost":
        return Cost(self.seconds - other.seconds, self.tokens - other.tokens, self.trainings - other.trainings)


def size_of(value: Any) -> int:
    """Bytes of all tensors that a value holds, in containers and in objects' attributes, each counted once."""
    seen: set[int] = set()

    def size(part: Any) -> int:
        if id(part) in seen:
            return 0
        seen.add(id(part))
        if isinstance(part, Tensor):
            return part.numel() * part.element_size()
        if isinstance(part, Mapping):
            return sum(map(size, part.values()))
        if isinstance(part, (list, tuple)):
            return sum(map(size, part))
        return size(vars(part)) if hasattr(part, "__dict__") and not isinstance(part, CODE) else 0

    return size(value)


class Memory:
    """What a process remembers between the estimates of one method on one training.

    What belongs to the shown examples of a run goes when another run begins. Tensors beyond ``limit`` bytes in all are
    not kept: they are computed again, with the same result.
    """

    def __init__(self, limit: int = 2**31) -> None:
        self.limit = limit
        self._kept: dict[Scope, tuple[str, dict[str, tuple[Any, Cost]]]] = {}

    def put(self, scope: Scope, spec: Mapping[str, Any], name: str, value: Any, cost: Cost) -> None:
        """Keep a value if there is room for it."""
        held = sum(size_of(each) for _, entries in self._kept.values() for each, _ in entries.values())
        if held + size_of(value) <= self.limit:
            self.of(scope, spec)[name] = value, cost

    def of(self, scope: Scope, spec: Mapping[str, Any]) -> dict[str, tuple[Any, Cost]]:
        """By name, what is kept for a scope of an estimate, with what it cost."""
        # All test sets of a run are asked in turn, so what belongs to each of them outlasts the others.
        lasting = [name for name in FIELDS[scope] if name != "subsets"]
        owner = digest([spec[name] for name in lasting])
        if self._kept.get(scope, ("", {}))[0] != owner:
            self._kept[scope] = (owner, {})
        return self._kept[scope][1]


class SharedPass:
    """What is shared in the store (`__call__`) and remembered in the process (`remembered`), each user charged in full.

    Attributes:
        spec: the specification of the estimate job that shares.
        reused: cost of the results that this estimate used but did not compute.
    """

    def __init__(
        self, store: Store, spec: Mapping[str, Any], meter: TokenMeter, training_tokens: int, memory: Memory
    ) -> None:
        self.store, self.spec, self.meter, self.training_tokens = store, spec, meter, training_tokens
        self.memory = memory
        self.reused = Cost()

    def spent(self) -> Cost:
        """What this estimate has cost so far: computed by itself or reused."""
        tokens = self.meter.forward + self.meter.backward
        return Cost(time.perf_counter(), tokens, self.meter.trainings(self.training_tokens)) + self.reused

    def __call__(self, name: str, compute: Callable[[], dict[str, Tensor]], scope: Scope = "run") -> dict[str, Tensor]:
        """A `lodo.tasks.trained.Shared`."""
        fields = {key: self.spec[key] for key in FIELDS[scope]}
        job = Job("shared", {**fields, "by": _code_of(compute), "name": name})
        with self.store.claim(job) as partial:
            assert partial is not None
            try:
                folder = self.store.open(job)
            except (KeyError, DamagedEntry):
                before = self.spent()
                save_file(compute(), partial / "values.safetensors")
                cost = self.spent() - before
                (partial / "cost.json").write_text(json.dumps(vars(cost)))
                # Read back: how tensors lie in memory decides the last bits of what is made of them.
                return load_file(self.store.commit(job, partial) / "values.safetensors")
        self.reused += Cost(**json.loads((folder / "cost.json").read_text()))
        return load_file(folder / "values.safetensors")

    def remembered(self, name: str, compute: Callable[[], Value], scope: Scope) -> Value:
        """A `lodo.tasks.trained.Remembered`."""
        kept = self.memory.of(scope, self.spec)
        key = digest([name, self.spec["subsets"] if scope in ("subsets", "run") else None])
        if key in kept:
            value, cost = kept[key]
            self.reused += cost
        else:
            before = self.spent()
            value = compute()
            self.memory.put(scope, self.spec, key, value, self.spent() - before)
        known: Value = value
        return known


def _code_of(compute: Callable[[], dict[str, Tensor]]) -> str:
    """Hash of the file that defines a computation, of all that it can reach, and of the libraries' versions."""
    while isinstance(compute, functools.partial):
        compute = compute.func
    return _code_of_file(Path(inspect.getfile(compute)))


@functools.cache
def _code_of_file(path: Path) -> str:
    return digest(code_of(path))
