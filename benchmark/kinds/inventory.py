"""A job kind: what a source holds, its corpora, test sets and warnings."""

from collections.abc import Mapping
from dataclasses import dataclass

from lodo.benchmark.identity import Code, root_of
from lodo.benchmark.kinds.kind import Kind, Record, Workplace
from lodo.benchmark.sources import OwnText, opened
from lodo.benchmark.store import Job
from lodo.tasks.source import Source
from lodo.tasks.spec import Frozen, TestFile, TestSet


class InventorySpec(Frozen):
    """A source, by its content."""

    fingerprint: str
    code: Code


@dataclass(frozen=True)
class InventoryInputs:
    source: Source | OwnText


@dataclass(frozen=True)
class Inventory:
    """What a source holds: characters of text per corpus, how each test file is read, and warnings about them."""

    corpora: Mapping[str, int]
    tests: Mapping[str, TestFile]
    warnings: tuple[str, ...]


def compute(spec: InventorySpec, inputs: InventoryInputs, place: Workplace) -> None:
    import sys

    from lodo.tasks.overlap import alike, describe, describe_alike, find_overlaps
    from lodo.tasks.subsets import draw_subsets

    source = opened(inputs.source)
    corpora, tests, files = source.corpora(), source.tests(), source.test_files()
    warnings = describe_alike(alike(corpora)) if source.text == "natural" else []
    # In text that was made up the content of the tests is there on purpose.
    for name, records in tests.items() if source.text == "natural" else ():
        everything = TestSet.of(name, files[name], subset_size=sys.maxsize, min_pairs=1)
        subsets = draw_subsets(everything, records)
        warnings += [f"test set '{name}': {line}" for line in describe(find_overlaps(corpora, subsets))]
    characters = {name: sum(map(len, documents)) for name, documents in corpora.items()}
    INVENTORY.write(place.folder, Inventory(characters, dict(sorted(files.items())), tuple(warnings)))


INVENTORY = Record("inventory.json", Inventory)
KIND = Kind(
    "inventory",
    "inventories",
    InventorySpec,
    InventoryInputs,
    compute,
    # Nothing is read from the store; what finds the source is not what it gives.
    beside=frozenset({"lodo.benchmark.reader", "lodo.benchmark.sources"}),
    libraries=("pyarrow",),  # reads Parquet for datasets
)


def inventory_job(source: Source, file: str = "") -> Job:
    """What a source holds; ``file`` as in `root_of`."""
    return KIND.job(InventorySpec(fingerprint=source.fingerprint(), code=KIND.code(root_of(type(source), file))))
