"""Where text comes from: the interface that every source of corpora and test records has."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from lodo.tasks.spec import TestFile, TextKind

Record = Mapping[str, Any]


@dataclass(frozen=True)
class Example:
    """A prompt and its answer: the loss counts ``text`` only; ``prompt`` stands before it, tokenised apart."""

    prompt: str
    text: str


class Source(Protocol):
    """Named corpora and named test files, of which it says by which rule each is read."""

    @property
    def kind(self) -> str:
        """Who reads it, such as ``generated`` or ``folder``; shown to readers and stored with a task."""

    @property
    def text(self) -> TextKind:
        """What the text is; a family's settings are by this and the scale."""

    def fingerprint(self) -> str:
        """SHA-256 of all that determines the text, cheap enough to ask at every start."""

    def corpora(self) -> dict[str, Sequence[str]]:
        """Documents of every corpus by corpus name, names sorted. Raises InputError on a bad corpus."""

    def pairs(self) -> dict[str, Sequence[Example]]:
        """Prompts and answers of every corpus, for families that fine-tune, names as in ``corpora``.

        Raises InputError where a corpus has no prompts.
        """

    def tests(self) -> dict[str, Sequence[Record]]:
        """Records of every test file by its name, names sorted. Raises InputError on a bad test file."""

    def test_files(self) -> dict[str, TestFile]:
        """By which rule each test file is read, names as in ``tests``; its records have what the rule needs."""
