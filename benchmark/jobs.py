"""Every kind of job: the specification that is its identity, and what a worker does for it."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from lodo.benchmark.identity import NUMBERS, code_hash, versions
from lodo.benchmark.store import Job, Store
from lodo.tasks.spec import Definition, Mixture, Runtime, Task, TestSet, TokenizerSpec

if TYPE_CHECKING:
    from lodo.methods.base import AttributionMethod
    from lodo.tasks.source import Source


# What was forgotten is measured in one run only: it is a diagnosis, not a score.
FORGETTING_RUN = 0


@dataclass(frozen=True)
class Work:
    """A job for a worker process.

    Attributes:
        inputs: what the worker needs beside the specification (other entries, names, paths); never changes the result.
        needs: keys of the works that must be finished first.
        cost: rough length, in units of one training.
        method: the work is a method's, so its failure is a row and not the end of the run.
    """

    job: Job
    label: str
    inputs: Mapping[str, Any] = field(default_factory=dict)
    needs: tuple[str, ...] = ()
    cost: float = 1.0
    method: bool = False


def inventory_job(source: "Source") -> Job:
    """What a source holds: characters of each corpus, names of its tests, and warnings about it."""
    return Job(
        "inventory",
        {
            "fingerprint": source.fingerprint(),
            "code": code_hash(f"lodo.tasks.{source.kind}", "lodo.tasks.overlap"),
            "versions": versions(["datasets", "pyarrow"]),
        },
    )


def prepared_job(
    source: "Source",
    mixture: Mixture,
    tokenizer: TokenizerSpec,
    test_sets: Sequence[TestSet],
    sequence_length: int,
    positions: int,
) -> Job:
    """A mixture as token arrays with its test subsets."""
    return Job(
        "prepared",
        {
            "fingerprint": source.fingerprint(),
            "datasets": list(mixture.names),
            "tokenizer": tokenizer,
            "test_sets": sorted((test.model_dump() for test in test_sets), key=lambda test: str(test["name"])),
            "sequence_length": sequence_length,
            "positions": positions,
            "code": code_hash(f"lodo.tasks.{source.kind}", "lodo.tasks.prepare"),
            "versions": versions(["datasets", "numpy", "pyarrow", "tokenizers"]),
        },
    )


@dataclass(frozen=True)
class PreparedInfo:
    """What the planning needs to know of a prepared mixture, read from its small ``info.json``.

    Attributes:
        key: of the prepared entry.
        vocabulary: size of the tokenizer's vocabulary.
        available: sequences in each dataset's pool.
        pools: content hash of each dataset's pool.
        subsets: by test set and subset: content hash, examples used, examples wanted, scored tokens, tokens.
    """

    key: str
    vocabulary: int
    available: Mapping[str, int]
    pools: Mapping[str, str]
    subsets: Mapping[str, Mapping[str, Mapping[str, Any]]]

    @staticmethod
    def read(store: Store, job: Job) -> "PreparedInfo":
        return PreparedInfo(key=job.key, **json.loads((store.open(job) / "info.json").read_text()))


def content_hash(*arrays: Any) -> str:
    """SHA-256 of numpy arrays' shapes, types and bytes."""
    found = hashlib.sha256()
    for array in arrays:
        found.update(f"{array.shape}{array.dtype.str}".encode())
        found.update(array.tobytes())
    return found.hexdigest()


def training_job(
    task: Task, info: PreparedInfo, seed: int, left_out: str | None, definition: Definition, runtime: Runtime
) -> Job:
    """A training: (mixture, model, recipe, seed, left-out dataset). Never the task's name, never the test set."""
    spec: dict[str, Any] = {
        "mixture": task.mixture,
        "pools": info.pools,
        "vocabulary": info.vocabulary,
        "model": task.model,
        "recipe": task.recipe,
        "seed": seed,
        "left_out": left_out,
        "runtime": runtime,
        "code": code_hash("lodo.tasks.training", "lodo.benchmark.replaying"),
    }
    if left_out is not None:
        spec["definition"] = definition
    return Job("training", spec)


def evaluation_job(training: Job, subset_hash: str, runtime: Runtime, initial: bool = False) -> Job:
    """A loss: (training, test subset), after the training or, ``initial``, of its untrained model."""
    return Job(
        "evaluation",
        {
            "training": training.key,
            "subset": subset_hash,
            "initial": initial,
            "runtime": runtime,
            "code": code_hash("lodo.tasks.model"),
        },
    )


def forgetting_job(task: Task, training: Job, base: Job, datasets: Sequence[str], runtime: Runtime) -> Job:
    """What a training's model knows of the text of some of the base training's datasets."""
    return Job(
        "forgetting",
        {
            "training": training.key,
            "base": base.key,
            "datasets": list(datasets),
            "examples": task.examples,
            "run": FORGETTING_RUN,
            "code": code_hash("lodo.benchmark.measuring", "lodo.benchmark.shown"),
            "runtime": runtime,
        },
    )


@dataclass(frozen=True)
class MethodChoice:
    """A method as chosen on the command line: its reference (a name or file.py:Class) and the built instance."""

    reference: str
    method: "AttributionMethod"
    code: str
    status: str = "ok"

    @property
    def name(self) -> str:
        return self.method.name


def estimate_job(
    task: Task,
    info: PreparedInfo,
    training: Job,
    choice: MethodChoice,
    run: int,
    definition: Definition,
    runtime: Runtime,
) -> Job:
    """One run of a method on one trained model and one test set."""
    subsets = info.subsets[task.test_set.name]
    return Job(
        "estimate",
        {
            "training": training.key,
            "subsets": {name: subset["hash"] for name, subset in subsets.items()},
            "examples": task.examples,
            "run": run,
            "method": choice.name,
            "hyperparameters": choice.method.hyperparameters,
            **({"definition": definition} if choice.method.reads_definition else {}),
            "method_code": choice.code,
            "code": code_hash("lodo.benchmark.loading", "lodo.methods.base"),
            "runtime": runtime,
            "versions": versions(NUMBERS),
        },
    )
