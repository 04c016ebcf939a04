"""Corpora that are alike are found, others are not."""

import random

import pytest

from lodo.tasks import overlap
from lodo.tasks.overlap import alike, describe_alike


def documents(seed, count=60, words=30):
    draw = random.Random(seed)
    return [" ".join(f"w{draw.randrange(500)}" for _ in range(words)) for _ in range(count)]


def test_equal_text_is_found_whatever_its_order_case_and_punctuation():
    one = documents(0)
    other = [f"{each.upper()}!" for each in reversed(one)]
    assert alike({"a": one, "b": other, "c": documents(1)}) == (("a", "b", 1.0),)


@pytest.mark.parametrize(("changed", "found"), [(3, True), (30, False)])
def test_nearly_equal_text_is_found_and_text_that_shares_half_is_not(changed, found):
    one = documents(0)
    pairs = alike({"a": one, "b": [*one[changed:], *documents(1, changed)]})
    assert bool(pairs) == found
    assert not found or pairs[0][2] == pytest.approx((60 - 3) / (60 + 3))


def test_short_documents_count_as_a_whole():
    assert alike({"a": ["one two", "three"], "b": ["three", "one two"]}) == (("a", "b", 1.0),)
    assert not alike({"a": ["one two", "three"], "b": ["one", "two three"]})


def test_no_text_is_like_nothing():
    assert not alike({"a": [], "b": [""], "c": ["some words"]})


def test_of_large_corpora_a_part_is_compared(monkeypatch):
    monkeypatch.setattr(overlap, "COMPARED", 200)
    one = documents(0)
    assert alike({"a": one, "b": list(one), "c": documents(1)}) == (("a", "b", 1.0),)


def test_the_sentence_says_how_much_and_what_to_do():
    equal, nearly = describe_alike([("a", "b", 1.0), ("a", "c", 0.9)])
    assert equal.startswith(
        "corpora 'a' and 'b' hold equal text (they share 100% of their word sequences): leaving one"
    )
    assert nearly.startswith("corpora 'a' and 'c' hold nearly equal text (they share 90% of their word sequences): ")
    assert nearly.endswith("leaving one out leaves its text in; remove one, or put them into one file")
