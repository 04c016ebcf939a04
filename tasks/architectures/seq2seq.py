"""Any pretrained encoder-decoder that transformers reads as AutoModelForSeq2SeqLM: folder or hub id."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, ClassVar, Literal

from lodo.tasks.architecture import Architecture, TokenizerSpec, register_architecture
from lodo.tasks.frozen import whereabouts

if TYPE_CHECKING:
    import torch

    from lodo.tasks.vocabulary import Vocabulary


@register_architecture("seq2seq")
class Seq2Seq(Architecture):
    """A pretrained encoder-decoder; a training goes on from its weights, whatever the seed.

    Attributes:
        model: a folder in transformers' layout, ``org/name[@revision]`` (GGUF files hold decoders).
        fingerprint: SHA-256 of the model's files, put in by `resolved`.
        parameters: how many weights it has, put in by `resolved`.
    """

    encoder_decoder: ClassVar[bool] = True

    kind: Literal["seq2seq"] = "seq2seq"
    model: str = whereabouts()
    fingerprint: str = ""
    parameters: int = 0

    def resolved(self) -> "Seq2Seq":
        from lodo.tasks.suitable import suitable

        fingerprint, parameters = suitable(self.model, self.encoder_decoder, self.positions)
        return self.model_copy(update={"fingerprint": fingerprint, "parameters": parameters})

    def build(self, vocabulary: int, seed: int, precision: str = "float32") -> "torch.nn.Module":
        from transformers import AutoModelForSeq2SeqLM

        from lodo.tasks.pretrained import load
        from lodo.tasks.suitable import unchanged

        return load(unchanged(self.model, self.fingerprint), AutoModelForSeq2SeqLM, precision, self.dropout)

    def rough_parameters(self, vocabulary: int) -> int:
        return self.parameters

    def vocabulary(self, texts: Sequence[str], spec: TokenizerSpec) -> "Vocabulary":
        from lodo.tasks.errors import InputError
        from lodo.tasks.pretrained import own_vocabulary, read_config
        from lodo.tasks.suitable import unchanged

        located = unchanged(self.model, self.fingerprint)
        begin = read_config(self.model, located.folder).get("decoder_start_token_id")
        if begin is None:
            raise InputError(f"model {self.model}: its config.json says no decoder_start_token_id; put it in")
        return own_vocabulary(located, int(begin))

    def idle(self, model: "torch.nn.Module") -> Mapping[str, "torch.Tensor"]:
        """The keys' biases: each adds the same to all scores of a query, which the softmax takes off again."""
        from lodo.tasks.layers import key_biases

        return key_biases(model)
