"""The synthetic tasks: every answer worked out anew, nothing of the test in the training, the same bytes as ever."""

import hashlib
import json
import re
from collections import Counter

import pytest

from lodo.tasks import wordlists
from lodo.tasks.errors import InputError
from lodo.tasks.source import Example
from lodo.tasks.spec import TestSet
from lodo.tasks.subsets import draw_subsets
from lodo.tasks.synthetic import NAMES, datasets, held_out

WHICH = ("a", "b")
WORDINGS = ("other words", "dataset 1")
SHA256 = "c62f6215e95969eb1f9ffd3bc3241c2e04044ff18acadcc2e6b5ae5eb1b372dd"
NUMERALS = {
    word: str(digit)
    for digit, word in enumerate("zero one two three four five six seven eight nine".split())  # noqa: SIM905
}
REMOVED = ", ".join(["'(.)'"] * 4)
SPEECH = r"Identify the part of speech of '([a-z]+)'\."
LETTERED = "a. noun b. verb c. adjective d. adverb"
NUMBERED = "0. noun 1. verb 2. adjective 3. adverb"
# The questions as the paper words them, character by character, with what varies as groups.
QUESTIONS = {
    "A1": r"Determine the number that succeeds ([a-z ]+)\. Provide your answer in numerical form\.",
    "A2": r"Determine the number that succeeds ([a-z ]+)\. Provide your answer in words\.",
    "A3": r"Determine the length of '([a-z]+)'\. Provide your answer in numerical form\.",
    "A4": r"Determine the length of '([a-z]+)'\. Provide your answer in words\.",
    "A other words": r"What is the number that comes after ([0-9]+)\?",
    "B1": rf"Identify the character left after removing {REMOVED} from '(.....)'\.",
    "B2": rf"Identify the character left after removing {REMOVED} from '(.....)'\.",
    "B3": rf"{SPEECH} Select your answer with the associated letter\. Choices: {LETTERED}",
    "B4": rf"{SPEECH} Select your answer with the associated number\. Choices: {NUMBERED}",
    "B other words": rf"What letter remains in '(.....)' after extracting {REMOVED}\?",
}
QUESTIONS |= {"A dataset 1": QUESTIONS["A1"], "B dataset 1": QUESTIONS["B1"]}
ENDINGS = {
    "noun": ("ness", "ation"),
    "verb": ("ate", "ize", "ify"),
    "adjective": ("ful", "less", "ous"),
    "adverb": ("ly",),
}


def asked(question: str, prompt: str) -> tuple[str, ...]:
    """What varies in a prompt, which must be worded exactly so."""
    match = re.fullmatch(QUESTIONS[question], prompt)
    assert match, f"{question} is not asked so: {prompt}"
    return match.groups()


def numeral(words: str) -> str:
    return "".join(NUMERALS[word] for word in words.split(" "))


def spelt(number: int) -> str:
    names = {digit: word for word, digit in NUMERALS.items()}
    return " ".join(names[digit] for digit in str(number))


def remaining(groups: tuple[str, ...]) -> str:
    """The one character of the string of five that is not among the four removed."""
    (string,) = (group for group in groups if len(group) == 5)
    removed = [group for group in groups if len(group) == 1]
    assert len(removed) == len(set(removed)) == 4
    (left,) = set(string) - set(removed)
    return left


def part_of_speech(word: str) -> str:
    (part,) = (part for part, endings in ENDINGS.items() if word.endswith(endings))
    return part


def answer(question: str, prompt: str) -> str:
    """The right answer to a prompt, worked out anew."""
    groups = asked(question, prompt)
    if question.startswith("B") and question not in ("B3", "B4"):
        return remaining(groups)
    match question:
        case "A1" | "A dataset 1":
            return str(int(numeral(groups[0])) + 1)
        case "A2":
            return spelt(int(numeral(groups[0])) + 1)
        case "A3":
            return str(len(groups[0]))
        case "A4":
            return spelt(len(groups[0]))
        case "A other words":
            return str(int(groups[0]) + 1)
        case "B3":
            return {"noun": "a", "verb": "b"}[part_of_speech(groups[0])]
    return {"adjective": "2", "adverb": "3"}[part_of_speech(groups[0])]


def trained(which: str, **options: int) -> dict[str, tuple[Example, ...]]:
    """The training datasets as A1 to B4."""
    made = datasets(which, **options).values()
    return {f"{which.upper()}{number}": examples for number, examples in enumerate(made, 1)}


def numbers(which_examples: tuple[Example, ...], question: str) -> set[int]:
    return {int(numeral(asked(question, example.prompt)[0])) for example in which_examples}


@pytest.mark.parametrize("which", WHICH)
@pytest.mark.parametrize("seed", [0, 1, 2])
def test_every_answer_is_right_and_every_question_worded_as_in_the_paper(which, seed):
    for question, examples in trained(which, seed=seed).items():
        assert [example.text for example in examples] == [answer(question, example.prompt) for example in examples]
    for wording in WORDINGS:
        for record in held_out(which, seed=seed, wording=wording):
            assert record["text"] == answer(f"{which.upper()} {wording}", record["prompt"])


@pytest.mark.parametrize("which", WHICH)
@pytest.mark.parametrize("count", [256, 64, 7])
def test_as_many_different_examples_as_were_asked_for(which, count):
    prompts = [example.prompt for examples in trained(which, examples=count).values() for example in examples]
    assert len(prompts) == len(set(prompts)) == 4 * count
    for wording in WORDINGS:
        records = held_out(which, examples=count, wording=wording)
        assert len(records) == len({record["prompt"] for record in records}) == count


@pytest.mark.parametrize("which", WHICH)
def test_no_test_question_stands_in_the_training_in_either_wording(which):
    prompts = {example.prompt for examples in trained(which).values() for example in examples}
    for wording in WORDINGS:
        assert not prompts & {record["prompt"] for record in held_out(which, wording=wording)}


def test_numbers_of_the_test_and_of_either_dataset_are_others():
    made = trained("a")
    even, odd = numbers(made["A1"], "A1"), numbers(made["A2"], "A2")
    tested = [int(asked("A other words", record["prompt"])[0]) for record in held_out("a")]
    assert {number % 2 for number in even} == {0}
    assert {number % 2 for number in odd} == {1}
    assert not (even | odd) & set(tested)
    assert len(set(tested)) == 256
    assert max(even | odd | set(tested)) < 9999
    assert Counter(number % 2 for number in tested) == {0: 128, 1: 128}


@pytest.mark.parametrize("which", WHICH)
def test_both_wordings_ask_the_same_questions_of_the_same_subsets(which):
    other, same = (held_out(which, wording=wording) for wording in WORDINGS)
    assert [(record["text"], record["subset"]) for record in other] == [
        (record["text"], record["subset"]) for record in same
    ]
    assert not {record["prompt"] for record in other} & {record["prompt"] for record in same}


def test_words_and_strings_are_others_in_each_dataset():
    made = trained("a") | trained("b")
    for first, second in (("A3", "A4"), ("B3", "B4"), ("B1", "B2")):
        pairs = [{asked(question, example.prompt)[-1] for example in made[question]} for question in (first, second)]
        assert not pairs[0] & pairs[1]
        assert [len(words) for words in pairs] == [256, 256]


@pytest.mark.parametrize(
    ("question", "others", "left"), [("B1", "0-9", "a-z"), ("B2", "0-9", "0-9"), ("B", "a-z", "a-z")]
)
def test_strings_are_five_characters_of_the_datasets_kind(question, others, left):
    if question == "B":
        pairs = [
            (asked("B dataset 1", record["prompt"]), record["text"]) for record in held_out("b", wording="dataset 1")
        ]
    else:
        pairs = [(asked(question, example.prompt), example.text) for example in trained("b")[question]]
    for (*removed, string), text in pairs:
        assert len(set(string)) == 5
        assert re.fullmatch(f"[{others}]{{4}}", "".join(removed))
        assert re.fullmatch(f"[{left}]", text)
    places = Counter(string.index(text) for (*_, string), text in pairs)
    assert sorted(places.values()) == [51, 51, 51, 51, 52]
    in_order = sum([c for c in string if c != text] == removed for (*removed, string), text in pairs)
    assert in_order < 25, "the removed characters stand in an order of their own, 1 in 24 by chance in the string's"


def test_part_of_speech_answers_are_those_of_the_papers_code_in_equal_numbers():
    made = trained("b")
    assert Counter(example.text for example in made["B3"]) == {"a": 128, "b": 128}
    assert Counter(example.text for example in made["B4"]) == {"2": 128, "3": 128}
    assert "".join(example.text for example in made["B3"][:40]) not in ("a" * 40, "b" * 40)


def test_lengths_vary():
    made = trained("a")
    for question in ("A3", "A4"):
        lengths = Counter(len(asked(question, example.prompt)[0]) for example in made[question])
        assert set(lengths) >= set(range(3, 12))
        assert max(lengths.values()) < 80


def test_subsets_are_balanced_and_hold_what_they_say():
    for wording in WORDINGS:
        ranges = Counter(record["subset"] for record in held_out("a", wording=wording))
        assert ranges == dict.fromkeys(["0000 to 2499", "2500 to 4999", "5000 to 7499", "7500 to 9998"], 64)
        places = Counter(record["subset"] for record in held_out("b", wording=wording))
        assert sorted(places) == [f"{place} of five" for place in ("1st", "2nd", "3rd", "4th", "5th")]
        assert sorted(places.values()) == [51, 51, 51, 51, 52]
    for record in held_out("a"):
        low, high = map(int, record["subset"].split(" to "))
        assert low <= int(record["text"]) - 1 <= high
    for record in held_out("b"):
        string = asked("B other words", record["prompt"])[0]
        assert record["subset"][0] == str(string.index(record["text"]) + 1)


@pytest.mark.parametrize("which", WHICH)
@pytest.mark.parametrize("count", [5, 7, 30, 254])
def test_subsets_of_any_number_of_examples_differ_by_one_at_most(which, count):
    sizes = Counter(record["subset"] for record in held_out(which, count))
    assert len(sizes) == {"a": 4, "b": 5}[which]
    assert max(sizes.values()) - min(sizes.values()) <= 1


@pytest.mark.parametrize("which", WHICH)
def test_names_sort_as_the_paper_numbers_them_and_name_files(which):
    names = list(datasets(which, 4))
    assert names == sorted(names) == list(NAMES[which])
    assert [name[0] for name in names] == ["1", "2", "3", "4"]
    assert all(re.fullmatch(r"[a-z0-9 ]+", name) for name in names)


@pytest.mark.parametrize("which", WHICH)
def test_records_are_those_of_any_other_test_set(which):
    records = held_out(which)
    assert {tuple(record) for record in records} == {("prompt", "text", "subset")}
    subsets = draw_subsets(TestSet(name="synthetic"), records)
    assert sum(len(subset.examples) for subset in subsets) == 256


def test_words_are_plain_and_stand_once():
    for words in (wordlists.WORDS, wordlists.NOUNS, wordlists.VERBS, wordlists.ADJECTIVES, wordlists.ADVERBS):
        assert len(words) == len(set(words))
        assert all(re.fullmatch("[a-z]+", word) for word in words)
    for part in ENDINGS:
        words = getattr(wordlists, f"{part}s".upper())
        assert len(words) >= 128
        assert {part_of_speech(word) for word in words} == {part}


def test_seeds_draw_other_questions():
    for which in WHICH:
        assert all(
            one != other for one, other in zip(*(trained(which, seed=seed).values() for seed in (0, 1)), strict=True)
        )
        assert held_out(which, seed=0) != held_out(which, seed=1)


@pytest.mark.parametrize("which", WHICH)
@pytest.mark.parametrize("count", [0, -1, 257])
@pytest.mark.parametrize("make", [datasets, held_out])
def test_more_examples_than_there_are_is_refused(make, which, count):
    with pytest.raises(InputError, match=f"1 to 256 examples, not {count}"):
        make(which, count)


def test_the_text_is_the_same_bytes_as_ever():
    content = [
        [name, [[example.prompt, example.text] for example in examples]]
        for which in WHICH
        for name, examples in datasets(which).items()
    ]
    content += [
        [dict(record) for record in held_out(which, wording=wording)] for which in WHICH for wording in WORDINGS
    ]
    assert hashlib.sha256(json.dumps(content, ensure_ascii=True).encode()).hexdigest() == SHA256
