"""A job kind: samples of a mixture's text, the beginning of each dataset and of each test subset, for readers."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lodo.benchmark.identity import Code, root_of
from lodo.benchmark.kinds.kind import Kind, Record, Workplace
from lodo.benchmark.kinds.prepared import PreparedSpec
from lodo.benchmark.sources import OwnText, opened
from lodo.benchmark.store import Job
from lodo.tasks.source import Example, Source
from lodo.tasks.spec import Form, Frozen, TestSet


class SamplesSpec(Frozen):
    """Text, by its content, and how many samples of each part of it; ``characters`` is where they are cut."""

    fingerprint: str
    datasets: tuple[str, ...]
    test_sets: tuple[TestSet, ...]
    form: Form
    count: int
    characters: int
    code: Code


@dataclass(frozen=True)
class SamplesInputs:
    source: Source | OwnText


@dataclass(frozen=True)
class Samples:
    """Samples by dataset, and by test set and subset; a document is an example without a prompt.

    ``sizes`` counts the documents, or the pairs, of each dataset.
    """

    sizes: Mapping[str, int]
    datasets: Mapping[str, tuple[Example, ...]]
    tests: Mapping[str, Mapping[str, tuple[Example, ...]]]


def compute(spec: SamplesSpec, inputs: SamplesInputs, place: Workplace) -> None:
    from lodo.tasks.subsets import draw_subsets

    source = opened(inputs.source)
    texts: Mapping[str, Sequence[str | Example]] = source.pairs() if spec.form == "pairs" else source.corpora()
    records = source.tests()
    SAMPLES.write(
        place.folder,
        Samples(
            {name: len(texts[name]) for name in spec.datasets},
            {name: _first(texts[name], spec) for name in spec.datasets},
            {
                test.name: {
                    subset.name: _first(subset.examples, spec) for subset in draw_subsets(test, records[test.name])
                }
                for test in spec.test_sets
            },
        ),
    )


def _first(texts: Sequence[str | Example], spec: SamplesSpec) -> tuple[Example, ...]:
    """The first of some texts, each cut, with white space of any length made one space."""
    examples = [each if isinstance(each, Example) else Example("", each) for each in texts[: spec.count]]
    return tuple(Example(_cut(each.prompt, spec), _cut(each.text, spec)) for each in examples)


def _cut(text: str, spec: SamplesSpec) -> str:
    line = " ".join(text.split())
    return line if len(line) <= spec.characters else line[: spec.characters].rstrip() + "…"


SAMPLES = Record("samples.json", Samples)
KIND = Kind(
    "samples",
    "samples",
    SamplesSpec,
    SamplesInputs,
    compute,
    # Nothing is read from the store; what finds the source is not what it gives.
    beside=frozenset({"lodo.benchmark.reader", "lodo.benchmark.sources"}),
    libraries=("pyarrow",),  # reads Parquet for datasets
)


def samples_job(source: Source, prepared: PreparedSpec, count: int, characters: int, file: str = "") -> Job:
    """The first ``count`` texts of each dataset and test subset of a prepared mixture, cut after some characters.

    ``source`` is what it was prepared from, ``file`` as in `root_of`.
    """
    return KIND.job(
        SamplesSpec(
            fingerprint=prepared.fingerprint,
            datasets=prepared.datasets,
            test_sets=prepared.test_sets,
            form=prepared.form,
            count=count,
            characters=characters,
            code=KIND.code(root_of(type(source), file)),
        )
    )
