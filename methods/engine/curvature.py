"""The curvature of the training loss: which examples it is taken over, and its products with many vectors at once."""

from collections.abc import Callable, Iterable
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.func import jvp, vjp, vmap
from torch.nn.attention import SDPBackend, sdpa_kernel

from lodo.methods.base import AttributionError
from lodo.methods.engine.gradients import remembered_gradient
from lodo.methods.engine.holding import available_memory
from lodo.methods.engine.secondorder import AutogradProducts, Layout, Products
from lodo.tasks.likelihood import IGNORED, Examples, answer, autocast, is_squared, labels_of, predict
from lodo.tasks.trained import TrainedModel

Side = Literal["datasets", "subsets"]

# Logits' tangents that are held at once; beyond it vectors, then sequences, go in turns.
ELEMENTS = 2**22


def draw(trained: TrainedModel, count: int) -> tuple[Examples, Tensor]:
    """At most ``count`` training examples over which a Hessian is averaged, all of them where there are no more.

    Every dataset gives the same number (all of its own where it has fewer), at least one, and datasets of equal
    length the same positions: names and order decide nothing, and equal datasets give equal text.

    Returns:
        The examples, and for each the round (N,) in which it was drawn, ascending: a dataset gives one a round, so
        that a few rounds are a mini-batch of all datasets.
    """
    datasets = list(trained.datasets.values())
    rounds = max(map(len, datasets))
    while rounds > 1 and sum(min(len(each), rounds) for each in datasets) > count:
        rounds -= 1
    drawn, ranks = [], []
    for each in datasets:
        rows = torch.randperm(len(each), generator=trained.generator("hessian examples"))[:rounds]
        drawn.append(each[rows.to(each.tokens.device)])
        ranks.append(torch.arange(len(rows)))
    order = torch.cat(ranks).argsort(stable=True)
    return Examples.joined(drawn)[order.to(drawn[0].tokens.device)], torch.cat(ranks)[order]


class Curvature:
    """Products of vectors (R, P) with the Hessian, or the Gauss-Newton matrix, of a set's L at theta_0.

    The Gauss-Newton matrix of cross-entropy is J' (diag(p) - p p') J, mean over scored tokens, J the logits' Jacobian
    by the weights and p the predicted probabilities. It is positive semi-definite, and it is the Hessian where the
    logits are linear in the weights. A squared loss is here a linear model's: its Hessian is its Gauss-Newton matrix.

    Attributes:
        size: P, trainable weights; tied ones count once, frozen ones not at all.
    """

    def __init__(self, trained: TrainedModel, gauss_newton: bool) -> None:
        self.model = trained.copy()
        self.layout = Layout(self.model)
        self.theta = self.layout.flat(self.model)
        self.size = len(self.theta)
        self.charge = trained.charge
        self.outputs = gauss_newton and not is_squared(self.model)
        probe = next(iter(trained.datasets.values()))[:1]
        with torch.no_grad():
            self.vocabulary = predict(self.model, probe).logits.shape[-1]
        self.products: Products = AutogradProducts(self.model, self.layout)

    def __call__(self, vectors: Tensor, examples: Examples) -> Tensor:
        """The products, (R, P). What they cost beyond the forward passes that are seen is charged."""
        each = examples.tokens.shape[1] * self.vocabulary
        products = torch.zeros_like(vectors)
        chunk = max(1, ELEMENTS // each)
        for part, into in zip(vectors.split(chunk), products.split(chunk), strict=True):
            for batch in examples.batches(max(1, ELEMENTS // each // len(part))):
                if batch.count:
                    into.add_(self._mean(part, batch), alpha=batch.count / examples.count)
        return products

    def _mean(self, vectors: Tensor, batch: Examples) -> Tensor:
        # In units of a token's forward and backward pass, 3 of its forward pass: a tangent costs each pass twice.
        tokens, count = batch.size, len(vectors)
        if self.outputs:
            # Of the two passes that are counted in full only the forward halves are run: 2 units of 6.
            self.charge(tokens * (4 * count - 4) // 3)
            return self._gauss_newton(vectors, batch) / batch.count
        self.charge(tokens * 2 * count)
        return self.products(self.theta, batch, vectors, vectors.new_zeros(count, len(batch)))[1]

    def _gauss_newton(self, vectors: Tensor, batch: Examples) -> Tensor:
        mask = labels_of(batch) != IGNORED

        def logits(theta: Tensor) -> Tensor:
            given: Tensor = answer(self.model, batch, self.layout.views(theta)).logits
            return given

        def push(vector: Tensor) -> Tensor:
            tangent: Tensor = jvp(logits, (self.theta,), (vector,))[1]
            return tangent

        # Only the plain kernel of attention has forward derivatives.
        with sdpa_kernel(SDPBackend.MATH):
            primal: Any = vjp(logits, self.theta)
            came, pull = primal
            chances = came.softmax(-1).mul_(mask[..., None])
            moved = vmap(push)(vectors)
            moved -= torch.linalg.vecdot(chances.expand_as(moved), moved)[..., None]
            products: Tensor = vmap(pull)(moved.mul_(chances))[0]
        return products


def gradients(trained: TrainedModel, model: nn.Module, groups: Iterable[Examples], normalise: bool) -> Iterable[Tensor]:
    """The gradient of each group's L under ``model``, (P,), one at a time; of unit length if ``normalise``.

    ``model`` has theta_0's weights, ``groups`` are the trained model's datasets or subsets. A gradient that is exactly
    zero stays so.
    """
    first = next(model.parameters())
    accumulate = remembered_gradient(trained, f"theta_0 in {first.dtype}")
    for examples in groups:
        with autocast(trained.recipe, str(first.device)):
            row = accumulate(model, examples)
        if normalise:
            row = row / torch.linalg.vector_norm(row).clamp(min=torch.finfo(row.dtype).tiny)
        yield row


def influence(
    trained: TrainedModel, model: nn.Module, solve: Callable[[Tensor], Tensor], normalise: bool, side: Side = "datasets"
) -> Tensor:
    """<grad L(Z_k), A^-1 grad L(Z'_s)>, (K, S) float64, for a symmetric A whose ``solve`` turns (R, P) into A^-1 of it.

    One side is solved for and held; the other side's gradients pass by one at a time. Solved for the datasets, A^-1 is
    remembered for all test sets of the run.
    """
    datasets = gradients(trained, model, trained.datasets.values(), normalise)
    subsets = gradients(trained, model, trained.subsets.values(), False)
    if side == "datasets":
        solved = trained.remembered("solved datasets", lambda: solve(torch.stack(list(datasets))), "datasets")
        return torch.stack([(solved @ passing).double() for passing in subsets], dim=1)
    solved = solve(torch.stack(list(subsets)))
    return torch.stack([(solved @ passing).double() for passing in datasets])


def require_memory(wanted: int, device: torch.device, what: str, cure: Callable[[int], str]) -> None:
    """Raise AttributionError with the figures if ``wanted`` bytes are not there; ``cure`` is told how many are."""
    there = available_memory(device)
    if wanted > there:
        raise AttributionError(
            f"{what} would take {wanted / 2**30:.3g} GiB of memory where {there / 2**30:.3g} GiB are free on {device}; "
            f"{cure(there)}"
        )
