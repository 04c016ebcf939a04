"""A job kind: a mixture as token arrays, with its test subsets."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from lodo.benchmark.identity import Code
from lodo.benchmark.kinds.kind import Kind, Record, Workplace
from lodo.benchmark.store import Job
from lodo.tasks.source import Source
from lodo.tasks.spec import Frozen, Mixture, TestSet, TokenizerSpec

if TYPE_CHECKING:
    import numpy as np


class PreparedSpec(Frozen):
    """Text, by its content, and how it becomes tokens; sizes of the datasets are no part of it."""

    fingerprint: str
    datasets: tuple[str, ...]
    tokenizer: TokenizerSpec
    test_sets: tuple[TestSet, ...]
    sequence_length: int
    positions: int
    code: Code


@dataclass(frozen=True)
class PreparedInputs:
    source: Source
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
    """

    key: str
    vocabulary: int
    available: Mapping[str, int]
    pools: Mapping[str, str]
    subsets: Mapping[str, Mapping[str, SubsetInfo]]


def content_hash(*arrays: "np.ndarray") -> str:
    """SHA-256 of numpy arrays' shapes, types and bytes."""
    import hashlib

    found = hashlib.sha256()
    for array in arrays:
        found.update(f"{array.shape}{array.dtype.str}".encode())
        found.update(array.tobytes())
    return found.hexdigest()


def compute(spec: PreparedSpec, inputs: PreparedInputs, place: Workplace) -> None:
    from lodo.tasks.prepare import prepare, save_prepared

    data, tokenizer = prepare(
        inputs.source.corpora(),
        inputs.source.tests(),
        inputs.mixture,
        spec.tokenizer,
        spec.test_sets,
        spec.sequence_length,
        spec.positions,
    )
    save_prepared(data, tokenizer, place.folder)
    subsets = {
        test.name: {
            name: SubsetInfo(
                content_hash(tokens, scored), len(tokens), test.subset_size, int(scored.sum()), int(tokens.size)
            )
            for name, (tokens, scored) in data.tests[test.name].items()
        }
        for test in spec.test_sets
    }
    available = {name: len(pool) for name, pool in data.pools.items()}
    pools = {name: content_hash(pool) for name, pool in data.pools.items()}
    INFO.write(place.folder, PreparedInfo(place.key, data.vocabulary, available, pools, subsets))


INFO = Record("info.json", PreparedInfo)
KIND = Kind(
    "prepared",
    "mixtures",
    PreparedSpec,
    PreparedInputs,
    compute,
    beside=frozenset({"lodo.benchmark.reader"}),  # nothing is read from the store
    libraries=("pyarrow",),  # reads Parquet for datasets
)


def prepared_job(
    source: Source,
    mixture: Mixture,
    tokenizer: TokenizerSpec,
    test_sets: Sequence[TestSet],
    sequence_length: int,
    positions: int,
) -> Job:
    """A mixture of a source as token arrays with its test subsets."""
    return KIND.job(
        PreparedSpec(
            fingerprint=source.fingerprint(),
            datasets=mixture.names,
            tokenizer=tokenizer,
            test_sets=tuple(sorted(test_sets, key=lambda test: test.name)),
            sequence_length=sequence_length,
            positions=positions,
            code=KIND.code(type(source)),
        )
    )
