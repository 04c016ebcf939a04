"""From text to tokens: packing, what is scored, and reading back what was written."""

import numpy as np
import pytest

from lodo.tasks.errors import InputError
from lodo.tasks.prepare import BOS, PAD, encode_subset, load_prepared, pack, prepare, save_prepared, train_tokenizer
from lodo.tasks.source import Example
from lodo.tasks.spec import Mixture, TestSet, TokenizerSpec, TrainingDataset
from lodo.tasks.subsets import Subset

DOCUMENTS = ["the cat sat on the mat", "a dog ran after the cat", "the mat was red"]


@pytest.fixture(scope="module")
def tokenizer():
    return train_tokenizer(DOCUMENTS, TokenizerSpec(vocabulary=300))


def test_documents_begin_with_bos_are_joined_and_cut(tokenizer):
    found = pack(DOCUMENTS, tokenizer, 4, "animals")
    joined = found.flatten()
    texts = tokenizer.decode_batch([part.tolist() for part in np.split(joined, np.flatnonzero(joined == BOS))[1:]])
    assert joined[0] == BOS
    assert all(any(document.startswith(text) for document in DOCUMENTS) for text in texts)
    whole = sum(1 + len(tokenizer.encode(document).ids) for document in DOCUMENTS)
    assert found.shape == (whole // 4, 4)
    np.testing.assert_array_equal(found, pack(DOCUMENTS, tokenizer, 4, "animals"))


def test_documents_are_shuffled_by_the_corpuss_name(tokenizer):
    documents = [f"the cat {word}" for word in ("sat", "ran", "was", "on", "a", "red", "dog", "mat", "after")]
    plain = [token for document in documents for token in (BOS, *tokenizer.encode(document).ids)]
    one, again, other = (pack(documents, tokenizer, 1, name).flatten().tolist() for name in ("one", "one", "other"))
    assert sorted(one) == sorted(other) == sorted(plain)
    assert one == again
    assert one != plain
    assert one != other


def test_a_corpus_shorter_than_a_sequence_is_refused(tokenizer):
    with pytest.raises(InputError, match=r"corpus 'short'.*give it more text"):
        pack(["cat"], tokenizer, 64, "short")


def test_only_the_answer_is_scored_and_it_is_tokenised_apart(tokenizer):
    pairs = (Example("the cat", " sat on"), Example("a dog ran", " red"))
    tokens, scored = encode_subset(Subset("x", pairs, 2), tokenizer, 64)
    for row, (example, ids) in enumerate(zip(pairs, tokens, strict=True)):
        answer = tokenizer.encode(example.text).ids
        prompt = tokenizer.encode(example.prompt).ids
        assert ids[ids != PAD].tolist() == [BOS, *prompt, *answer]
        assert ids[scored[row]].tolist() == answer
        assert np.flatnonzero(scored[row])[0] == 1 + len(prompt)


def test_without_a_prompt_the_whole_sentence_is_scored_but_bos(tokenizer):
    tokens, scored = encode_subset(Subset("x", (Example("", "the cat"),), 1), tokenizer, 64)
    assert scored[0].tolist() == [False] + [True] * (tokens.shape[1] - 1)


def test_what_exceeds_the_positions_goes_from_the_prompts_beginning_first(tokenizer):
    example = Example("the cat sat on the mat", " red")
    answer, prompt = tokenizer.encode(" red").ids, tokenizer.encode(example.prompt).ids
    positions = len(answer) + 3
    tokens, scored = encode_subset(Subset("x", (example,), 1), tokenizer, positions)
    assert tokens[0].tolist() == [BOS, *prompt[-2:], *answer]
    assert scored[0].sum() == len(answer)


def test_what_is_saved_is_read_back(tmp_path):
    corpora = dict.fromkeys(("Ä/b", "c", "d"), DOCUMENTS)
    mixture = Mixture(datasets=tuple(TrainingDataset(name=name, slots=2) for name in corpora))
    tests = {"quotes": [{"text": "the cat", "subset": "ü"}, {"text": "a dog", "subset": "v"}]}
    spec = TokenizerSpec(vocabulary=300)
    made, trained = prepare(corpora, tests, mixture, spec, [TestSet(name="quotes", subset_size=1)], 4, 16)
    save_prepared(made, trained, tmp_path)
    found = load_prepared(tmp_path)
    assert found.vocabulary == made.vocabulary
    assert list(found.pools) == list(made.pools)
    assert list(found.tests["quotes"]) == list(made.tests["quotes"]) == ["v", "ü"]
    for name, pool in made.pools.items():
        np.testing.assert_array_equal(found.pools[name], pool)
    for name, arrays in made.tests["quotes"].items():
        for one, other in zip(found.tests["quotes"][name], arrays, strict=True):
            np.testing.assert_array_equal(one, other)
