"""Unlearning trajectories: gradient ascent on one set of examples from theta_0, with losses taken on the way."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from lodo.methods.base import AttributionError
from lodo.tasks.model import Examples, autocast, token_losses
from lodo.tasks.optimizers import OptimizerName, build_optimizer
from lodo.tasks.spec import Recipe
from lodo.tasks.trained import TrainedModel


@dataclass(frozen=True)
class Ascent:
    """How to unlearn: a constant learning rate, no clipping, no weight decay (UnTrac Sec. 5)."""

    optimizer: OptimizerName
    lr: float
    steps: int
    batch_size: int
    dropout: bool = False


def order_of(count: int, batch_size: int, steps: int, generator: torch.Generator) -> Iterator[Tensor]:
    """``steps`` batches of indices: epochs of shuffled full batches (a whole-set batch keeps the natural order)."""
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


def ascend(
    trained: TrainedModel,
    examples: Examples,
    how: Ascent,
    evaluate: Callable[[nn.Module], Tensor],
    marks: Sequence[int],
    generator: torch.Generator,
    micro_batch: int = 64,
) -> Tensor:
    """Unlearn ``examples`` from a copy of theta_0 (UnTrac Eq. 3) and evaluate after each marked step.

    A batch's loss is its token mean; batches larger than ``micro_batch`` accumulate, which changes memory and nothing
    else. Returns evaluate's answers stacked, shape (len(marks), …).

    Raises:
        AttributionError: the evaluation after a step is not finite; names the step and the cure.
    """
    model = trained.copy().train(how.dropout)
    device = str(next(model.parameters()).device)
    optimizer = build_optimizer(how.optimizer, model.parameters(), how.lr, maximize=True)
    recipe: Recipe = trained.recipe
    found = []
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(int(torch.randint(2**62, (1,), generator=generator)))
        for step, rows in enumerate(order_of(len(examples), how.batch_size, how.steps, generator), start=1):
            batch = examples[rows.to(examples.tokens.device)]
            for part in batch.batches(micro_batch):
                with autocast(recipe, device):
                    (token_losses(model, part) / batch.count).backward()
            optimizer.step()
            optimizer.zero_grad(set_to_none=True)
            if step in marks:
                model.eval()
                values = evaluate(model)
                model.train(how.dropout)
                if not torch.isfinite(values).all():
                    raise AttributionError(f"unlearning diverged: a loss is not finite after step {step}; lower lr")
                found.append(values)
    return torch.stack(found)


def evenly(steps: int, points: int) -> tuple[int, ...]:
    """At most ``points`` step numbers evenly spaced up to ``steps``, the last one always among them."""
    return tuple(sorted({max(1, round(steps * (index + 1) / points)) for index in range(points)}))
