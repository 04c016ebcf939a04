"""Metagradients in reverse: test gradients carried back through a training, from some sqrt(N) states kept."""

import math

import torch
from torch import Tensor

from lodo.methods.engine.metagradient import Clip, Course, State


def _stride(course: Course) -> int:
    """Steps between kept states: ceil(sqrt(N))."""
    return math.isqrt(course.replay.steps - course.first - 1) + 1


def replayed(course: Course) -> tuple[Tensor, list[State]]:
    """The replay's final weights (P,), and its states before each ceil(sqrt(N))-th of the steps to differentiate."""
    state, kept = course.rule.start(course.initial), []
    for step in range(course.replay.steps):
        if step >= course.first and (step - course.first) % _stride(course) == 0:
            kept.append(state)
        state, _ = course.advance(state, step)
    return state[0], kept


def backward(course: Course, kept: list[State], gradients: Tensor) -> Tensor:
    """Carry the gradients of S test losses by the final weights, (S, P), back to the datasets' weights.

    The transpose of `metagradient.forward` (REPLAY of Engstrom et al. 2025, with one level of kept states instead of a
    tree): a segment's states are recomputed from the one kept at its start, then its steps are transposed, the last
    one first.

    Returns:
        d L_s / d w_k, (K, S).
    """
    cotangents = (gradients.clone(), *(torch.zeros_like(gradients) for _ in kept[0][1:]))
    derivatives = torch.zeros(course.count, len(gradients)).to(gradients)
    for number, state in reversed(list(enumerate(kept))):
        first = course.first + number * _stride(course)
        segment: list[tuple[Tensor, State, Clip]] = []
        for step in range(first, min(first + _stride(course), course.replay.steps)):
            after, clip = course.advance(state, step)
            segment.append((state[0], after, clip))
            state = after
        for step, (theta, after, clip) in reversed(list(enumerate(segment, first))):
            direction = clip.derivative(course.rule.pull(cotangents, after, clip.clipped, step))
            nothing = direction.new_zeros(len(direction), course.replay.recipe.batch_size)
            _, product, losses = course.second(step, theta, direction, nothing)
            cotangents[0].add_(product)
            derivatives += course.owners(step) @ losses.T
            course.check(step, cotangents[0], derivatives)
    return derivatives
