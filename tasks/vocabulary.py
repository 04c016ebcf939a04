"""How text becomes a model's tokens: a byte-level BPE trained on a mixture, or a pretrained model's own tokenizer."""

import json
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tokenizers import Tokenizer, decoders, models, pre_tokenizers, trainers

SPECIAL = ("<pad>", "<s>", "<unk>")
BOS = 1


@dataclass(frozen=True)
class Vocabulary:
    """A tokenizer and the tokens that stand around text.

    Attributes:
        size: tokens are below it.
        begin: stands before a document or an answer and is never predicted.
        end: closes an answer, and a prompt that an encoder reads.
    """

    tokenizer: Tokenizer
    size: int
    begin: int
    end: int

    def encode(self, texts: Sequence[str]) -> list[list[int]]:
        """The tokens of each text, without any around it."""
        return [item.ids for item in self.tokenizer.encode_batch_fast(list(texts), add_special_tokens=False)]

    def save(self, folder: Path) -> None:
        """Write ``tokenizer.json`` and ``vocabulary.json`` into a folder."""
        self.tokenizer.save(str(folder / "tokenizer.json"))
        (folder / "vocabulary.json").write_text(
            json.dumps({"size": self.size, "begin": self.begin, "end": self.end}, indent=1)
        )


def trained_vocabulary(texts: Sequence[str], size: int) -> Vocabulary:
    """A byte-level BPE tokenizer of at most ``size`` entries, special tokens first."""
    tokenizer = Tokenizer(models.BPE())
    tokenizer.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer.decoder = decoders.ByteLevel()
    trainer = trainers.BpeTrainer(
        vocab_size=size,
        special_tokens=list(SPECIAL),
        initial_alphabet=sorted(pre_tokenizers.ByteLevel.alphabet()),
        show_progress=False,
    )
    tokenizer.train_from_iterator(texts, trainer)
    return Vocabulary(tokenizer, tokenizer.get_vocab_size(), BOS, BOS)
