"""OPT (Zhang et al. 2022) from random weights: a decoder, norms first, ReLU, learned positions, tied embedding."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal

from lodo.tasks.architecture import Architecture, register_architecture
from lodo.tasks.frozen import Positive, added

if TYPE_CHECKING:
    import torch


@register_architecture("opt")
class Opt(Architecture):
    """An OPT decoder with random weights.

    Attributes:
        rows: the least number of rows of the embedding, for a model as large as a published one on text whose
            tokenizer has fewer entries; no text holds the tokens beyond these.
    """

    kind: Literal["opt"] = "opt"
    width: Positive
    layers: Positive = 1
    heads: Positive = 1
    feedforward: Positive = 1
    attention: Literal["sdpa", "eager"] = "sdpa"
    rows: int = added(0, ge=0)

    def build(self, vocabulary: int, seed: int, precision: str = "float32") -> "torch.nn.Module":
        from transformers import OPTConfig, OPTForCausalLM

        from lodo.tasks.likelihood import PAD
        from lodo.tasks.vocabulary import BOS
        from lodo.tasks.weights import drawn

        config = OPTConfig(
            vocab_size=max(vocabulary, self.rows),
            hidden_size=self.width,
            word_embed_proj_dim=self.width,
            num_hidden_layers=self.layers,
            num_attention_heads=self.heads,
            ffn_dim=self.feedforward,
            max_position_embeddings=self.positions,
            dropout=self.dropout,
            attention_dropout=0.0,
            layerdrop=0.0,
            pad_token_id=PAD,
            bos_token_id=BOS,
            eos_token_id=BOS,
            use_cache=False,
        )
        config._attn_implementation = self.attention
        return drawn(lambda: OPTForCausalLM(config), seed, precision)

    def rough_parameters(self, vocabulary: int) -> int:
        in_layers = self.layers * (4 * self.width**2 + 2 * self.width * self.feedforward)
        return in_layers + max(vocabulary, self.rows) * self.width

    def idle(self, model: "torch.nn.Module") -> Mapping[str, "torch.Tensor"]:
        """The keys' biases: each adds the same to all scores of a query, which the softmax takes off again."""
        from lodo.tasks.layers import whole

        return whole(model, "k_proj.bias")
