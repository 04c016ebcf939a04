"""T5 (Raffel et al. 2020) from random weights: an encoder reads the prompt, a decoder writes the answer."""

from typing import TYPE_CHECKING, ClassVar, Literal

from lodo.tasks.architecture import Architecture, register_architecture
from lodo.tasks.frozen import Positive

if TYPE_CHECKING:
    import torch


@register_architecture("t5")
class T5(Architecture):
    """A T5 with random weights, by default of version 1.1: gated GELU, an output layer of its own.

    Attributes:
        layers: of the encoder, and of the decoder.
        feedforward: width of the feed-forward layers.
        tied: the output layer is the embedding, as in version 1.0.
        activation: ``relu`` is version 1.0's.
    """

    encoder_decoder: ClassVar[bool] = True

    kind: Literal["t5"] = "t5"
    width: Positive
    layers: Positive = 1
    heads: Positive = 1
    feedforward: Positive = 1
    tied: bool = False
    activation: Literal["gated-gelu", "relu"] = "gated-gelu"

    def build(self, vocabulary: int, seed: int, precision: str = "float32") -> "torch.nn.Module":
        from transformers import T5Config, T5ForConditionalGeneration

        from lodo.tasks.likelihood import PAD
        from lodo.tasks.vocabulary import BOS
        from lodo.tasks.weights import drawn

        config = T5Config(
            vocab_size=vocabulary,
            d_model=self.width,
            d_kv=self.width // self.heads,
            d_ff=self.feedforward,
            num_layers=self.layers,
            num_heads=self.heads,
            dropout_rate=self.dropout,
            feed_forward_proj=self.activation,
            tie_word_embeddings=self.tied,  # type: ignore[call-arg]
            pad_token_id=PAD,
            eos_token_id=BOS,
            decoder_start_token_id=BOS,
            use_cache=False,
        )
        return drawn(lambda: T5ForConditionalGeneration(config), seed, precision)

    def rough_parameters(self, vocabulary: int) -> int:
        matrices = 3 if self.activation == "gated-gelu" else 2
        per_pair = 12 * self.width**2 + 2 * matrices * self.width * self.feedforward
        return self.layers * per_pair + vocabulary * self.width * (1 if self.tied else 2)
