"""Generated text: eight corpora in distinct registers and three test sets whose influences are planted, hence known."""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from functools import lru_cache
from pathlib import Path
from random import Random

from lodo.tasks.errors import InputError
from lodo.tasks.planting import (
    CATEGORIES,
    LADDER,
    SUBSETS,
    WEIGHTS,
    Fact,
    deal,
    facts,
    frames,
    ranks,
    sentence,
    statement,
)
from lodo.tasks.registers import REGISTERS, Register
from lodo.tasks.seeds import derive_seed
from lodo.tasks.source import MADE_BY_LODO, Example, Record
from lodo.tasks.spec import TestFile, TextKind

CORPORA = tuple(REGISTERS)
STATEMENTS = 3  # in a document


@dataclass(frozen=True)
class GeneratedSource:
    """Text made up on the spot, the same bytes each time.

    Attributes:
        documents: documents of the smallest corpus; the others have up to 2.75 times as many.
        seed: other seeds write other text with the same planting.
        planting: other numbers plant other facts, and deal anew which corpus teaches what.
        sentences: test sentences (or question-answer pairs) per subset, at most.
    """

    documents: int = 700
    seed: int = 0
    sentences: int = 32
    planting: int = 0

    @property
    def kind(self) -> str:
        return "generated"

    @property
    def text(self) -> TextKind:
        return "planted"

    @property
    def licence(self) -> str:
        return MADE_BY_LODO

    def fingerprint(self) -> str:
        """SHA-256 of the parameters and of the files that generate."""
        digest = hashlib.sha256(json.dumps(asdict(self), sort_keys=True).encode())
        for name in ("generated.py", "planting.py", "registers.py", "seeds.py"):
            digest.update(hashlib.sha256((Path(__file__).parent / name).read_bytes()).digest())
        return digest.hexdigest()

    def corpora(self) -> dict[str, Sequence[str]]:
        """Documents of every corpus by name, names sorted; characters fall in the order of the paper's sizes."""
        return {name: _corpus(name, self.documents, self.seed, self.planting) for name in sorted(CORPORA)}

    def pairs(self) -> dict[str, Sequence[Example]]:
        """It has none: InputError."""
        raise InputError(
            "generated text has no prompts and answers; give --data a folder whose corpora have the columns prompt and "
            "text, or name tasks that train on documents"
        )

    def tests(self) -> dict[str, Sequence[Record]]:
        """The three test sets with the columns of those they stand for; none of their sentences is in a corpus."""
        records = {"toxigen": self._toxigen, "truthfulqa": self._truthfulqa, "winobias": self._winobias}
        return {name: make() for name, make in records.items()}

    def test_files(self) -> dict[str, TestFile]:
        """Each test set is read by the rule of the one that it stands for."""
        return {name: TestFile(rule=name) for name in ("toxigen", "truthfulqa", "winobias")}

    def planted(self, test: str, weights: Mapping[str, float] | None = None) -> dict[str, dict[str, float]]:
        """What is planted for each subset of a test set, by corpus.

        Without weights: the part of a corpus's statements about the subset that are planted. With weights (each
        corpus's slots in a mixture): the part of the mixture's planted text that is lost when the corpus's slots are
        refilled from the others, negative where the others teach more.
        """
        shares = {
            subset: {
                name: LADDER[rank]
                for name, rank in zip(CORPORA, ranks(test, subset, len(CORPORA), self.planting), strict=True)
            }
            for subset in SUBSETS[test]
        }
        if weights is None:
            return shares
        return {subset: _lost(by_corpus, weights) for subset, by_corpus in shares.items()}

    def _sentences(self, test: str, subset: str) -> list[tuple[Fact, tuple[int, int]]]:
        pairs = [
            (fact, frame)
            for fact in facts(self.planting)
            if (fact.test, fact.subset) == (test, subset)
            for frame in frames(fact, True)
        ]
        Random(derive_seed("generated test", self.seed, test, subset)).shuffle(pairs)
        return pairs[: self.sentences]

    def _toxigen(self) -> list[Record]:
        return [
            {"text": statement("toxigen", fact.subject, fact.words, frame)[1], "group": group}
            for group in SUBSETS["toxigen"]
            for fact, frame in self._sentences("toxigen", group)
        ]

    def _winobias(self) -> list[Record]:
        return [
            {
                "text": statement("winobias", fact.subject, fact.words, frame)[1],
                "type": subset.split("_")[0],
                "gender": subset.split("_")[1],
            }
            for subset in SUBSETS["winobias"]
            for fact, frame in self._sentences("winobias", subset)
        ]

    def _truthfulqa(self) -> list[Record]:
        records: list[Record] = []
        for category in CATEGORIES:
            questions: dict[str, list[str]] = {}
            for fact, frame in self._sentences("truthfulqa", category):
                question, answer = statement("truthfulqa", fact.subject, fact.words, frame)
                questions.setdefault(question, []).append(answer)
            records += [
                {"question": question, "incorrect_answers": answers, "category": category}
                for question, answers in questions.items()
            ]
        return records


def _lost(shares: Mapping[str, float], weights: Mapping[str, float]) -> dict[str, float]:
    """Part of a mixture's planted text that goes when a corpus's slots are refilled from the others by size."""
    slots = sum(weights.values())
    text = sum(share * weights[name] for name, share in shares.items())
    return {
        name: 1 - (1 - share * weights[name] / text) / (1 - weights[name] / slots) for name, share in shares.items()
    }


def _statements(name: str, count: int, random: Random, planting: int) -> list[str]:
    """About ``count`` statements of a corpus, shuffled; as many about a subset whatever part of them is planted."""
    total = sum(WEIGHTS[test] * len(subsets) for test, subsets in SUBSETS.items())
    texts: list[str] = []
    for test, subsets in SUBSETS.items():
        decoys: list[Fact] = []
        for subset in subsets:
            own = [fact for fact in facts(planting) if (fact.test, fact.subset) == (test, subset)]
            share = LADDER[ranks(test, subset, len(CORPORA), planting)[CORPORA.index(name)]]
            # Whole rounds of the facts, so that every fact has the same number of statements.
            rounds = round(count * WEIGHTS[test] / total / len(own))
            planted = round(rounds * share)
            texts += [sentence(fact, None, random) for fact in own for _ in range(planted)]
            decoys += [fact for fact in own for _ in range(rounds - planted)]
        texts += [sentence(fact, words, random) for fact, words in zip(decoys, deal(decoys, random), strict=True)]
    random.shuffle(texts)
    return texts


def _document(register: Register, statements: Sequence[str], random: Random) -> str:
    """A document: statements and a sentence of the register. It begins with a statement, as the tests' sentences do."""
    pieces = [statements[0], register.write(random), *statements[1:]]
    return register.joint.join(pieces)


@lru_cache(maxsize=32)
def _corpus(name: str, documents: int, seed: int, planting: int) -> tuple[str, ...]:
    """The documents of one corpus."""
    random = Random(derive_seed("generated corpus", seed, name))
    register = REGISTERS[name]
    statements = _statements(name, round(documents * register.size * STATEMENTS), random, planting)
    starts = range(0, len(statements), STATEMENTS)
    return tuple(_document(register, statements[start : start + STATEMENTS], random) for start in starts)
