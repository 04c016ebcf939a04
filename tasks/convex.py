"""Convex language models, whose training has one solution: the next token from fixed random features of the last."""

from functools import partial
from typing import Literal

import numpy as np
import torch
from scipy.optimize import minimize
from scipy.sparse.linalg import LinearOperator, cg
from torch import Tensor, nn
from transformers.modeling_outputs import CausalLMOutput

from lodo.tasks.likelihood import IGNORED, Examples, labels_of

Kind = Literal["logistic", "ridge"]


class ConvexModel(nn.Module):
    """Predicts token v after token u from features phi_u, (V, d), that never change; the weight W starts at zero.

    ``logistic``: logits are W phi_u, W (V, d); the loss is cross-entropy.
    ``ridge``: logits are -|e_v - W phi_u|^2 / 2 for fixed targets e_v, W (d, d); the loss is minus the logit of the
    token that came, half a squared error.
    """

    features: Tensor
    targets: Tensor

    def __init__(self, kind: Kind, vocabulary: int, width: int) -> None:
        super().__init__()
        self.squared = kind == "ridge"
        self.register_buffer("features", torch.randn(vocabulary, width) / width**0.5)
        self.register_buffer("targets", torch.randn(vocabulary, width))
        self.head = nn.Linear(width, width if self.squared else vocabulary, bias=False)
        nn.init.zeros_(self.head.weight)

    def forward(self, tokens: Tensor) -> CausalLMOutput:
        predicted = self.head(self.features[tokens])
        if not self.squared:
            return CausalLMOutput(logits=predicted)
        # |e|^2 - 2 <e, p> + |p|^2 without the (N, L, V, d) differences.
        lengths = self.targets.square().sum(-1) + predicted.square().sum(-1, keepdim=True)
        return CausalLMOutput(logits=predicted @ self.targets.T - lengths / 2)


def solve(model: ConvexModel, examples: Examples, decay: float) -> tuple[float, float]:
    """Put the minimiser of mean loss + decay/2 |W|^2 over all scored tokens of the examples into the model.

    Ridge by its normal equations, logistic by Newton's method on the counts of token pairs, to a gradient of 1e-10.

    Returns:
        The mean loss (nats per token, without the penalty) before and after.

    Raises:
        ArithmeticError: Newton's method did not get there.
    """
    size = len(model.features)
    labels = labels_of(examples)
    pairs = (examples.tokens * size + labels)[labels != IGNORED].cpu()
    counts = torch.bincount(pairs, minlength=size * size).reshape(size, size).double().numpy()
    counts /= counts.sum()
    features = model.features.double().cpu().numpy()
    before, after = (_ridge if model.squared else _logistic)(model, counts, features, decay)
    return before, after


def _ridge(model: ConvexModel, counts: np.ndarray, features: np.ndarray, decay: float) -> tuple[float, float]:
    targets = model.targets.double().cpu().numpy()
    seen, came = counts.sum(1), counts.sum(0)
    gram = features.T @ (seen[:, None] * features)
    cross = targets.T @ counts.T @ features
    weight = np.linalg.solve(gram + decay * np.eye(len(gram)), cross.T).T
    _put(model, weight)
    before = 0.5 * float(came @ (targets**2).sum(1))
    return before, before - float((weight * cross).sum()) + 0.5 * float(((weight @ gram) * weight).sum())


def _logistic(model: ConvexModel, counts: np.ndarray, features: np.ndarray, decay: float) -> tuple[float, float]:
    seen = counts.sum(1)[:, None]
    shape = model.head.weight.shape

    def probabilities(flat: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        logits = features @ flat.reshape(shape).T
        logits -= logits.max(1, keepdims=True)
        exponentials = np.exp(logits)
        total = exponentials.sum(1, keepdims=True)
        return exponentials / total, logits - np.log(total)

    def loss(flat: np.ndarray) -> float:
        return -float((counts * probabilities(flat)[1]).sum())

    def value(flat: np.ndarray) -> tuple[float, np.ndarray]:
        chances, logs = probabilities(flat)
        gradient = (seen * chances - counts).T @ features
        return -float((counts * logs).sum()) + decay / 2 * float(flat @ flat), gradient.ravel() + decay * flat

    def product(flat: np.ndarray, direction: np.ndarray) -> np.ndarray:
        chances = probabilities(flat)[0]
        moved = features @ direction.reshape(shape).T
        moved = chances * (moved - (chances * moved).sum(1, keepdims=True))
        tangent: np.ndarray = ((seen * moved).T @ features).ravel() + decay * direction
        return tangent

    start = np.zeros(shape.numel())
    flat = minimize(value, start, jac=True, hessp=product, method="trust-krylov", options={"gtol": 1e-6}).x
    # A trust region ends where rounding hides the loss's decrease; plain Newton steps still shrink the gradient.
    for _ in range(3):
        hessian = LinearOperator((flat.size, flat.size), matvec=partial(product, flat))
        flat = flat - cg(hessian, value(flat)[1], rtol=1e-10)[0]
    rest = float(np.abs(value(flat)[1]).max())
    if not rest <= 1e-10:
        raise ArithmeticError(f"the largest element of its gradient is still {rest:.1e}")
    _put(model, flat.reshape(shape))
    return loss(start), loss(flat)


def _put(model: ConvexModel, weight: np.ndarray) -> None:
    with torch.no_grad():
        model.head.weight.copy_(torch.from_numpy(weight))
