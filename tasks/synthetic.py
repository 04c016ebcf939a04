"""UnTrac's synthetic tasks A and B (Sec. 5.1, Table 1): four training datasets each, and a test set in subsets.

Dataset 1 is task P with answers in format P, 2 is P in format Q, 3 is Q in P, 4 is Q in Q; the test set is P in P, in
other words. Task A: P is the successor of a number, Q the length of a word; answers in digits (P) or in words (Q). Task
B: P is the character that is left of five, Q the part of speech of a word; answers are letters (P) or digits (Q).

Everything is made here, the same bytes on every machine; words are those of `lodo.tasks.wordlists`, not WordNet's.
"""

from random import Random
from string import ascii_lowercase, digits
from typing import Literal

from lodo.tasks.errors import InputError
from lodo.tasks.seeds import derive_seed
from lodo.tasks.source import Example, Record
from lodo.tasks.wordlists import ADJECTIVES, ADVERBS, NOUNS, VERBS, WORDS

Which = Literal["a", "b"]
# "other words" is the paper's test; "dataset 1" asks about the same numbers and strings in the words of dataset 1.
Wording = Literal["other words", "dataset 1"]

NAMES: dict[str, tuple[str, str, str, str]] = {
    "a": ("1 successor in digits", "2 successor in words", "3 length in digits", "4 length in words"),
    "b": ("1 remainder a letter", "2 remainder a digit", "3 part of speech by letter", "4 part of speech by digit"),
}
MOST = 256  # examples of a dataset or test set, the paper's number; the word lists bear no more

DIGITS = ("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine")
SUCCESSOR = "Determine the number that succeeds {}. Provide your answer in {}."
LENGTH = "Determine the length of '{}'. Provide your answer in {}."
REMAINDER = "Identify the character left after removing {} from '{}'."
# On one line, as in the first version of the paper; the public code's files put each choice on a line of its own.
SPEECH = "Identify the part of speech of '{}'. Select your answer with the associated {}. Choices: {}"
CHOICES = ("noun", "verb", "adjective", "adverb")
# The test shows the number in digits, as the paper's table and the public code's files do. Datasets 1 and 2 show it in
# words, digit by digit, and so does the test in dataset 1's words.
NEXT = "What is the number that comes after {}?"
REMAINS = "What letter remains in '{}' after extracting {}?"

NUMBERS = 9999  # questions are about numbers below this one, so that no answer has five digits
RANGES = ((0, 2500), (2500, 5000), (5000, 7500), (7500, NUMBERS))
PLACES = ("1st", "2nd", "3rd", "4th", "5th")


def in_words(number: int) -> str:
    """A number digit by digit: 282 is ``two eight two``."""
    return " ".join(DIGITS[int(digit)] for digit in str(number))


def datasets(which: Which, examples: int = 256, seed: int = 0) -> dict[str, tuple[Example, ...]]:
    """The four training datasets of a task by name, which sort as the paper numbers them.

    Args:
        examples: of each dataset, all different.
        seed: another one draws other numbers, strings and words.

    Raises:
        InputError: more examples than `MOST`.
    """
    _check(examples)
    made = {"a": _successors_and_lengths, "b": _remainders_and_speech}[which](examples, seed)
    return dict(zip(NAMES[which], made, strict=True))


def held_out(which: Which, examples: int = 256, seed: int = 0, wording: Wording = "other words") -> tuple[Record, ...]:
    """The test set of a task: records with ``prompt``, ``text`` and ``subset``, subsets as equal in size as can be.

    Its numbers (A) and strings (B) stand in no training dataset of the same ``examples`` and ``seed``. The subsets of A
    are four ranges of the number, those of B the five places where the remaining letter stands.

    Raises:
        InputError: more examples than `MOST`.
    """
    _check(examples)
    return {"a": _next_numbers, "b": _remaining_letters}[which](examples, seed, wording)


def _check(examples: int) -> None:
    if not 0 < examples <= MOST:
        raise InputError(f"a synthetic task has 1 to {MOST} examples, not {examples}: ask for one of these numbers")


def _random(what: str, seed: int) -> Random:
    return Random(derive_seed("synthetic", what, seed))


def _numbers(examples: int, seed: int) -> tuple[list[int], list[int]]:
    """The numbers in the questions of A1, all even, and of A2, all odd, as in the public code's files."""
    random = _random("numbers", seed)
    return random.sample(range(0, NUMBERS, 2), examples), random.sample(range(1, NUMBERS, 2), examples)


def _successors_and_lengths(examples: int, seed: int) -> tuple[tuple[Example, ...], ...]:
    """Datasets A1 to A4."""
    even, odd = _numbers(examples, seed)
    words = _random("words", seed).sample(WORDS, 2 * examples)
    numerical, worded = "numerical form", "words"
    return (
        tuple(Example(SUCCESSOR.format(in_words(number), numerical), str(number + 1)) for number in even),
        tuple(Example(SUCCESSOR.format(in_words(number), worded), in_words(number + 1)) for number in odd),
        tuple(Example(LENGTH.format(word, numerical), str(len(word))) for word in words[:examples]),
        tuple(Example(LENGTH.format(word, worded), in_words(len(word))) for word in words[examples:]),
    )


def _next_numbers(examples: int, seed: int, wording: Wording) -> tuple[Record, ...]:
    """The test set of A. Half of each range is even: dataset 1 shows successors of even numbers only, 2 of odd ones."""
    random = _random("test numbers", seed)
    trained = {number for numbers in _numbers(examples, seed) for number in numbers}
    records: list[Record] = []
    for index in range(2 * len(RANGES)):
        parity, (low, high) = index // len(RANGES), RANGES[index % len(RANGES)]
        stock = [number for number in range(low, high) if number % 2 == parity and number not in trained]
        for number in random.sample(stock, _share(examples, 2 * len(RANGES), index)):
            in_other_words = NEXT.format(number)
            prompt = (
                in_other_words if wording == "other words" else SUCCESSOR.format(in_words(number), "numerical form")
            )
            records.append({"prompt": prompt, "text": str(number + 1), "subset": f"{low:04} to {high - 1:04}"})
    return tuple(records)


def _share(total: int, parts: int, index: int) -> int:
    """How many of a total fall to one of the parts, which differ by one at most."""
    return total // parts + (index < total % parts)


def _remainders_and_speech(examples: int, seed: int) -> tuple[tuple[Example, ...], ...]:
    """Datasets B1 to B4. B3 holds nouns and verbs only, B4 adjectives and adverbs, as in the public code's files."""
    digits_and_letter = _strings("digits and a letter", digits, ascii_lowercase, examples, seed)
    only_digits = _strings("digits", digits, digits, examples, seed)
    return (
        tuple(
            Example(REMAINDER.format(removed, string), string[place]) for string, removed, place in digits_and_letter
        ),
        tuple(Example(REMAINDER.format(removed, string), string[place]) for string, removed, place in only_digits),
        _speech(NOUNS, VERBS, "letter", "abcd", examples, seed),
        _speech(ADJECTIVES, ADVERBS, "number", "0123", examples, seed),
    )


def _strings(what: str, others: str, remaining: str, examples: int, seed: int) -> list[tuple[str, str, int]]:
    """Different strings of five different characters: (string, the four removed in an order of their own, the place).

    Four characters are drawn from ``others``, the one that remains from ``remaining``; its place is each of the five
    equally often.
    """
    random = _random(what, seed)
    drawn: dict[str, tuple[str, str, int]] = {}
    while len(drawn) < examples:
        place = len(drawn) % len(PLACES)
        left = random.choice(remaining)
        four = random.sample([character for character in others if character != left], 4)
        string = "".join((*four[:place], left, *four[place:]))
        random.shuffle(four)
        drawn.setdefault(string, (string, ", ".join(f"'{character}'" for character in four), place))
    return list(drawn.values())


def _speech(
    first: tuple[str, ...], second: tuple[str, ...], associated: str, labels: str, examples: int, seed: int
) -> tuple[Example, ...]:
    """Half of the words from each of two parts of speech, in random order, with the labels of the four choices."""
    random = _random(f"part of speech by {associated}", seed)
    choices = " ".join(f"{label}. {choice}" for label, choice in zip(labels, CHOICES, strict=True))
    offset = 0 if associated == "letter" else 2
    answers = [(word, labels[offset]) for word in random.sample(first, _share(examples, 2, 0))]
    answers += [(word, labels[offset + 1]) for word in random.sample(second, _share(examples, 2, 1))]
    random.shuffle(answers)
    return tuple(Example(SPEECH.format(word, associated, choices), label) for word, label in answers)


def _remaining_letters(examples: int, seed: int, wording: Wording) -> tuple[Record, ...]:
    """The test set of B: five letters each, where the datasets' strings have four digits or five."""
    records: list[Record] = []
    for string, removed, place in _strings("letters", ascii_lowercase, ascii_lowercase, examples, seed):
        in_other_words = REMAINS.format(string, removed)
        prompt = in_other_words if wording == "other words" else REMAINDER.format(removed, string)
        records.append({"prompt": prompt, "text": string[place], "subset": f"{PLACES[place]} of five"})
    return tuple(records)
