"""A small T5 that generic questions have primed: a short pretraining of lodo's own, made once on a machine and kept."""

import hashlib
import sys
from collections.abc import Callable, Sequence
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Literal

from lodo.tasks.architecture import Architecture, TokenizerSpec, register_architecture
from lodo.tasks.architectures.t5 import T5
from lodo.tasks.frozen import Positive, canonical_json
from lodo.tasks.spec import Recipe

if TYPE_CHECKING:
    import torch

    from lodo.tasks.vocabulary import Vocabulary

# Questions whose text the tokenizer sees beside both synthetic tasks'.
TOKENISED = 4_000
# What the weights and the tokens are made by: the kept ones are those of these files as they are.
MAKERS = ("architectures.primed", "architectures.t5", "questions", "synthetic", "wordlists", "sequences", "vocabulary")
TRAINERS = ("training", "likelihood", "optimizers", "replay", "starting", "weights", "spec", "seeds")
LIBRARIES = ("torch", "transformers", "tokenizers")


@register_architecture("primed")
class Primed(Architecture):
    """A small T5 that generic questions have primed (`lodo.tasks.questions`); a training goes on from its weights.

    From random weights so small a model learns the synthetic tasks' questions one kind at a time and carries nothing
    from one over to another, so that leaving a kind out says nothing of the others.

    Attributes:
        unprimed: the model before the priming.
        entries: of its tokenizer, made of the questions and of both synthetic tasks' text.
        questions: different ones that the priming draws from.
        recipe: of the priming, which goes through the questions in order, again and again.
        priming: its seed.
    """

    encoder_decoder: ClassVar[bool] = True

    kind: Literal["primed"] = "primed"
    unprimed: T5
    entries: Positive
    questions: Positive
    recipe: Recipe
    priming: int = 0

    def make_ready(self, report: Callable[[float], None] = lambda part: None) -> None:
        from lodo.tasks.kept import made_once

        made_once(self._name(), lambda folder: self._prime(folder, report))

    @property
    def priming_tokens(self) -> int:
        return self.recipe.steps * self.recipe.batch_size * self.recipe.sequence_length

    def build(self, vocabulary: int, seed: int, precision: str = "float32") -> "torch.nn.Module":
        from safetensors.torch import load_file

        from lodo.tasks.kept import made_once
        from lodo.tasks.training import load_parameters
        from lodo.tasks.weights import set_dropout

        folder = made_once(self._name(), lambda folder: self._prime(folder, lambda part: None))
        model = self.unprimed.build(vocabulary, self.priming, precision)
        load_parameters(model, load_file(folder / f"step-{self.recipe.steps}.safetensors"))
        set_dropout(model, self.dropout)
        return model

    def rough_parameters(self, vocabulary: int) -> int:
        return self.unprimed.rough_parameters(vocabulary)

    def vocabulary(self, texts: Sequence[str], spec: TokenizerSpec) -> "Vocabulary":
        """The same for every mixture: its weights' own."""
        from lodo.tasks.questions import questions
        from lodo.tasks.synthetic import datasets
        from lodo.tasks.vocabulary import trained_vocabulary

        asked = [example for which in ("a", "b") for some in datasets(which).values() for example in some]
        asked += questions(min(TOKENISED, self.questions), self.priming)
        return trained_vocabulary([text for each in asked for text in (each.prompt, each.text)], self.entries)

    def _name(self) -> str:
        """SHA-256 of all that makes the weights: these settings, the files that read them, the libraries."""
        versions = {name: version(name) for name in LIBRARIES}
        total = hashlib.sha256(canonical_json([self.model_dump(mode="json"), versions]).encode())
        for name in (*MAKERS, *TRAINERS):
            __import__(f"lodo.tasks.{name}")
            file = sys.modules[f"lodo.tasks.{name}"].__file__
            assert file is not None
            total.update(Path(file).read_bytes())
        return total.hexdigest()

    def _prime(self, folder: Path, report: Callable[[float], None]) -> None:
        """Train on the questions, a row of them a slot, and leave the last weights."""
        import torch

        from lodo.tasks.likelihood import Examples
        from lodo.tasks.questions import questions
        from lodo.tasks.replay import Replay
        from lodo.tasks.sequences import Shape, encode
        from lodo.tasks.spec import Runtime
        from lodo.tasks.training import train

        vocabulary = self.vocabulary((), TokenizerSpec(vocabulary=self.entries))
        sequences, _ = encode(
            questions(self.questions, self.priming),
            vocabulary,
            Shape(self.positions, encoder_decoder=True, closed=True),
        )
        rows = torch.arange(self.recipe.steps * self.recipe.batch_size) % self.questions
        replay = Replay(
            self.unprimed,
            self.recipe,
            vocabulary.size,
            self.priming,
            rows,
            torch.zeros_like(rows),
            Examples.of(sequences),
        )
        train(replay, folder, Runtime(), keep="last", on_step=lambda done, total: report(done / total))
