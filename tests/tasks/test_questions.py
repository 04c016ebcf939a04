"""The generic questions: every answer worked out anew, nothing that the synthetic tasks ask, the same bytes as ever."""

import hashlib
import json
import re
from collections import Counter

import pytest

from lodo.tasks.questions import questions
from lodo.tasks.synthetic import DIGITS, datasets, held_out
from lodo.tasks.wordlists import WORDS

SHA256 = "ddefbba77db80fa2a223f22abd87fbf62aff26afd4ba8c1ddabcc13a55cb14b0"
PLACES = ("first", "second", "third", "fourth", "last")
FORMS = {"numerical form": 0, "words": 1}


def numeral(text):
    """A number that stands in digits or, digit by digit, in words."""
    return text if text.isdigit() else "".join(str(DIGITS.index(word)) for word in text.split(" "))


def written(shown, form):
    digits = numeral(shown)
    assert digits == str(int(digits))
    assert len(digits) <= 4
    return (digits, " ".join(DIGITS[int(digit)] for digit in digits))[FORMS[form]]


def follows(character, string):
    return string[string.index(character) + 1]


def stands(place, string):
    return string[PLACES.index(place)]


def repeated(text):
    assert text in WORDS or re.fullmatch("[a-z0-9]{5}", text)
    return text


def common(one, two):
    (character,) = set(one) & set(two)
    assert len(one) == len(two) == 4
    return character


ANSWERS = {
    r"Write (?!the)([0-9]+|[a-z ]+) in (numerical form|words)\.": written,
    r"(?:Write|Determine) the number ([0-9]+|[a-z ]+)\. Provide your answer in (numerical form|words)\.": written,
    r"What is the number (.+)\?": lambda shown: written(shown, "numerical form"),
    r"What letter comes after '(.)' in '(.{5})'\?": follows,
    r"Identify the character that succeeds '(.)' in '(.{5})'\.": follows,
    r"What letter is ([a-z]+) in '(.{5})'\?": stands,
    r"Identify the ([a-z]+) character of '(.{5})'\.": stands,
    r"Repeat '(.+)'\.": repeated,
    r"What letter is in '(.+)' and in '(.+)'\?": common,
    r"Identify the character of both '(.+)' and '(.+)'\.": common,
}


@pytest.fixture(scope="module")
def asked():
    return questions(4000, 0)


def test_every_answer_is_right_and_every_way_to_ask_is_used(asked):
    counts = Counter()
    for example in asked:
        (pattern,) = (pattern for pattern in ANSWERS if re.fullmatch(pattern, example.prompt))
        assert ANSWERS[pattern](*re.fullmatch(pattern, example.prompt).groups()) == example.text, example
        counts[ANSWERS[pattern].__name__ if ANSWERS[pattern].__name__ != "<lambda>" else "written"] += 1
    assert set(counts) == {"written", "follows", "stands", "repeated", "common"}
    assert counts["written"] / len(asked) == pytest.approx(3 / 8, abs=0.04)
    assert counts["common"] / len(asked) == pytest.approx(2 / 8, abs=0.04)


def test_nothing_is_asked_that_a_synthetic_task_asks(asked):
    prompts = {example.prompt for which in "ab" for some in datasets(which).values() for example in some}
    for which in "ab":
        for wording in ("other words", "dataset 1"):
            prompts |= {record["prompt"] for record in held_out(which, wording=wording)}
    assert not prompts & {example.prompt for example in asked}
    assert not [
        each for each in asked if re.search("remov|extract|remain|length|part of speech|number that", each.prompt)
    ]


def test_the_same_questions_come_on_every_platform(asked):
    text = json.dumps([(example.prompt, example.text) for example in asked])
    assert hashlib.sha256(text.encode()).hexdigest() == SHA256
    assert questions(100, 0) == asked[:100]
    assert questions(100, 1) != asked[:100]
