"""The gradient pass: K + S accumulated gradients of a checkpoint, kept as their K x S dot products and norms."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from lodo.tasks.model import Examples, autocast, token_losses
from lodo.tasks.trained import Checkpoint, TrainedModel

if TYPE_CHECKING:
    import numpy as np

Accumulate = Callable[[nn.Module, Examples], Tensor]


@dataclass(frozen=True)
class GradientProducts:
    """Inner products of loss gradients at one checkpoint; L is the token mean of a set, nats per token.

    Attributes:
        dot: (K, S) products <grad L(Z_k), grad L(Z'_s)>, float64.
        dataset_norms: (K,) norms of grad L(Z_k).
        subset_norms: (S,) norms of grad L(Z'_s).
    """

    dot: "np.ndarray"
    dataset_norms: "np.ndarray"
    subset_norms: "np.ndarray"


def gradient(model: nn.Module, examples: Examples, batch_size: int = 64) -> Tensor:
    """The flat gradient of L(examples) with respect to all trainable parameters, shape (P,); one accumulation."""
    parameters = [value for value in model.parameters() if value.requires_grad]
    total: list[Tensor] | None = None
    for batch in examples.batches(batch_size):
        parts = torch.autograd.grad(token_losses(model, batch) / examples.count, parameters)
        if total is None:
            total = list(parts)
        else:
            torch._foreach_add_(total, parts)
    assert total is not None
    return torch.cat([part.flatten() for part in total])


def products(model: nn.Module, trained: TrainedModel, accumulate: Accumulate = gradient) -> dict[str, Tensor]:
    """The gradient pass under ``model``'s weights: exactly K + S accumulations.

    The smaller side's gradients are held, the other side's pass by one at a time, so that memory is
    min(K, S) + 1 times the model's.
    """
    datasets, subsets = list(trained.datasets.values()), list(trained.subsets.values())
    flip = len(subsets) < len(datasets)
    held, streamed = (subsets, datasets) if flip else (datasets, subsets)
    held_gradients = torch.stack([accumulate(model, examples) for examples in held])
    dot = torch.empty(len(held), len(streamed), dtype=torch.float64)
    norms = torch.empty(len(streamed), dtype=torch.float64)
    for index, examples in enumerate(streamed):
        passing = accumulate(model, examples)
        dot[:, index] = (held_gradients @ passing).double()
        norms[index] = torch.linalg.vector_norm(passing.double())
    held_norms = torch.stack([torch.linalg.vector_norm(row.double()) for row in held_gradients])
    if flip:
        return {"dot": dot.T.contiguous(), "dataset_norms": norms, "subset_norms": held_norms}
    return {"dot": dot, "dataset_norms": held_norms, "subset_norms": norms}


def gradient_products(trained: TrainedModel, checkpoint: Checkpoint) -> GradientProducts:
    """The gradient pass of a checkpoint, shared by all first-order methods of the same run."""

    def compute(checkpoint: Checkpoint) -> dict[str, Tensor]:
        model = trained.copy()
        checkpoint.load_into(model)
        with autocast(trained.recipe, str(next(model.parameters()).device)):
            return products(model, trained)

    found = trained.shared(f"gradients-{checkpoint.step}", partial(compute, checkpoint))
    return GradientProducts(*(found[key].numpy() for key in ("dot", "dataset_norms", "subset_norms")))
