"""Second derivatives of a batch's loss: the gradient and its tangents in R directions of weights and of examples."""

import math
from typing import Protocol

import torch
from torch import Tensor, nn
from torch.nn.attention import SDPBackend, sdpa_kernel

from lodo.tasks.likelihood import Examples, predict, sequence_losses


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
        parameters = dict(model.named_parameters())
        return torch.cat([parameters[name].detach().flatten() for name in self.shapes])


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


class AutogradProducts:
    """`Products` of any model by automatic differentiation: the gradient's own gradients, on one graph.

    Reverse over reverse: for R directions it costs a pass with its gradient and R gradients of that, half of what
    forward over reverse takes where the directions are batched, and no less exact.
    """

    def __init__(self, model: nn.Module, layout: Layout) -> None:
        self.model, self.layout = model, layout

    def __call__(self, theta: Tensor, examples: Examples, dtheta: Tensor, dw: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        theta = theta.detach().requires_grad_()
        weights = torch.ones(len(examples), dtype=theta.dtype, device=theta.device, requires_grad=True)
        # Only the plain kernel of attention has second derivatives. One draw of dropout serves all directions.
        with torch.enable_grad(), sdpa_kernel(SDPBackend.MATH):
            predictions = predict(self.model, examples, self.layout.views(theta))
            losses = sequence_losses(self.model, predictions) / examples.count
            (g,) = torch.autograd.grad(weights @ losses, theta, create_graph=len(dtheta) > 0)
            tangents = [
                torch.autograd.grad((g, losses), (theta, weights), (row, example), retain_graph=True)
                for row, example in zip(dtheta, dw, strict=True)
            ]
        if not tangents:
            return g, dtheta, dw
        dg, d_losses = (torch.stack(rows) for rows in zip(*tangents, strict=True))
        return g.detach(), dg, d_losses


def owned(owners: Tensor, count: int) -> Tensor:
    """One-hot (count, B): row k weighs dataset k's sequences."""
    return nn.functional.one_hot(owners, count).T
