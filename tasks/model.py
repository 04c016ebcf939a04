"""The language model and its loss: an OPT with random weights, negative log-likelihood per scored token."""

from collections.abc import Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from transformers import OPTConfig, OPTForCausalLM

from lodo.tasks.convex import ConvexModel
from lodo.tasks.seeds import derive_seed
from lodo.tasks.spec import ModelSpec, Recipe

PAD, BOS = 0, 1
IGNORED = -100
# Sequences that pass a model together: with more of them the logits of small models leave a CPU's cache.
PASS = 32


@dataclass(frozen=True)
class Examples:
    """N token sequences and which of their tokens the loss counts.

    Attributes:
        tokens: (N, L) int64, padded on the right with PAD.
        scored: (N, L) bool; token t is predicted from the tokens before it, so column 0 is never scored.
    """

    tokens: Tensor
    scored: Tensor

    def __len__(self) -> int:
        return len(self.tokens)

    def __getitem__(self, index: Tensor | slice) -> "Examples":
        return Examples(self.tokens[index], self.scored[index])

    @property
    def count(self) -> int:
        """How many tokens the loss counts."""
        return int(self.scored.sum())

    def to(self, device: str | torch.device) -> "Examples":
        return Examples(self.tokens.to(device), self.scored.to(device))

    def batches(self, size: int) -> Iterator["Examples"]:
        """Batches of at most ``size`` examples in order, each cut to its own longest sequence."""
        for start in range(0, len(self), size):
            batch = self[slice(start, start + size)]
            length = int((batch.tokens != PAD).any(0).nonzero().max()) + 1
            yield Examples(batch.tokens[:, :length], batch.scored[:, :length])

    @staticmethod
    def whole(tokens: Tensor) -> "Examples":
        """Full sequences (N, L) with every token but the first scored."""
        scored = torch.ones_like(tokens, dtype=torch.bool)
        scored[:, 0] = False
        return Examples(tokens, scored)


def build_model(spec: ModelSpec, vocabulary: int, seed: int, dtype: torch.dtype = torch.float32) -> nn.Module:
    """An OPT (or a convex model) with the initial weights of a seed; equal arguments give equal weights."""
    if spec.kind != "opt":
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(derive_seed("initial weights", seed))
            return ConvexModel(spec.kind, vocabulary, spec.width).to(dtype)
    config = OPTConfig(
        vocab_size=vocabulary,
        hidden_size=spec.width,
        word_embed_proj_dim=spec.width,
        num_hidden_layers=spec.layers,
        num_attention_heads=spec.heads,
        ffn_dim=spec.feedforward,
        max_position_embeddings=spec.positions,
        dropout=spec.dropout,
        attention_dropout=0.0,
        layerdrop=0.0,
        pad_token_id=PAD,
        bos_token_id=BOS,
        eos_token_id=BOS,
        use_cache=False,
    )
    config._attn_implementation = spec.attention
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(derive_seed("initial weights", seed))
        model: nn.Module = OPTForCausalLM(config)
    return model.to(dtype)


def token_losses(model: nn.Module, examples: Examples) -> Tensor:
    """Summed negative log-likelihood of the scored tokens, a scalar in nats.

    Divided by ``examples.count`` it is the project's L: the mean over scored tokens of a set of examples, in nats per
    token. For one example it equals transformers' own loss with the other labels masked. A convex model with squared
    loss counts half a squared error for each token instead.
    """
    return summed_loss(model, model(input_ids=examples.tokens).logits, examples)


def summed_loss(model: nn.Module, logits: Tensor, examples: Examples) -> Tensor:
    """The loss of `token_losses` from the logits (N, L, V) that the model gave."""
    logits = logits.flatten(0, 1)
    # The labels move, not the logits: a slice of the logits would be copied.
    labels = nn.functional.pad(examples.tokens.masked_fill(~examples.scored, IGNORED)[:, 1:], (0, 1), value=IGNORED)
    if is_squared(model):
        kept = labels.flatten() != IGNORED
        return -logits[kept].gather(1, labels.flatten()[kept, None]).sum()
    if logits.dtype == torch.bfloat16:
        logits = logits.float()
    return nn.functional.cross_entropy(logits, labels.flatten(), ignore_index=IGNORED, reduction="sum")


def is_squared(model: nn.Module) -> bool:
    """Whether a model's loss is half a squared error instead of the negative log-likelihood."""
    return isinstance(model, ConvexModel) and model.squared


def autocast(recipe: Recipe, device: str) -> AbstractContextManager[object]:
    """The context in which a recipe's forward passes run: bfloat16 autocast, or nothing."""
    if recipe.precision == "bfloat16":
        return torch.autocast(torch.device(device).type, dtype=torch.bfloat16)
    return nullcontext()


def mean_loss(model: nn.Module, examples: Examples, batch_size: int = PASS) -> float:
    """L of a set of examples, nats per scored token, without gradients; independent of the batch size."""
    with torch.no_grad():
        total = sum(float(token_losses(model, batch)) for batch in examples.batches(batch_size))
    return total / examples.count
