"""The likelihood seam: the one place where tokens meet a model. Padding, joining, the shift of labels, the loss."""

import inspect
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, replace
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call

from lodo.tasks.sequences import Sequences
from lodo.tasks.spec import Recipe

# What fills the room behind a row's end. It may be a token too: where a row ends is said by what is scored.
PAD = 0
IGNORED = -100
# Sequences that pass a model together: with more of them the logits of small models leave a CPU's cache.
PASS = 32


@dataclass(frozen=True)
class Examples:
    """N token sequences and which of their tokens the loss counts.

    A row ends with its last scored token; what stands behind it is padding and changes nothing.

    Attributes:
        tokens: (N, L) int64, what a decoder reads and is to predict.
        scored: (N, L) bool; token t is predicted from the tokens before it, so column 0 is never scored.
        inputs: (N, M) int64, what the encoder of an encoder-decoder reads; None for a decoder alone.
        read: (N, M) bool, which of ``inputs`` are no padding.
    """

    tokens: Tensor
    scored: Tensor
    inputs: Tensor | None = None
    read: Tensor | None = None

    def __len__(self) -> int:
        return len(self.tokens)

    def __getitem__(self, index: Tensor | slice) -> "Examples":
        return self._each(lambda part: part[index])

    def _each(self, change: Callable[[Tensor], Tensor]) -> "Examples":
        return Examples(*map(change, self.parts))

    @property
    def named(self) -> dict[str, Tensor]:
        """The tensors that there are, by field: two, or with an encoder's four."""
        return {name: part for name, part in vars(self).items() if part is not None}

    @property
    def parts(self) -> tuple[Tensor, ...]:
        """The tensors that there are, in the order of the fields."""
        return tuple(self.named.values())

    @property
    def count(self) -> int:
        """How many tokens the loss counts."""
        return int(self.scored.sum())

    @property
    def lengths(self) -> Tensor:
        """(N,) tokens of each row up to its last scored one, 1 where none is scored; without the encoder's."""
        places = torch.arange(1, self.tokens.shape[1] + 1, device=self.tokens.device)
        return (places * self.scored).amax(1).clamp(min=1)

    @property
    def written(self) -> Tensor:
        """(N, L) bool: which tokens are no padding."""
        return torch.arange(self.tokens.shape[1], device=self.tokens.device) < self.lengths[:, None]

    @property
    def amounts(self) -> Tensor:
        """(N,) tokens that each row has the model read, the encoder's among them, without padding."""
        return self.lengths if self.read is None else self.lengths + self.read.sum(1)

    @property
    def size(self) -> int:
        """How many tokens pass a model with these examples, padding and the encoder's among them."""
        return self.tokens.numel() + (0 if self.inputs is None else self.inputs.numel())

    def to(self, device: str | torch.device) -> "Examples":
        # The way to a graphics card is not waited for, nor what the card still computes.
        early = torch.device(device).type == "cuda"
        return self._each(lambda part: part.to(device, non_blocking=early))

    def trimmed(self) -> "Examples":
        """Without the columns that are padding in every row."""
        length = int(self.lengths.max())
        tokens, scored = self.tokens[:, :length], self.scored[:, :length]
        if self.inputs is None or self.read is None:
            return Examples(tokens, scored)
        width = max(1, int(self.read.any(0).sum()))
        return Examples(tokens, scored, self.inputs[:, :width], self.read[:, :width])

    def batches(self, size: int) -> Iterator["Examples"]:
        """Batches of at most ``size`` examples in order, each cut to its own longest sequence."""
        for start in range(0, len(self), size):
            yield self[slice(start, start + size)].trimmed()

    def rows(self) -> list[list[int]]:
        """Each example's tokens without padding; the encoder's stand before the decoder's."""
        written = [row[:length].tolist() for row, length in zip(self.tokens, self.lengths.tolist(), strict=True)]
        if self.inputs is None or self.read is None:
            return written
        return [row[kept].tolist() + own for row, kept, own in zip(self.inputs, self.read, written, strict=True)]

    @staticmethod
    def whole(tokens: Tensor) -> "Examples":
        """Full sequences, (N, L) whole numbers, with every token but the first scored."""
        scored = torch.ones_like(tokens, dtype=torch.bool)
        scored[:, 0] = False
        return Examples(tokens.long(), scored)

    @staticmethod
    def of(sequences: Sequences, device: str = "cpu") -> "Examples":
        """Stored arrays on a device, copied: what is done to them reaches nobody else."""
        return Examples(
            *(torch.tensor(part, dtype=None if part.dtype == bool else torch.long) for part in sequences.parts)
        ).to(device)

    @staticmethod
    def joined(groups: Sequence["Examples"]) -> "Examples":
        """All examples of some groups in order, padded to equal length."""
        return Examples(*(torch.cat(padded(sides)) for sides in zip(*(group.parts for group in groups), strict=True)))


def padded(parts: Sequence[Tensor]) -> list[Tensor]:
    """Tensors (N_i, L_i) filled up on the right to the length of the longest."""
    longest = max(part.shape[1] for part in parts)
    return [nn.functional.pad(part, (0, longest - part.shape[1]), value=PAD) for part in parts]


@dataclass(frozen=True)
class Predictions:
    """A model's answer to a batch, aligned: the logits at a place are for the label at that place.

    Attributes:
        logits: (N, L, V).
        labels: (N, L) the token that came next, IGNORED where the loss does not count it.
    """

    logits: Tensor
    labels: Tensor

    @property
    def mask(self) -> Tensor:
        """(N, L) bool: the places whose prediction the loss counts."""
        return self.labels != IGNORED

    @property
    def counted(self) -> Tensor:
        """(n, V) the logits at those places, row by row; in single precision at least."""
        return _wide(self.logits[self.mask])


def at_places(values: Tensor, fill: int | float | bool) -> Tensor:
    """What belongs to tokens (N, L), moved to the places from which these are predicted; the last place has none."""
    # The labels move, not the logits: a slice of the logits would be copied.
    return nn.functional.pad(values[:, 1:], (0, 1), value=fill)


def labels_of(examples: Examples) -> Tensor:
    """(N, L) at each place the token that comes next, IGNORED where the loss does not count it."""
    return at_places(examples.tokens.masked_fill(~examples.scored, IGNORED), IGNORED)


def _arguments(examples: Examples) -> tuple[tuple[Tensor, ...], dict[str, Tensor]]:
    """What a model is called with: transformers' first argument is what an encoder or a lone decoder reads."""
    if examples.inputs is None or examples.read is None:
        return (examples.tokens,), {}
    # As what is added to the scores, (N, 1, 1, M): a mask of two axes is looked into, which no transform can batch.
    dtype = torch.get_default_dtype()
    hidden = (~examples.read).to(dtype)[:, None, None] * torch.finfo(dtype).min
    return (examples.inputs,), {"attention_mask": hidden, "decoder_input_ids": examples.tokens}


def transformers_rows(examples: Examples) -> list[dict[str, Tensor]]:
    """Each example as transformers' own training loop reads it; its loss of them is the mean over the scored tokens.

    A decoder's labels stand at their tokens and are moved by the model, an encoder-decoder's are moved here.
    """
    if examples.inputs is None or examples.read is None:
        labels = examples.tokens.masked_fill(~examples.scored, IGNORED)
        columns = {"input_ids": examples.tokens, "labels": labels}
    else:
        columns = {
            "input_ids": examples.inputs,
            "attention_mask": examples.read.long(),
            "decoder_input_ids": examples.tokens,
            "labels": labels_of(examples),
        }
    return [{name: part[row] for name, part in columns.items()} for row in range(len(examples))]


def answer(model: nn.Module, examples: Examples, parameters: Mapping[str, Tensor] | None = None, **options: Any) -> Any:
    """What the model says of a batch, as transformers gives it; ``parameters`` stand in for the model's own."""
    positional, named = _arguments(examples)
    if parameters is None:
        return model(*positional, **named, **options)
    return functional_call(model, dict(parameters), positional, named | options)


def predict(model: nn.Module, examples: Examples, parameters: Mapping[str, Tensor] | None = None) -> Predictions:
    """Aligned logits and labels of a batch, whatever the architecture; see `answer`."""
    return Predictions(answer(model, examples, parameters).logits, labels_of(examples))


def last_states(model: nn.Module, examples: Examples) -> Tensor | None:
    """The states (N, L, D) that the output layer sees at each place; None where the model does not give them."""
    takes = inspect.signature(model.forward).parameters.values()
    if not any(each.name == "output_hidden_states" or each.kind is each.VAR_KEYWORD for each in takes):
        return None
    said = answer(model, examples, output_hidden_states=True)
    states = getattr(said, "decoder_hidden_states", None) or getattr(said, "hidden_states", None)
    return states[-1] if states else None


def tokens_read(arguments: Sequence[Any], named: Mapping[str, Any]) -> int:
    """How many tokens a call of a model passes through it, an encoder's and a decoder's; for hooks on its forward."""
    read = (*arguments[:1], named.get("input_ids"), named.get("decoder_input_ids"))
    return sum(tokens.numel() for tokens in read if tokens is not None)


def sequence_losses(model: nn.Module, predictions: Predictions) -> Tensor:
    """Each sequence's summed loss, (N,) nats."""
    return -log_probs(model, predictions).sum(1)


def log_probs(model: nn.Module, predictions: Predictions) -> Tensor:
    """log p of the label at each place, (N, L) nats, 0 where the loss does not count it.

    For a model with squared loss it is minus the loss, the log-density up to a constant.
    """
    logits, labels = predictions.logits, predictions.labels
    if is_squared(model):
        came = logits.gather(2, labels.clamp(min=0)[..., None])[..., 0]
        return came.masked_fill(labels == IGNORED, 0)
    losses = nn.functional.cross_entropy(
        _wide(logits).flatten(0, 1), labels.flatten(), ignore_index=IGNORED, reduction="none"
    )
    return -losses.view(labels.shape)


def summed_loss(model: nn.Module, predictions: Predictions) -> Tensor:
    """The loss of `token_losses` from what the model predicted."""
    logits, labels = predictions.logits.flatten(0, 1), predictions.labels.flatten()
    if is_squared(model):
        kept = labels != IGNORED
        return -logits[kept].gather(1, labels[kept, None]).sum()
    return nn.functional.cross_entropy(_wide(logits), labels, ignore_index=IGNORED, reduction="sum")


def token_losses(model: nn.Module, examples: Examples, parameters: Mapping[str, Tensor] | None = None) -> Tensor:
    """Summed negative log-likelihood of the scored tokens, a scalar in nats.

    Divided by ``examples.count`` it is the project's L: the mean over scored tokens of a set of examples, in nats per
    token. For one example it equals transformers' own loss with the other labels masked. A convex model with squared
    loss counts half a squared error for each token instead.
    """
    return summed_loss(model, predict(model, examples, parameters))


def relabelled(predictions: Predictions, labels: Tensor) -> Predictions:
    """The same logits with other labels (N, L), each for its place; what is not counted stays so."""
    return replace(predictions, labels=labels.masked_fill(~predictions.mask, IGNORED))


def is_squared(model: nn.Module) -> bool:
    """Whether a model's loss is half a squared error instead of the negative log-likelihood."""
    return bool(getattr(model, "squared", False))


def _wide(logits: Tensor) -> Tensor:
    return logits.float() if logits.dtype == torch.bfloat16 else logits


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
