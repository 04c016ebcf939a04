"""Text as sequences of tokens: packed documents, or a sequence for each prompt and answer, with what is scored."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from lodo.tasks.errors import InputError
from lodo.tasks.seeds import derive_seed
from lodo.tasks.source import Example
from lodo.tasks.vocabulary import Vocabulary

PAD = 0


@dataclass(frozen=True)
class Sequences:
    """`lodo.tasks.likelihood.Examples` as they are stored: numpy arrays, tokens int32.

    Attributes:
        tokens, scored: (N, L).
        inputs, read: (N, M) for an encoder, or None.
    """

    tokens: np.ndarray
    scored: np.ndarray
    inputs: np.ndarray | None = None
    read: np.ndarray | None = None

    def __len__(self) -> int:
        return len(self.tokens)

    def __getitem__(self, index: np.ndarray | slice) -> "Sequences":
        return Sequences(*(part[index] for part in self.parts))

    @property
    def parts(self) -> tuple[np.ndarray, ...]:
        """The arrays that there are, in the order of the fields: two, or with an encoder's four."""
        return tuple(part for part in (self.tokens, self.scored, self.inputs, self.read) if part is not None)

    @property
    def size(self) -> int:
        """All tokens, padding and the encoder's among them."""
        return self.tokens.size + (0 if self.inputs is None else self.inputs.size)

    @staticmethod
    def whole(tokens: np.ndarray) -> "Sequences":
        """Full sequences with every token but the first scored."""
        scored = np.ones(tokens.shape, dtype=bool)
        scored[:, 0] = False
        return Sequences(tokens, scored)

    @property
    def is_whole(self) -> bool:
        """Whether the tokens say all: every one but the first is scored."""
        return self.inputs is None and bool(self.scored[:, 1:].all())

    @staticmethod
    def joined(groups: "Sequence[Sequences]") -> "Sequences":
        """All sequences of some groups in order, padded to equal length."""
        return Sequences(*(np.concatenate(_padded(parts)) for parts in zip(*(g.parts for g in groups), strict=True)))


def _padded(parts: Sequence[np.ndarray]) -> list[np.ndarray]:
    longest = max(part.shape[1] for part in parts)
    return [np.pad(part, ((0, 0), (0, longest - part.shape[1]))) for part in parts]


@dataclass(frozen=True)
class Shape:
    """What a model takes.

    Attributes:
        positions: the most tokens of a sequence, and of an encoder's input.
        encoder_decoder: an encoder reads the prompt; else it stands before the answer.
        closed: an answer ends with the vocabulary's end, which is scored too.
    """

    positions: int
    encoder_decoder: bool = False
    closed: bool = False


def pack(documents: Sequence[str], vocabulary: Vocabulary, length: int, name: str) -> np.ndarray:
    """Documents shuffled by the dataset's name, each begun, joined and cut: (P, length) int32.

    The remainder is dropped, as in the paper's code.

    Raises:
        InputError: there is no full sequence.
    """
    order = np.random.default_rng(derive_seed("documents", name)).permutation(len(documents))
    encoded = vocabulary.encode([documents[index] for index in order])
    joined = np.fromiter((token for ids in encoded for token in (vocabulary.begin, *ids)), dtype=np.int32)
    count = len(joined) // length
    if count == 0:
        raise InputError(
            f"corpus '{name}' has {len(joined)} tokens, fewer than one sequence of {length}: give it more text"
        )
    return joined[: count * length].reshape(count, length)


def encode(examples: Sequence[Example], vocabulary: Vocabulary, shape: Shape) -> tuple[Sequences, int]:
    """A sequence for each example, padded with PAD, and how many of them had to be cut.

    Prompt and answer are tokenised apart, a space between them, and only the answer's tokens are scored. What exceeds
    the positions is cut from the prompt's beginning, then from the answer's end.
    """
    answers = vocabulary.encode([_answer(example, shape) for example in examples])
    prompts = vocabulary.encode([example.prompt for example in examples])
    room = shape.positions - 1 - shape.closed
    cut, rows, inputs = 0, [], []
    for prompt, text in zip(prompts, answers, strict=True):
        kept = [*text[:room], *([vocabulary.end] if shape.closed else [])]
        left = shape.positions - 1 - (0 if shape.encoder_decoder else len(kept))
        short = prompt[max(0, len(prompt) - left) :]
        cut += len(short) < len(prompt) or len(text) > room
        if shape.encoder_decoder:
            inputs.append([*short, vocabulary.end])
            short = []
        rows.append(([vocabulary.begin, *short, *kept], len(kept)))
    tokens, read = _filled([row for row, _ in rows])
    scored = read.copy()
    for row, (ids, answered) in zip(scored, rows, strict=True):
        row[: len(ids) - answered] = False
    return Sequences(tokens, scored, *(_filled(inputs) if shape.encoder_decoder else ())), cut


def _answer(example: Example, shape: Shape) -> str:
    if shape.encoder_decoder:
        return example.text.strip()
    apart = not example.prompt or example.prompt[-1].isspace() or example.text[:1].isspace()
    return example.text if apart else f" {example.text}"


def _filled(rows: Sequence[Sequence[int]]) -> tuple[np.ndarray, np.ndarray]:
    """Rows of different lengths as (N, L) int32 padded with PAD, and (N, L) bool where they are."""
    lengths = np.array([len(row) for row in rows])
    there = np.arange(lengths.max()) < lengths[:, None]
    tokens = np.full(there.shape, PAD, dtype=np.int32)
    tokens[there] = np.concatenate([np.asarray(row, dtype=np.int32) for row in rows])
    return tokens, there
