"""Looks for test text inside training corpora by word n-grams."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from lodo.tasks.subsets import Subset

WORDS = re.compile(r"\w+")
SHORTEST = 5


@dataclass(frozen=True)
class Overlap:
    """A run of words that a test example and a document of a training corpus share."""

    dataset: str
    document: int
    subset: str
    words: str
    test_text: str


def _grams(words: Sequence[str], n: int) -> Iterator[tuple[str, ...]]:
    for start in range(len(words) - n + 1):
        yield tuple(words[start : start + n])


def find_overlaps(corpora: Mapping[str, Sequence[str]], subsets: Sequence[Subset], n: int = 8) -> tuple[Overlap, ...]:
    """The first shared n-gram of each (document, test example); examples of 5 to n-1 words count as a whole.

    With a prompt, the words must reach into the scored text.
    """
    wanted: dict[int, dict[tuple[str, ...], tuple[str, str]]] = {}
    for subset in subsets:
        for example in subset.examples:
            prompt = WORDS.findall(example.prompt.lower())
            words = prompt + WORDS.findall(example.text.lower())
            length = min(n, len(words))
            if length < SHORTEST or len(words) == len(prompt):
                continue
            first = max(0, len(prompt) - length + 1)
            for gram in _grams(words[first:], length):
                wanted.setdefault(length, {}).setdefault(gram, (subset.name, f"{example.prompt}{example.text}"))
    overlaps: dict[tuple[str, int, str], Overlap] = {}
    for name, documents in corpora.items():
        for number, document in enumerate(documents):
            words = WORDS.findall(document.lower())
            for length, grams in wanted.items():
                for gram in _grams(words, length):
                    if gram in grams:
                        subset_name, text = grams[gram]
                        overlap = Overlap(name, number, subset_name, " ".join(gram), text)
                        overlaps.setdefault((name, number, text), overlap)
    return tuple(overlaps.values())


def describe(overlaps: Sequence[Overlap], limit: int = 5) -> list[str]:
    """Warnings for people, the first ``limit`` of them with their lines."""
    if not overlaps:
        return []
    lines = [
        f"corpus '{item.dataset}', document {item.document + 1} holds test text of '{item.subset}': "
        f"“…{item.words}…” of “{item.test_text}”"
        for item in overlaps[:limit]
    ]
    rest = len(overlaps) - limit
    return [*lines, f"… and {rest} more places where training corpora hold test text"] if rest > 0 else lines
