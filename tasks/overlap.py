"""Looks for test text inside training corpora, and for corpora that are alike, by word n-grams."""

import itertools
import re
import zlib
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from lodo.tasks.subsets import Subset

WORDS = re.compile(r"\w+")
SHORTEST = 5
ALIKE = 0.8  # share of n-grams from which two corpora are nearly equal
COMPARED = 200_000  # about how many n-grams of the largest corpus are compared


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


def alike(corpora: Mapping[str, Sequence[str]], n: int = 8) -> tuple[tuple[str, str, float], ...]:
    """Pairs of corpora that share most of their n-grams, and the share: of those of both, how many either has.

    Documents of fewer words count as a whole. Of large corpora a part of the n-grams is compared, the same of all.
    """
    words = {name: [WORDS.findall(document.lower()) for document in documents] for name, documents in corpora.items()}
    longest = max((sum(map(len, documents)) for documents in words.values()), default=0)
    every = max(1, longest // COMPARED)
    grams = {
        name: {
            code
            for document in documents
            for gram in _grams(document, min(n, len(document)))
            if gram and not (code := zlib.crc32(" ".join(gram).encode())) % every
        }
        for name, documents in words.items()
    }
    pairs = []
    for one, other in itertools.combinations(grams, 2):
        either = len(grams[one] | grams[other])
        share = len(grams[one] & grams[other]) / either if either else 0.0
        if share >= ALIKE:
            pairs.append((one, other, share))
    return tuple(pairs)


def describe_alike(pairs: Sequence[tuple[str, str, float]]) -> list[str]:
    """Warnings for people."""
    return [
        f"corpora '{one}' and '{other}' hold {'equal' if share == 1 else 'nearly equal'} text (they share {share:.0%} "
        f"of their word sequences): leaving one out leaves its text in; remove one, or put them into one file"
        for one, other, share in pairs
    ]
