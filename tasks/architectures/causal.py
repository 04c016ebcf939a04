"""Any pretrained decoder that transformers reads as AutoModelForCausalLM: folder, hub id or GGUF."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Literal

from lodo.tasks.architecture import Architecture, TokenizerSpec, register_architecture
from lodo.tasks.frozen import whereabouts

if TYPE_CHECKING:
    import torch

    from lodo.tasks.vocabulary import Vocabulary


@register_architecture("causal")
class Causal(Architecture):
    """A pretrained decoder; a training goes on from its weights, whatever the seed.

    Attributes:
        model: a folder in transformers' layout, ``org/name[@revision]``, a .gguf file, or ``package:MODULE``.
        fingerprint: SHA-256 of the model's files, put in by `resolved`.
        parameters: how many weights it has, put in by `resolved`.
    """

    kind: Literal["causal"] = "causal"
    model: str = whereabouts()
    fingerprint: str = ""
    parameters: int = 0

    def resolved(self) -> "Causal":
        from lodo.tasks.suitable import suitable

        fingerprint, parameters = suitable(self.model, self.encoder_decoder, self.positions)
        return self.model_copy(update={"fingerprint": fingerprint, "parameters": parameters})

    def build(self, vocabulary: int, seed: int, precision: str = "float32") -> "torch.nn.Module":
        from transformers import AutoModelForCausalLM

        from lodo.tasks.pretrained import load
        from lodo.tasks.suitable import unchanged

        return load(unchanged(self.model, self.fingerprint), AutoModelForCausalLM, precision, self.dropout)

    def rough_parameters(self, vocabulary: int) -> int:
        return self.parameters

    def vocabulary(self, texts: Sequence[str], spec: TokenizerSpec) -> "Vocabulary":
        from lodo.tasks.pretrained import own_vocabulary
        from lodo.tasks.suitable import unchanged

        return own_vocabulary(unchanged(self.model, self.fingerprint))

    def idle(self, model: "torch.nn.Module") -> Mapping[str, "torch.Tensor"]:
        """The keys' biases, where they are told apart: of GPT-2's fused layer the middle third, of OPT's all.

        Where positions are rotated into keys after their bias (Qwen2) it counts, and only what is not rotated is idle.
        """
        from lodo.tasks.layers import key_biases

        return key_biases(model)
