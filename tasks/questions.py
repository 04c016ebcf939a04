"""Generic questions on numbers and characters that synthetic tasks A and B never ask: what a small T5 is primed on."""

from collections.abc import Callable
from random import Random
from string import ascii_lowercase, digits

from lodo.tasks.seeds import derive_seed
from lodo.tasks.source import Example
from lodo.tasks.synthetic import in_words
from lodo.tasks.wordlists import WORDS

FORMS = ("numerical form", "words")
WRITE = (
    "Write {} in {}.",
    "Write the number {}. Provide your answer in {}.",
    "Determine the number {}. Provide your answer in {}.",
)
NUMBER = "What is the number {}?"
AFTER = ("What letter comes after '{}' in '{}'?", "Identify the character that succeeds '{}' in '{}'.")
AT = ("What letter is {} in '{}'?", "Identify the {} character of '{}'.")
PLACES = ("first", "second", "third", "fourth", "last")
REPEAT = "Repeat '{}'."
BOTH = ("What letter is in '{}' and in '{}'?", "Identify the character of both '{}' and '{}'.")
ALPHABETS = (ascii_lowercase, ascii_lowercase, digits, ascii_lowercase + digits)


def questions(count: int, seed: int) -> list[Example]:
    """So many questions, drawn from five kinds: writing numbers (3 in 8), characters of two strings (2), and 1 each."""
    random = Random(derive_seed("generic questions", seed))
    return [random.choice(KINDS)(random) for _ in range(count)]


def _characters(random: Random, count: int) -> list[str]:
    """Different characters of one alphabet: letters, digits or both."""
    return random.sample(random.choice(ALPHABETS), count)


def _write(random: Random) -> Example:
    """A number of one to four digits, in digits or words, to be written in digits or words."""
    number = random.randrange(10 ** random.choice((1, 2, 3, 4, 4)))
    written = (str(number), in_words(number))
    shown, form = random.choice(written), random.randrange(2)
    if form == 0 and random.randrange(2):
        return Example(NUMBER.format(shown), written[0])
    return Example(random.choice(WRITE).format(shown, FORMS[form]), written[form])


def _after(random: Random) -> Example:
    string, place = _characters(random, 5), random.randrange(4)
    return Example(random.choice(AFTER).format(string[place], "".join(string)), string[place + 1])


def _at(random: Random) -> Example:
    string, place = _characters(random, 5), random.randrange(5)
    return Example(random.choice(AT).format(PLACES[place], "".join(string)), string[place])


def _repeat(random: Random) -> Example:
    text = random.choice(("".join(_characters(random, 5)), random.choice(WORDS)))
    return Example(REPEAT.format(text), text)


def _both(random: Random) -> Example:
    """The one character that stands in both of two strings of four."""
    common, *others = _characters(random, 7)
    one, two = [common, *others[:3]], [common, *others[3:]]
    random.shuffle(one)
    random.shuffle(two)
    return Example(random.choice(BOTH).format("".join(one), "".join(two)), common)


KINDS: tuple[Callable[[Random], Example], ...] = (_write, _write, _write, _after, _at, _repeat, _both, _both)
