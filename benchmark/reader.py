"""What a worker process has read from the store and remembers between the jobs of its chain."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from safetensors.torch import load_file
from torch import nn

from lodo.benchmark.kinds.training import KIND as TRAINING
from lodo.benchmark.sharing import Memory
from lodo.benchmark.store import Job, Store
from lodo.tasks.prepare import Prepared, load_prepared
from lodo.tasks.starting import starting_model
from lodo.tasks.training import load_parameters


class Reader:
    """What this process has read: a chain's works build on the same entries, each is verified once.

    Attributes:
        memory: what the estimates of the chain compute alike.
        observed: by estimate key, the figures of what its method unlearned, until they are stored.
    """

    def __init__(self, store: Store) -> None:
        self.store = store
        self.memory = Memory()
        self.observed: dict[str, Mapping[str, dict[str, Any]]] = {}
        self._folders: dict[str, Path] = {}
        self._prepared: dict[str, Prepared] = {}
        self._models: dict[tuple[str, bool], nn.Module] = {}

    def open(self, job: Job) -> Path:
        """The folder of a finished entry; raises as `Store.open` does."""
        if job.key not in self._folders:
            self._folders[job.key] = self.store.open(job)
        return self._folders[job.key]

    def prepared(self, job: Job) -> Prepared:
        """A prepared mixture."""
        if job.key not in self._prepared:
            self._prepared[job.key] = load_prepared(self.open(job))
        return self._prepared[job.key]

    def model(self, training: Job, initial: bool) -> nn.Module:
        """The model of a training, in evaluation mode on its device: after it or, ``initial``, before it."""
        key = (training.key, initial)
        if key not in self._models:
            spec = TRAINING.spec(training)
            model = starting_model(spec.model, spec.recipe, spec.vocabulary, spec.seed)
            if not initial:
                steps = self.open(training).glob("step-*.safetensors")
                load_parameters(model, load_file(max(steps, key=lambda path: int(path.stem.split("-")[1]))))
            self._models[key] = model.to(spec.runtime.device).eval()
        return self._models[key]
