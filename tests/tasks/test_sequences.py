"""Text as sequences: packing, what is scored, what is cut, what an encoder reads."""

import numpy as np
import pytest

from lodo.tasks.errors import InputError
from lodo.tasks.sequences import PAD, Sequences, Shape, encode, pack
from lodo.tasks.source import Example
from lodo.tasks.vocabulary import BOS, trained_vocabulary

DOCUMENTS = ["the cat sat on the mat", "a dog ran after the cat", "the mat was red"]
ROOMY = Shape(64)


@pytest.fixture(scope="module")
def vocabulary():
    return trained_vocabulary(DOCUMENTS, 300)


@pytest.fixture(scope="module")
def tokens_of(vocabulary):
    return lambda text: vocabulary.encode([text])[0]


def test_documents_begin_with_bos_are_joined_and_cut(vocabulary, tokens_of):
    packed = pack(DOCUMENTS, vocabulary, 4, "animals")
    joined = packed.flatten()
    pieces = [part.tolist() for part in np.split(joined, np.flatnonzero(joined == BOS))[1:]]
    texts = vocabulary.tokenizer.decode_batch(pieces)
    assert joined[0] == BOS
    assert all(any(document.startswith(text) for document in DOCUMENTS) for text in texts)
    whole = sum(1 + len(tokens_of(document)) for document in DOCUMENTS)
    assert packed.shape == (whole // 4, 4)
    np.testing.assert_array_equal(packed, pack(DOCUMENTS, vocabulary, 4, "animals"))


def test_documents_are_shuffled_by_the_corpuss_name(vocabulary, tokens_of):
    documents = [f"the cat {word}" for word in ("sat", "ran", "was", "on", "a", "red", "dog", "mat", "after")]
    plain = [token for document in documents for token in (BOS, *tokens_of(document))]
    one, again, other = (pack(documents, vocabulary, 1, name).flatten().tolist() for name in ("one", "one", "other"))
    assert sorted(one) == sorted(other) == sorted(plain)
    assert one == again
    assert one != plain
    assert one != other


def test_a_corpus_shorter_than_a_sequence_is_refused(vocabulary):
    with pytest.raises(InputError, match=r"corpus 'short'.*give it more text"):
        pack(["cat"], vocabulary, 64, "short")


def test_only_the_answer_is_scored_and_it_is_tokenised_apart(vocabulary, tokens_of):
    pairs = (Example("the cat", " sat on"), Example("a dog ran", " red"))
    sequences, cut = encode(pairs, vocabulary, ROOMY)
    assert cut == 0
    for example, ids, scored in zip(pairs, sequences.tokens, sequences.scored, strict=True):
        answer, prompt = tokens_of(example.text), tokens_of(example.prompt)
        assert ids[ids != PAD].tolist() == [BOS, *prompt, *answer]
        assert ids[scored].tolist() == answer
        assert np.flatnonzero(scored)[0] == 1 + len(prompt)


def test_a_space_stands_between_prompt_and_answer_unless_there_is_one(vocabulary, tokens_of):
    pairs = [Example("the cat", "sat"), Example("the cat", " sat"), Example("the cat ", "sat"), Example("", "sat")]
    sequences, _ = encode(pairs, vocabulary, ROOMY)
    answers = [ids[scored].tolist() for ids, scored in zip(sequences.tokens, sequences.scored, strict=True)]
    assert answers == [tokens_of(" sat"), tokens_of(" sat"), tokens_of("sat"), tokens_of("sat")]


def test_without_a_prompt_the_whole_sentence_is_scored_but_bos(vocabulary):
    sequences, _ = encode([Example("", "the cat")], vocabulary, ROOMY)
    assert sequences.scored[0].tolist() == [False] + [True] * (sequences.tokens.shape[1] - 1)


def test_what_exceeds_the_positions_goes_from_the_prompts_beginning_first(vocabulary, tokens_of):
    example = Example("the cat sat on the mat", " red")
    answer, prompt = tokens_of(" red"), tokens_of(example.prompt)
    sequences, cut = encode([example, Example("", "a")], vocabulary, Shape(len(answer) + 3))
    assert cut == 1
    assert sequences.tokens[0].tolist() == [BOS, *prompt[-2:], *answer]
    assert sequences.scored[0].sum() == len(answer)


def test_an_answer_too_long_for_the_positions_loses_its_end(vocabulary, tokens_of):
    answer = tokens_of("the cat sat on the mat")
    sequences, cut = encode([Example("red", "the cat sat on the mat")], vocabulary, Shape(4, closed=True))
    assert cut == 1
    assert sequences.tokens[0].tolist() == [BOS, *tokens_of(" the cat sat on the mat")[:2], vocabulary.end]
    assert len(answer) > 2


def test_an_encoder_reads_the_prompt_and_its_end_and_the_decoder_the_answer(vocabulary, tokens_of):
    pairs = [Example("the cat", " sat"), Example("a dog ran after the cat", "red")]
    sequences, cut = encode(pairs, vocabulary, Shape(64, encoder_decoder=True, closed=True))
    assert cut == 0
    for row, example in enumerate(pairs):
        answer = [*tokens_of(example.text.strip()), vocabulary.end]
        assert sequences.tokens[row][: 1 + len(answer)].tolist() == [BOS, *answer]
        assert sequences.tokens[row][sequences.scored[row]].tolist() == answer
        assert sequences.inputs[row][sequences.read[row]].tolist() == [*tokens_of(example.prompt), vocabulary.end]


def test_an_encoders_input_is_cut_to_its_positions_whatever_the_answer_takes(vocabulary, tokens_of):
    example = Example("the cat sat on the mat", "red")
    sequences, cut = encode([example], vocabulary, Shape(4, encoder_decoder=True, closed=True))
    assert cut == 1
    assert sequences.inputs[0].tolist() == [*tokens_of(example.prompt)[-3:], vocabulary.end]


def test_joined_sequences_are_padded_to_one_length(vocabulary):
    shape = Shape(64, encoder_decoder=True)
    short, long = (encode([Example(text, text)], vocabulary, shape)[0] for text in ("a", "a dog ran after the cat"))
    together = Sequences.joined([short, long])
    for part, one, other in zip(together.parts, short.parts, long.parts, strict=True):
        assert part.shape[1] == other.shape[1]
        assert part[0, : one.shape[1]].tolist() == one[0].tolist()
        assert not part[0, one.shape[1] :].any()
