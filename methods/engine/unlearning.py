"""Unlearning trajectories: an objective minimised from theta_0 over batches, with losses taken on the way."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from lodo.methods.base import AttributionError
from lodo.tasks.likelihood import PASS, Examples, autocast, token_losses
from lodo.tasks.optimizers import OptimizerName, build_optimizer
from lodo.tasks.spec import Recipe
from lodo.tasks.trained import TrainedModel
from lodo.tasks.training import trainable
from lodo.tasks.weights import own_generators


@dataclass(frozen=True)
class Ascent:
    """How to unlearn: a constant learning rate, no clipping, no weight decay (UnTrac Sec. 5).

    Attributes:
        steps: optimizer steps in all.
        batch_size: examples a step; at least a pool's size = the whole pool.
        dropout: take the steps in training mode.
    """

    optimizer: OptimizerName
    lr: float
    steps: int
    batch_size: int
    dropout: bool = False


def order_of(count: int, batch_size: int, steps: int, generator: torch.Generator) -> Iterator[Tensor]:
    """``steps`` batches of indices into ``count`` examples.

    Epochs of shuffled full batches; what does not fill a batch is left out of its epoch. A set no larger than a batch
    is the batch, in its natural order, at every step.
    """
    if batch_size >= count:
        yield from (torch.arange(count) for _ in range(steps))
        return
    done = 0
    while done < steps:
        shuffled = torch.randperm(count, generator=generator)
        for start in range(0, count - batch_size + 1, batch_size):
            if done == steps:
                return
            yield shuffled[start : start + batch_size]
            done += 1


@dataclass(frozen=True)
class Part:
    """Examples that pass the model at once: a batch, or as much of it as memory allows.

    Attributes:
        examples: n of the batch's sequences, cut to the longest of them.
        rows: (n,) which rows of the pool they are, so that what was computed for the whole pool is found.
        tokens: how many tokens the loss counts in the whole batch.
        sequences: how many sequences the whole batch has.
    """

    examples: Examples
    rows: Tensor
    tokens: int
    sequences: int


# A loss to be minimised, a scalar; what it gives for the parts of a batch adds up to the batch's.
Objective = Callable[[nn.Module, Part], Tensor]


@dataclass(frozen=True)
class Term:
    """One summand of what a step minimises: ``weight`` times an objective over batches drawn from a pool.

    Attributes:
        generator: draws the order of the pool; give every dataset's trajectory one of the same state.
    """

    pool: Examples
    objective: Objective
    generator: torch.Generator
    weight: float = 1.0


def ascent(model: nn.Module, part: Part) -> Tensor:
    """Plain gradient ascent: minus the token mean of the loss (UnTrac Eq. 3)."""
    return -token_losses(model, part.examples) / part.tokens


def unlearn(
    trained: TrainedModel, terms: Sequence[Term], how: Ascent, marks: Sequence[int], micro_batch: int = PASS
) -> Tensor:
    """Minimise the sum of ``terms`` from a copy of theta_0; the weights after each marked step, (len(marks), P).

    Each step takes one batch of ``how.batch_size`` from every term's pool. Batches larger than ``micro_batch``
    accumulate, which changes memory and nothing else.
    """
    model = trained.copy().train(how.dropout)
    device = str(next(model.parameters()).device)
    optimizer = build_optimizer(how.optimizer, trainable(model), how.lr)
    recipe: Recipe = trained.recipe
    weights = []
    with own_generators():
        torch.manual_seed(int(torch.randint(2**62, (1,), generator=terms[0].generator)))
        orders = [order_of(len(term.pool), how.batch_size, how.steps, term.generator) for term in terms]
        for step, drawn in enumerate(zip(*orders, strict=True), start=1):
            for term, order in zip(terms, drawn, strict=True):
                rows = order.to(term.pool.tokens.device)
                batch = term.pool[rows]
                parts = zip(batch.batches(micro_batch), rows.split(micro_batch), strict=True)
                for examples, some in parts:
                    with autocast(recipe, device):
                        loss = term.objective(model, Part(examples, some, batch.count, len(batch)))
                    (term.weight * loss).backward()
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
            if step in marks:
                weights.append(nn.utils.parameters_to_vector(trainable(model)).detach())
    return torch.stack(weights)


def rises(
    trained: TrainedModel,
    weights: Tensor,
    marks: Sequence[int],
    groups: Mapping[str, Examples],
    before: Tensor,
    finished: Callable[[nn.Module], None] | None = None,
) -> Tensor:
    """How far L of each group rises above ``before`` (G,) under each of the weights (T, P); (T, G), nats per token.

    ``finished`` is given the model with the last weights, in evaluation mode.

    Raises:
        AttributionError: a loss is not finite; names the step and the cure.
    """
    model = trained.copy().eval()
    answers = []
    for step, row in zip(marks, weights, strict=True):
        nn.utils.vector_to_parameters(row.clone(), trainable(model))
        losses = trained.losses(groups, model)
        if not torch.isfinite(losses).all():
            raise AttributionError(f"unlearning diverged: a loss is not finite after step {step}; lower lr")
        answers.append(losses - before)
    if finished is not None:
        finished(model)
    return torch.stack(answers)


def evenly(steps: int, points: int) -> tuple[int, ...]:
    """At most ``points`` step numbers evenly spaced up to ``steps``, the last one always among them."""
    return tuple(sorted({max(1, round(steps * (index + 1) / points)) for index in range(points)}))
