"""The gradient pass: K + S accumulated gradients of a checkpoint, kept as their K x S dot products and norms."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from lodo.methods.base import AttributionError
from lodo.methods.engine.holding import filled, held
from lodo.methods.engine.moments import Moments
from lodo.methods.extent import PASSING
from lodo.tasks.likelihood import PASS, Examples, autocast, token_losses
from lodo.tasks.trained import Checkpoint, Scope, TrainedModel

if TYPE_CHECKING:
    import numpy as np

Accumulate = Callable[[nn.Module, Examples], Tensor]
# What gradients (n, c), float64, are turned into, given which c of their coordinates these are.
Lens = Callable[[Tensor, slice], Tensor]

# Coordinates that are turned and multiplied at once: what is turned never has to be held whole.
BLOCK = 2**16
# Gradients that pass by at once: each time the held ones are turned anew.
GROUP = PASSING


@dataclass(frozen=True)
class GradientProducts:
    """Inner products of loss gradients at one checkpoint; L is the token mean of a set, nats per token.

    A and B stand for what a `View` makes of the datasets' and of the subsets' gradients; plain ones leave them alone.

    Attributes:
        dot: (K, S) products <A grad L(Z_k), B grad L(Z'_s)>, float64.
        dataset_norms: (K,) norms of A grad L(Z_k).
        subset_norms: (S,) norms of B grad L(Z'_s).
    """

    dot: "np.ndarray"
    dataset_norms: "np.ndarray"
    subset_norms: "np.ndarray"

    @property
    def cosines(self) -> "np.ndarray":
        """(K, S) cosines of the two sides."""
        cosines: np.ndarray = self.dot / self.dataset_norms[:, None] / self.subset_norms[None, :]
        return cosines


def unchanged(gradients: Tensor, where: slice) -> Tensor:
    """The gradients as they are."""
    return gradients


@dataclass(frozen=True)
class View:
    """How the gradients of the two sides are seen before they are multiplied."""

    name: str
    datasets: Lens = unchanged
    subsets: Lens = unchanged

    def key(self, part: str) -> str:
        """Under which name a part of its products is kept."""
        return f"{self.name}/{part}" if self.name else part


PLAIN = View("")
ADAM = "adam"
SCALED = "scaled"


def views_of(moments: Moments | None) -> tuple[View, ...]:
    """All views of a checkpoint: the plain one, and where there are Adam's moments those that need them."""
    if moments is None:
        return (PLAIN,)
    return (PLAIN, View(ADAM, datasets=moments.update), View(SCALED, moments.scaled, moments.scaled))


def gradient(model: nn.Module, examples: Examples, batch_size: int = PASS) -> Tensor:
    """The flat gradient of L(examples) with respect to all trainable parameters, shape (P,); one accumulation."""
    parameters = [value for value in model.parameters() if value.requires_grad]
    total: list[Tensor] | None = None
    count = examples.count
    for batch in examples.batches(batch_size):
        parts = torch.autograd.grad(token_losses(model, batch) / count, parameters)
        if total is None:
            total = list(parts)
        else:
            torch._foreach_add_(total, parts)
    assert total is not None
    return torch.cat([part.flatten() for part in total])


def _blocks(size: int) -> Iterator[slice]:
    for start in range(0, size, BLOCK):
        yield slice(start, start + BLOCK)


def products(
    model: nn.Module, trained: TrainedModel, accumulate: Accumulate = gradient, views: Sequence[View] = (PLAIN,)
) -> dict[str, Tensor]:
    """The gradient pass under ``model``'s weights: exactly K + S accumulations, however many views.

    The smaller side's gradients are held, the other side's pass by a few at a time, so that memory is
    min(K, S) + 4 times the model's, or 4 times where what is held lies in a file (`lodo.methods.engine.holding`).
    Products are summed in double precision.

    Returns:
        By `View.key`: ``dot`` (K, S), ``dataset_norms`` (K,), ``subset_norms`` (S,), float64.
    """
    datasets, subsets = list(trained.datasets.values()), list(trained.subsets.values())
    flip = len(subsets) < len(datasets)
    still, streamed = (subsets, datasets) if flip else (datasets, subsets)
    # One row more and one column more than the products: the squares of each side.
    shape = len(views), len(still) + 1, len(streamed) + 1
    sums = torch.zeros(shape, dtype=torch.float64, device=next(model.parameters()).device)
    with held((accumulate(model, examples) for examples in still), len(still)) as read:
        for start in range(0, len(streamed), GROUP):
            group = streamed[start : start + GROUP]
            passing = filled((accumulate(model, examples) for examples in group), len(group))
            columns = slice(start, start + len(passing))
            for where in _blocks(passing.shape[1]):
                ours, theirs = read(where).double(), passing[:, where].double()
                for view, table in zip(views, sums, strict=True):
                    mine, other = (view.subsets, view.datasets) if flip else (view.datasets, view.subsets)
                    kept, passed = mine(ours, where), other(theirs, where)
                    table[:-1, columns] += kept @ passed.T
                    table[-1, columns] += torch.linalg.vecdot(passed, passed)
                    if start == 0:
                        table[:-1, -1] += torch.linalg.vecdot(kept, kept)
            del passing  # before the next group's first gradient is there
    numbers = {}
    for view, table in zip(views, sums.cpu(), strict=True):
        table = table.T if flip else table
        numbers[view.key("dot")] = table[:-1, :-1].contiguous()
        numbers[view.key("dataset_norms")] = table[:-1, -1].sqrt()
        numbers[view.key("subset_norms")] = table[-1, :-1].sqrt()
    return numbers


def remembered_gradient(trained: TrainedModel, point: object) -> Accumulate:
    """`gradient` of the trained model's datasets and subsets, remembered for all test sets of a run, or all runs.

    ``point`` names the weights at which it is taken, in words.
    """
    owners = {id(examples): ("datasets", name) for name, examples in trained.datasets.items()}
    owners |= {id(examples): ("subsets", name) for name, examples in trained.subsets.items()}

    def accumulate(model: nn.Module, examples: Examples) -> Tensor:
        side, name = owners[id(examples)]
        scope: Scope = "datasets" if side == "datasets" else "subsets"
        return trained.remembered(f"gradient at {point} of {side}/{name}", partial(gradient, model, examples), scope)

    return accumulate


def gradient_products(trained: TrainedModel, checkpoint: Checkpoint, view: str = PLAIN.name) -> GradientProducts:
    """The gradient pass of a checkpoint, shared by all first-order methods of the same run.

    Raises:
        AttributionError: the view needs Adam's moments, which the checkpoint does not hold.
    """

    def compute(checkpoint: Checkpoint) -> dict[str, Tensor]:
        model = trained.copy()
        checkpoint.load_into(model)
        views = views_of(Moments.of(checkpoint, model, trained))
        with autocast(trained.recipe, str(next(model.parameters()).device)):
            return products(model, trained, remembered_gradient(trained, checkpoint.step), views)

    found = trained.shared(f"gradients-{checkpoint.step}", partial(compute, checkpoint))
    chosen = View(view)
    if chosen.key("dot") not in found:
        raise AttributionError(
            f"the training's checkpoint at step {checkpoint.step} holds no second moments of its optimizer "
            f"(recipe.optimizer is '{trained.recipe.optimizer}'), which this method scales gradients by; set "
            "recipe.optimizer to 'adamw', or take gradcos or tracin"
        )
    return GradientProducts(*(found[chosen.key(part)].numpy() for part in ("dot", "dataset_norms", "subset_norms")))
