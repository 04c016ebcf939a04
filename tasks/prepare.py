"""From a source's text to token arrays: the vocabulary of a mixture, its pools of sequences, its test subsets."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from safetensors.numpy import load_file, save_file

from lodo.tasks.errors import InputError
from lodo.tasks.sequences import Sequences, Shape, encode, pack
from lodo.tasks.source import Example, Source
from lodo.tasks.spec import Form, Mixture, ModelSpec, TestSet, TokenizerSpec
from lodo.tasks.subsets import draw_subsets
from lodo.tasks.vocabulary import Vocabulary


@dataclass(frozen=True)
class Prepared:
    """A mixture as numbers.

    Attributes:
        vocabulary: tokens are below it.
        pools: by dataset, its P_k sequences.
        tests: by test set and subset, its sequences.
        cut: by dataset or ``test set/subset``, how many examples were too long and lost a part; without the others.
    """

    vocabulary: int
    pools: Mapping[str, Sequences]
    tests: Mapping[str, Mapping[str, Sequences]]
    cut: Mapping[str, int] = field(default_factory=dict)


def prepare(
    source: Source,
    mixture: Mixture,
    form: Form,
    model: ModelSpec,
    spec: TokenizerSpec,
    test_sets: Sequence[TestSet],
    sequence_length: int,
) -> tuple[Prepared, Vocabulary]:
    """Find the model's vocabulary, make each dataset's sequences, draw and encode the test sets.

    Raises InputError where a source has no text of the form, or a model cannot take it.
    """
    if form == "packed" and model.encoder_decoder:
        raise InputError(
            f"a model of kind {model.kind} reads prompts and writes answers, and this text has none; take a decoder "
            "(kind opt or causal)"
        )
    cut: dict[str, int] = {}

    def encoded(name: str, examples: Sequence[Example], positions: int) -> Sequences:
        shape = Shape(positions, model.encoder_decoder, closed=form == "pairs")
        sequences, shortened = encode(examples, vocabulary, shape)
        if shortened:
            cut[name] = shortened
        return sequences

    if form == "pairs":
        pairs = source.pairs()
        texts = [text for name in mixture.names for each in pairs[name] for text in (each.prompt, each.text)]
        vocabulary = model.vocabulary(texts, spec)
        pools = {name: encoded(name, pairs[name], sequence_length) for name in mixture.names}
    else:
        corpora = source.corpora()
        vocabulary = model.vocabulary([text for name in mixture.names for text in corpora[name]], spec)
        pools = {
            name: Sequences.whole(pack(corpora[name], vocabulary, sequence_length, name)) for name in mixture.names
        }
    records = source.tests()
    tests = {
        test.name: {
            subset.name: encoded(f"{test.name}/{subset.name}", subset.examples, model.positions)
            for subset in draw_subsets(test, records[test.name])
        }
        for test in test_sets
    }
    return Prepared(vocabulary.size, pools, tests, cut), vocabulary


PARTS = ("tokens", "scored", "inputs", "read")


def save_prepared(prepared: Prepared, folder: Path) -> None:
    """Write ``tokens.safetensors`` and ``names.json`` into a folder."""
    arrays: dict[str, np.ndarray] = {}

    def put(place: str, sequences: Sequences) -> None:
        arrays.update({f"{place}/{part}": array for part, array in zip(PARTS, sequences.parts, strict=False)})

    for index, pool in enumerate(prepared.pools.values()):
        put(f"pool/{index}", pool)
    for number, subsets in enumerate(prepared.tests.values()):
        for index, subset in enumerate(subsets.values()):
            put(f"test/{number}/{index}", subset)
    names = {
        "vocabulary": prepared.vocabulary,
        "pools": list(prepared.pools),
        "tests": {test: list(subsets) for test, subsets in prepared.tests.items()},
        "cut": dict(prepared.cut),
    }
    save_file(arrays, folder / "tokens.safetensors")
    (folder / "names.json").write_text(json.dumps(names, ensure_ascii=False))


def load_prepared(folder: Path) -> Prepared:
    """Read back what `save_prepared` wrote."""
    arrays = load_file(folder / "tokens.safetensors")
    names = json.loads((folder / "names.json").read_text())

    def taken(place: str) -> Sequences:
        return Sequences(*(arrays[f"{place}/{part}"] for part in PARTS if f"{place}/{part}" in arrays))

    tests = {
        test: {subset: taken(f"test/{number}/{index}") for index, subset in enumerate(subsets)}
        for number, (test, subsets) in enumerate(names["tests"].items())
    }
    pools = {name: taken(f"pool/{index}") for index, name in enumerate(names["pools"])}
    return Prepared(names["vocabulary"], pools, tests, names["cut"])
