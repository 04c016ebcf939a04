"""Second derivatives of a batch's loss: the gradient and its tangents in R directions of weights and of examples."""

import math
from collections.abc import Sequence
from typing import Any, Protocol

import torch
from torch import Tensor, nn
from torch.func import functional_call, grad, jvp, vmap
from torch.nn.attention import SDPBackend, sdpa_kernel

from lodo.tasks.model import IGNORED, Examples, is_squared
from lodo.tasks.replay import Replay


class Layout:
    """Where a model's trainable parameters stand in one flat vector (P,); tied ones stand there once."""

    def __init__(self, model: nn.Module) -> None:
        trainable = {name: value for name, value in model.named_parameters() if value.requires_grad}
        self.shapes = {name: value.shape for name, value in trainable.items()}
        self.sizes = [math.prod(shape) for shape in self.shapes.values()]

    def views(self, flat: Tensor) -> dict[str, Tensor]:
        """The parameters by name, as views of (..., P)."""
        parts = flat.split(self.sizes, -1)
        return {
            name: part.view(*flat.shape[:-1], *shape)
            for part, (name, shape) in zip(parts, self.shapes.items(), strict=True)
        }

    def flat(self, model: nn.Module) -> Tensor:
        """A model's trainable parameters, (P,), copied."""
        found = dict(model.named_parameters())
        return torch.cat([found[name].detach().flatten() for name in self.shapes])


class Products(Protocol):
    """The second derivatives of L(theta, w) = sum_i w_i l_i(theta) / count at w = 1, l_i a sequence's summed loss."""

    def __call__(self, theta: Tensor, examples: Examples, dtheta: Tensor, dw: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Forward over reverse, all directions at once.

        Args:
            theta: (P,) weights.
            dtheta: (R, P) directions of the weights.
            dw: (R, B) directions of the sequences' weights.

        Returns:
            The gradient g of L by theta, (P,); its tangents H dtheta + sum_i dw_i grad l_i / count, (R, P); and those
            of each sequence's loss l_i / count along dtheta, (R, B).
        """
        ...


def sequence_losses(model: nn.Module, logits: Tensor, examples: Examples) -> Tensor:
    """Each sequence's part of `token_losses`, (B,)."""
    labels = nn.functional.pad(examples.tokens.masked_fill(~examples.scored, IGNORED)[:, 1:], (0, 1), value=IGNORED)
    if is_squared(model):
        came = logits.gather(2, labels.clamp(min=0)[:, :, None])[:, :, 0]
        return -(came * (labels != IGNORED)).sum(1)
    losses = nn.functional.cross_entropy(logits.flatten(0, 1), labels.flatten(), ignore_index=IGNORED, reduction="none")
    return losses.view(labels.shape).sum(1)


class AutogradProducts:
    """`Products` of any model by automatic differentiation, forward over reverse, batched over the directions."""

    def __init__(self, model: nn.Module, layout: Layout) -> None:
        self.model, self.layout = model, layout

    def __call__(self, theta: Tensor, examples: Examples, dtheta: Tensor, dw: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        def loss(theta: Tensor, weights: Tensor) -> Tensor:
            answer = functional_call(self.model, self.layout.views(theta), kwargs={"input_ids": examples.tokens})
            return weights @ sequence_losses(self.model, answer.logits, examples) / examples.count

        both = grad(loss, (0, 1))
        ones = torch.ones(len(examples), dtype=theta.dtype, device=theta.device)

        def tangent(dtheta: Tensor, dw: Tensor) -> Any:
            return jvp(both, (theta, ones), (dtheta, dw))

        if not len(dtheta):
            with sdpa_kernel(SDPBackend.MATH):
                return both(theta, ones)[0], dtheta, dw
        # Only the plain kernel of attention has second derivatives. One draw of dropout serves all directions.
        with sdpa_kernel(SDPBackend.MATH):
            batched: Any = vmap(tangent, out_dims=((None, None), (0, 0)), randomness="same")  # type: ignore[arg-type]
            (g, _), (dg, d_losses) = batched(dtheta, dw)
        return g, dg, d_losses


def products_of(replay: Replay, model: nn.Module, layout: Layout) -> Products:
    """The fastest `Products` there is for a training's model."""
    from lodo.methods.engine.opttangents import OptProducts

    if replay.spec.kind == "opt" and not replay.spec.dropout:
        return OptProducts(replay.spec, layout)
    return AutogradProducts(model, layout)


def owned(owners: Tensor, count: int) -> Tensor:
    """One-hot (count, B): row k weighs dataset k's sequences."""
    return nn.functional.one_hot(owners, count).T


def idle(names: Sequence[str]) -> list[str]:
    """Parameters on which the loss does not depend at all, so that all derivatives by them are rounding.

    A key's bias adds the same to all scores of a query, which the softmax takes off again. Adam divides its gradient,
    pure rounding, by its own size: differentiating that would give noise of any size.
    """
    return [name for name in names if name.endswith("k_proj.bias")]
