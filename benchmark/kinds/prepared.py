"""A job kind: a mixture as token arrays, with its test subsets."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from lodo.benchmark.identity import Code, root_of
from lodo.benchmark.kinds.kind import Kind, Record, Workplace
from lodo.benchmark.sources import OwnText, opened
from lodo.benchmark.store import Job
from lodo.tasks.source import Source
from lodo.tasks.spec import Form, Frozen, Mixture, ModelSpec, Task, TestSet, TokenizerSpec

if TYPE_CHECKING:
    import numpy as np


class PreparedSpec(Frozen):
    """Text, by its content, and how it becomes tokens; sizes of the datasets are no part of it."""

    fingerprint: str
    datasets: tuple[str, ...]
    model: ModelSpec
    tokenizer: TokenizerSpec
    test_sets: tuple[TestSet, ...]
    sequence_length: int
    form: Form
    code: Code


@dataclass(frozen=True)
class PreparedInputs:
    source: Source | OwnText
    mixture: Mixture


@dataclass(frozen=True)
class SubsetInfo:
    """A test subset: its content hash, examples used and wanted, scored tokens, and all tokens."""

    hash: str
    examples: int
    wanted: int
    scored: int
    tokens: int


@dataclass(frozen=True)
class PreparedInfo:
    """What the planning needs to know of a prepared mixture.

    Attributes:
        key: of the prepared entry.
        vocabulary: size of the tokenizer's vocabulary.
        available: sequences in each dataset's pool.
        pools: content hash of each dataset's pool.
        subsets: by test set and subset.
        cut: by dataset or ``test set/subset``, examples that lost a part because they were too long.
    """

    key: str
    vocabulary: int
    available: Mapping[str, int]
    pools: Mapping[str, str]
    subsets: Mapping[str, Mapping[str, SubsetInfo]]
    cut: Mapping[str, int] = field(default_factory=dict)


def content_hash(*arrays: "np.ndarray") -> str:
    """SHA-256 of numpy arrays' shapes, types and bytes."""
    import hashlib

    digest = hashlib.sha256()
    for array in arrays:
        digest.update(f"{array.shape}{array.dtype.str}".encode())
        digest.update(array.tobytes())
    return digest.hexdigest()


def compute(spec: PreparedSpec, inputs: PreparedInputs, place: Workplace) -> None:
    from lodo.tasks.prepare import prepare, save_prepared

    prepared, vocabulary = prepare(
        opened(inputs.source),
        inputs.mixture,
        spec.form,
        spec.model,
        spec.tokenizer,
        spec.test_sets,
        spec.sequence_length,
    )
    save_prepared(prepared, place.folder)
    vocabulary.save(place.folder)
    subsets = {
        test.name: {
            name: SubsetInfo(
                content_hash(*subset.parts), len(subset), test.subset_size, int(subset.scored.sum()), subset.size
            )
            for name, subset in prepared.tests[test.name].items()
        }
        for test in spec.test_sets
    }
    available = {name: len(pool) for name, pool in prepared.pools.items()}
    # Seeds come from a pool's hash: where the tokens say all, nothing else is in it.
    pools = {
        name: content_hash(*pool.parts[:1] if pool.is_whole else pool.parts) for name, pool in prepared.pools.items()
    }
    INFO.write(place.folder, PreparedInfo(place.key, prepared.vocabulary, available, pools, subsets, prepared.cut))


INFO = Record("info.json", PreparedInfo)
KIND = Kind(
    "prepared",
    "mixtures",
    PreparedSpec,
    PreparedInputs,
    compute,
    # Nothing is read from the store; what finds the source is not what it gives.
    beside=frozenset({"lodo.benchmark.reader", "lodo.benchmark.sources"}),
    libraries=("pyarrow",),  # reads Parquet for datasets
)


def prepared_job(source: Source, task: Task, test_sets: Sequence[TestSet], file: str = "") -> Job:
    """A task's mixture of a source as token arrays, with the subsets of some test sets; ``file`` as in `root_of`."""
    return KIND.job(
        PreparedSpec(
            fingerprint=source.fingerprint(),
            datasets=task.mixture.names,
            model=task.model,
            tokenizer=task.tokenizer,
            test_sets=tuple(sorted(test_sets, key=lambda test: test.name)),
            sequence_length=task.recipe.sequence_length,
            form=task.form,
            code=KIND.code(root_of(type(source), file), type(task.model)),
        )
    )
