"""From a source to arrays: reading back what was written, pairs for encoders and for lone decoders."""

import numpy as np
import pytest

from lodo.tasks.architectures.opt import Opt
from lodo.tasks.prepare import load_prepared, prepare, save_prepared
from lodo.tasks.source import Example
from lodo.tasks.spec import Mixture, TestSet, TokenizerSpec, TrainingDataset

DOCUMENTS = ["the cat sat on the mat", "a dog ran after the cat", "the mat was red"]
MIXTURE = Mixture(datasets=tuple(TrainingDataset(name=name, slots=2) for name in ("Ä/b", "c", "d")))
MODEL = Opt(width=8, positions=16)
QUOTES = TestSet(name="quotes", subset_size=1)


class Texts:
    kind = "texts"

    def fingerprint(self):
        return "texts"

    def corpora(self):
        return dict.fromkeys(MIXTURE.names, DOCUMENTS)

    def pairs(self):
        pairs = (Example("the cat", "sat"), Example("a dog ran after", "the red cat"))
        return dict.fromkeys(MIXTURE.names, pairs)

    def tests(self):
        return {"quotes": [{"text": "the cat", "subset": "ü"}, {"text": "a dog", "subset": "v"}]}


@pytest.mark.parametrize("form", ["packed", "pairs"])
def test_what_is_saved_is_read_back(tmp_path, form):
    made, _ = prepare(Texts(), MIXTURE, form, MODEL, TokenizerSpec(vocabulary=300), [QUOTES], 4)
    save_prepared(made, tmp_path)
    read = load_prepared(tmp_path)
    assert (read.vocabulary, read.cut) == (made.vocabulary, made.cut)
    assert list(read.pools) == list(made.pools)
    assert list(read.tests["quotes"]) == list(made.tests["quotes"]) == ["v", "ü"]
    for sets in zip(
        [*read.pools.values(), *read.tests["quotes"].values()],
        [*made.pools.values(), *made.tests["quotes"].values()],
        strict=True,
    ):
        for one, other in zip(*(each.parts for each in sets), strict=True):
            np.testing.assert_array_equal(one, other)


def test_packed_text_is_scored_whole_and_pairs_on_their_answers_alone():
    packed, _ = prepare(Texts(), MIXTURE, "packed", MODEL, TokenizerSpec(vocabulary=300), [QUOTES], 4)
    assert all(pool.is_whole for pool in packed.pools.values())
    pairs, vocabulary = prepare(Texts(), MIXTURE, "pairs", MODEL, TokenizerSpec(vocabulary=300), [QUOTES], 16)
    answer = [*vocabulary.encode([" sat"])[0], vocabulary.end]
    pool = pairs.pools["c"]
    assert pool.tokens[0][pool.scored[0]].tolist() == answer
    assert not pool.is_whole
    # The test's answers are closed as the training's are.
    assert pairs.tests["quotes"]["v"].tokens[0][pairs.tests["quotes"]["v"].scored[0]][-1] == vocabulary.end
    assert packed.tests["quotes"]["v"].tokens[0][-1] != vocabulary.end


def test_what_was_too_long_is_counted():
    pairs, _ = prepare(Texts(), MIXTURE, "pairs", MODEL, TokenizerSpec(vocabulary=300), [QUOTES], 9)
    assert set(pairs.cut) == set(MIXTURE.names)
    assert all(count >= 1 for count in pairs.cut.values())
