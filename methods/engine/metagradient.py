"""Metagradients: the derivative of a training's outcome by each dataset's weight, with tangents carried forward."""

import math
from dataclasses import dataclass
from functools import partial
from typing import Protocol

import torch
from torch import Tensor

from lodo.methods.base import AttributionError
from lodo.methods.engine.gradients import gradient
from lodo.methods.engine.secondorder import AutogradProducts, Layout, Products, owned
from lodo.tasks.replay import Replay
from lodo.tasks.spec import Recipe
from lodo.tasks.trained import TrainedModel

CLIP_EPSILON, ADAM_EPSILON = 1e-6, 1e-8  # torch's, in clip_grad_norm_ and AdamW

State = tuple[Tensor, ...]


class Rule(Protocol):
    """One optimizer step as a function of state and clipped gradient, and its derivative both ways.

    The state is (weights, moments…), each (P,). Tangents and cotangents have the state's shapes behind a first axis
    of directions. ``step`` is 0-based.
    """

    def start(self, theta: Tensor) -> State: ...

    def advance(self, state: State, g: Tensor, step: int) -> State: ...

    def push(self, tangents: State, after: State, g: Tensor, dg: Tensor, step: int) -> None:
        """The tangents after the step, in place, from those before it and the gradient's tangents (R, P)."""
        ...

    def pull(self, cotangents: State, after: State, g: Tensor, step: int) -> Tensor:
        """The cotangents before the step, in place, without what passes the gradient; returns the gradient's."""
        ...


@dataclass(frozen=True)
class Sgd:
    """theta' = (1 - lr decay) theta - lr g."""

    recipe: Recipe
    steps: int

    def _shrink(self, step: int) -> tuple[float, float]:
        lr = self.recipe.learning_rate(step, self.steps)
        return lr, 1 - lr * self.recipe.weight_decay

    def start(self, theta: Tensor) -> State:
        return (theta,)

    def advance(self, state: State, g: Tensor, step: int) -> State:
        lr, shrink = self._shrink(step)
        return (torch.add(state[0] * shrink, g, alpha=-lr),)

    def push(self, tangents: State, after: State, g: Tensor, dg: Tensor, step: int) -> None:
        lr, shrink = self._shrink(step)
        tangents[0].mul_(shrink).add_(dg, alpha=-lr)

    def pull(self, cotangents: State, after: State, g: Tensor, step: int) -> Tensor:
        lr, shrink = self._shrink(step)
        g_cotangents = cotangents[0] * -lr
        cotangents[0].mul_(shrink)
        return g_cotangents


@dataclass(frozen=True)
class AdamW(Sgd):
    """torch's AdamW: m' = b1 m + (1 - b1) g; v' = b2 v + (1 - b2) g^2; theta' = (1 - lr decay) theta - a m' / D.

    a = lr / (1 - b1^t); D = sqrt(v') / sqrt(1 - b2^t) + 1e-8. Where v' is zero, the gradient has always been zero
    and so has its derivative; the derivative of sqrt(v'), which is 0/0 there, counts as zero.
    """

    def start(self, theta: Tensor) -> State:
        return theta, torch.zeros_like(theta), torch.zeros_like(theta)

    def advance(self, state: State, g: Tensor, step: int) -> State:
        lr, shrink = self._shrink(step)
        b1, b2 = self.recipe.betas
        m = torch.lerp(state[1], g, 1 - b1)
        v = (state[2] * b2).addcmul_(g, g, value=1 - b2)
        _, denominator, _ = self._parts(m, v, step)
        return torch.addcdiv(state[0] * shrink, m, denominator, value=-lr / (1 - b1 ** (step + 1))), m, v

    def _parts(self, m: Tensor, v: Tensor, step: int) -> tuple[float, Tensor, Tensor]:
        """a, D, and d theta' / d v' = a m' / D^2 / (2 sqrt(v') sqrt(1 - b2^t))."""
        b1, b2 = self.recipe.betas
        a, correction = self._shrink(step)[0] / (1 - b1 ** (step + 1)), math.sqrt(1 - b2 ** (step + 1))
        root = v.sqrt()
        denominator = (root / correction).add_(ADAM_EPSILON)
        slope = (m / denominator).mul_(a / 2).div_(denominator).div_(root * correction)
        return a, denominator, slope.masked_fill_(v == 0, 0)

    def push(self, tangents: State, after: State, g: Tensor, dg: Tensor, step: int) -> None:
        theta, m, v = tangents
        b1, b2 = self.recipe.betas
        a, denominator, slope = self._parts(after[1], after[2], step)
        m.mul_(b1).add_(dg, alpha=1 - b1)
        v.mul_(b2).addcmul_(dg, g, value=2 * (1 - b2))
        theta.mul_(self._shrink(step)[1]).addcmul_(m, -a / denominator).addcmul_(v, slope)

    def pull(self, cotangents: State, after: State, g: Tensor, step: int) -> Tensor:
        theta, m, v = cotangents
        b1, b2 = self.recipe.betas
        a, denominator, slope = self._parts(after[1], after[2], step)
        m.addcmul_(theta, -a / denominator)
        v.addcmul_(theta, slope)
        g_cotangents = (m * (1 - b1)).addcmul_(v, g, value=2 * (1 - b2))
        theta.mul_(self._shrink(step)[1])
        m.mul_(b1)
        v.mul_(b2)
        return g_cotangents


@dataclass(frozen=True)
class Clip:
    """torch's clip_grad_norm_ at one gradient: g c, c = min(1, bound / (|g| + 1e-6)); its derivative is symmetric."""

    g: Tensor
    factor: float
    slope: float

    @staticmethod
    def of(g: Tensor, bound: float | None) -> "Clip":
        norm = float(torch.linalg.vector_norm(g))
        if bound is None or bound / (norm + CLIP_EPSILON) >= 1:
            return Clip(g, 1.0, 0.0)
        factor = bound / (norm + CLIP_EPSILON)
        return Clip(g, factor, -factor / (norm + CLIP_EPSILON) / norm)

    @property
    def clipped(self) -> Tensor:
        return self.g * self.factor

    def derivative(self, direction: Tensor) -> Tensor:
        """c d + slope <g, d> g, in place, for each row d of (R, P)."""
        if self.slope == 0:
            return direction
        along = (direction @ self.g)[:, None]
        return direction.mul_(self.factor).addcmul_(along, self.g[None], value=self.slope)


class Course:
    """A training laid out for differentiation: flat weights, its rule, its second derivatives.

    A bfloat16 recipe is replayed in float32, ``double`` in float64; else the precision is the training's own. The
    datasets' weights act in the last ``tail`` of the steps, from 0-based step ``first`` on.

    Raises:
        AttributionError: there is no replay, or its optimizer has no steps to differentiate.
    """

    def __init__(self, trained: TrainedModel, tail: float = 1.0, double: bool = False) -> None:
        if trained.replay is None:
            raise AttributionError(
                "the trained model comes without its replay, so no training can be differentiated; give it one with "
                "TrainedModel(replay=…)"
            )
        replay: Replay = trained.replay
        rules = {"sgd": Sgd, "adamw": AdamW}
        if replay.recipe.optimizer not in rules:
            raise AttributionError(
                f"recipe.optimizer '{replay.recipe.optimizer}' takes no steps that could be differentiated; for a "
                "convex model solved exactly use method hif-exact, its equal, or set recipe.optimizer=adamw"
            )
        self.replay, self.double, self.count = replay, double, len(trained.sizes)
        self.first = replay.steps - max(1, round(tail * replay.steps))
        model = replay.initial()
        model = model.double() if double else model
        self.layout = Layout(model)
        self.initial = self.layout.flat(model)
        self.rule: Rule = rules[replay.recipe.optimizer](replay.recipe, replay.steps)
        self.products: Products = AutogradProducts(model, self.layout)
        self.idle = trained.architecture.idle(model)
        self.charge = trained.charge

    def second(self, step: int, theta: Tensor, dtheta: Tensor, dw: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """`Products` of a step's batch; a direction is charged as two gradients, which is its number of operations."""
        self.charge(self.replay.tokens // self.replay.steps * (1 + 2 * len(dtheta)))
        with torch.random.fork_rng(devices=[theta.device] if theta.is_cuda else []):
            self.replay.seed_dropout(step)
            g, dg, losses = self.products(theta, self.replay.batch(step), self._without_idle(dtheta), dw)
        return self._without_idle(g), self._without_idle(dg), losses

    def gradient(self, step: int, theta: Tensor) -> Tensor:
        """The gradient of a step's batch, (P,)."""
        nothing = theta.new_zeros(0, len(theta) + self.replay.recipe.batch_size)
        return self.second(step, theta, *nothing.split([len(theta), self.replay.recipe.batch_size], 1))[0]

    def _without_idle(self, directions: Tensor) -> Tensor:
        parts = self.layout.views(directions)
        for name, mask in self.idle.items():
            parts[name][..., mask] = 0
        return directions

    def advance(self, state: State, step: int) -> tuple[State, Clip]:
        """The state after a step of the training, and the gradient that it followed."""
        clip = Clip.of(self.gradient(step, state[0]), self.replay.recipe.clip)
        return self.rule.advance(state, clip.clipped, step), clip

    def owners(self, step: int) -> Tensor:
        """(K, B) one-hot: whose sequences stand in a step's batch."""
        return owned(self.replay.owners(step), self.count).to(self.initial)

    def check(self, step: int, *tensors: Tensor) -> None:
        """Raises AttributionError unless all numbers are finite; after 0-based ``step``."""
        if not all(bool(tensor.sum().isfinite()) for tensor in tensors):
            raise AttributionError(
                f"the derivative of the training is not finite at step {step + 1} of {self.replay.steps}; lower tail "
                "or recipe.lr"
            )


def forward(course: Course) -> dict[str, Tensor]:
    """Replay the training with the tangents of (weights, moments) by each dataset's weight at its side.

    The chain rule through the training's steps (Engstrom et al. 2025, Sec. 2), in forward mode; deterministic.

    Returns:
        ``theta``: the final weights (P,); ``tangents``: d theta_T / d w_k, (K, P).
    """
    state = course.rule.start(course.initial)
    for step in range(course.first):
        state, _ = course.advance(state, step)
    tangents = tuple(torch.zeros(course.count, len(part)).to(part) for part in state)
    for step in range(course.first, course.replay.steps):
        g, dg, _ = course.second(step, state[0], tangents[0], course.owners(step))
        clip = Clip.of(g, course.replay.recipe.clip)
        state = course.rule.advance(state, clip.clipped, step)
        course.rule.push(tangents, state, clip.clipped, clip.derivative(dg), step)
        course.check(step, tangents[0])
    return {"theta": state[0], "tangents": tangents[0]}


def subset_gradients(trained: TrainedModel, course: Course, theta: Tensor) -> Tensor:
    """The gradient of each subset's L at the replay's final weights (the training's, but for rounding), (S, P)."""
    model = trained.copy().to(theta.dtype)
    parameters = dict(model.named_parameters())
    with torch.no_grad():
        for name, value in course.layout.views(theta).items():
            parameters[name].copy_(value)
    return torch.stack(
        [
            trained.remembered(f"gradient of {name} after the replay", partial(gradient, model, examples), "subsets")
            for name, examples in trained.subsets.items()
        ]
    )
