"""One training: a pure step over a given slot sequence, checkpoints on the way, resumable at each of them."""

import json
import math
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor, nn

from lodo.tasks.convex import ConvexModel, solve
from lodo.tasks.errors import TrainingDiverged
from lodo.tasks.likelihood import Examples, autocast, token_losses
from lodo.tasks.optimizers import build_optimizer
from lodo.tasks.replay import Replay
from lodo.tasks.spec import Recipe, Runtime


@dataclass(frozen=True)
class TrainingLog:
    """What a training leaves beside its checkpoints: its losses (nats per token), one a step, and its length."""

    losses: tuple[float, ...]
    repeats: int
    tokens: int

    @property
    def steps(self) -> int:
        return len(self.losses)

    @property
    def last_loss(self) -> float:
        """Mean training loss over the last twentieth of the steps."""
        tail = self.losses[-max(1, self.steps // 20) :]
        return sum(tail) / len(tail)


def checkpoint_steps(steps: int, count: int) -> tuple[int, ...]:
    """The steps after which a checkpoint is kept, evenly spaced, the last one at the end."""
    return tuple(sorted({round(steps * (index + 1) / count) for index in range(count)} - {0}))


def training_step(
    model: nn.Module, optimizer: torch.optim.Optimizer, batch: Examples, recipe: Recipe, device: str = "cpu"
) -> Tensor:
    """One optimizer step on the batch's token-mean loss; returns that loss (before the step), nats per token.

    The batch is as `Replay.batch` gives it, without columns that are padding alone. On a graphics card nothing here
    waits for it: the loss is not read, and a number is asked of the batch only to cut it into parts.
    """
    whole, count = torch.zeros((), device=batch.tokens.device), batch.scored.sum()
    parts = [batch] if recipe.accumulate == 1 else batch.batches(-(-len(batch) // recipe.accumulate))
    for part in parts:
        with autocast(recipe, device):
            loss = token_losses(model, part) / count
        loss.backward()
        whole = whole + loss.detach()
    if recipe.clip is not None:
        nn.utils.clip_grad_norm_(model.parameters(), recipe.clip)
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)
    return whole


def next_step(replay: Replay, model: nn.Module, optimizer: torch.optim.Optimizer, step: int) -> Tensor:
    """The 0-based ``step`` of a training; returns its loss as `training_step` does."""
    for group in optimizer.param_groups:
        group["lr"] = replay.recipe.learning_rate(step, replay.steps)
    replay.seed_dropout(step)
    return training_step(model, optimizer, replay.batch(step), replay.recipe, replay.device)


def optimizer_of(recipe: Recipe, model: nn.Module) -> torch.optim.Optimizer:
    """The optimizer of a recipe that takes steps, over a model's trainable parameters."""
    assert recipe.optimizer != "newton"
    return build_optimizer(
        recipe.optimizer, trainable(model), recipe.lr, betas=recipe.betas, weight_decay=recipe.weight_decay
    )


def trainable(model: nn.Module) -> list[nn.Parameter]:
    """A model's trainable parameters, tied ones once."""
    return [value for value in model.parameters() if value.requires_grad]


def parameter_state(model: nn.Module, optimizer: torch.optim.Optimizer | None = None) -> dict[str, Tensor]:
    """Trainable weights as ``model/NAME`` and moments as ``optimizer/NAME/KEY``, tied weights once."""
    learned = {name: value for name, value in model.named_parameters() if value.requires_grad}
    state = {f"model/{name}": value.detach() for name, value in learned.items()}
    for name, value in learned.items():
        for key, moment in (optimizer.state.get(value, {}) if optimizer else {}).items():
            state[f"optimizer/{name}/{key}"] = torch.as_tensor(moment)
    return {key: value.contiguous().cpu() for key, value in state.items()}


def load_parameters(model: nn.Module, state: dict[str, Tensor]) -> None:
    """Put the ``model/`` part of a checkpoint into a model, in place."""
    with torch.no_grad():
        for name, value in model.named_parameters():
            if value.requires_grad:
                value.copy_(state[f"model/{name}"])


def _load_optimizer(model: nn.Module, optimizer: torch.optim.Optimizer, state: dict[str, Tensor]) -> None:
    for name, value in model.named_parameters():
        moments = {key.rsplit("/", 1)[1]: item for key, item in state.items() if key.startswith(f"optimizer/{name}/")}
        if moments:
            # A fused step counts where the weights are, any other on the CPU.
            counts = value.device if optimizer.defaults.get("fused") else "cpu"
            optimizer.state[value] = {
                key: item.to(value.device if item.ndim else counts) for key, item in moments.items()
            }


def _save(folder: Path, step: int, state: dict[str, Tensor], losses: Sequence[float]) -> None:
    aside = folder / f"step-{step}.tmp"
    save_file(state, aside, metadata={"losses": json.dumps(list(losses))})
    os.replace(aside, folder / f"step-{step}.safetensors")


def _resume(folder: Path, steps: Sequence[int]) -> tuple[int, dict[str, Tensor], list[float]] | None:
    """The last whole checkpoint of an interrupted training in this folder, if there is one."""
    from safetensors import SafetensorError, safe_open

    for step in reversed(steps):
        path = folder / f"step-{step}.safetensors"
        if path.exists():
            try:
                with safe_open(path, framework="pt") as file:
                    losses = json.loads(file.metadata()["losses"])
                return step, load_file(path), losses
            except (SafetensorError, KeyError, ValueError):
                path.unlink()
    return None


def _solve(replay: Replay, folder: Path, on_step: Callable[[int, int], None]) -> TrainingLog:
    """The exact training of a convex model; its log has the losses before and after, its checkpoint the last step."""
    model = replay.initial()
    assert isinstance(model, ConvexModel)
    try:
        losses = solve(model, replay.stock[replay.rows], replay.recipe.weight_decay)
    except ArithmeticError as error:
        raise TrainingDiverged(
            f"the training with seed {replay.seed} found no minimum: {error}; raise recipe.weight_decay"
        ) from error
    on_step(replay.steps, replay.steps)
    _save(folder, replay.recipe.steps, parameter_state(model), losses)
    return TrainingLog(losses, replay.repeats, replay.tokens)


def train(
    replay: Replay,
    folder: Path,
    runtime: Runtime,
    *,
    keep: str = "all",
    on_step: Callable[[int, int], None] = lambda done, total: None,
) -> TrainingLog:
    """Train from the initial weights over the batches; checkpoints land in ``folder`` as step-N.safetensors.

    Args:
        keep: ``all`` keeps the recipe's checkpoints with optimizer states, ``last`` only the final weights.
        on_step: called with (steps done, steps in all).

    Raises:
        TrainingDiverged: the loss is not finite; names the seed and the step.
    """
    recipe, steps = replay.recipe, replay.steps
    if recipe.optimizer == "newton":
        return _solve(replay, folder, on_step)
    model = replay.initial()
    forward: nn.Module = torch.compile(model) if runtime.compile else model  # type: ignore[assignment]
    optimizer = optimizer_of(recipe, model)
    marks = checkpoint_steps(steps, recipe.checkpoints)
    losses: list[Tensor | float] = []
    resumed = _resume(folder, marks)
    if resumed:
        load_parameters(model, resumed[1])
        _load_optimizer(model, optimizer, resumed[1])
        losses = list(resumed[2])
    for step in range(len(losses), steps):
        losses.append(next_step(replay, forward, optimizer, step))
        done = step + 1
        if done % 20 == 0 or done in marks:
            losses = [float(loss) for loss in losses]
            if not all(map(math.isfinite, losses)):
                bad = next(i for i, loss in enumerate(losses) if not math.isfinite(loss))
                raise TrainingDiverged(
                    f"the training with seed {replay.seed} diverged at step {bad + 1} of {steps}: its loss is not "
                    "finite; lower recipe.lr"
                )
            on_step(done, steps)
        if done in marks:
            state = parameter_state(model, optimizer)
            if keep == "last" and done == steps:
                state = {key: value for key, value in state.items() if key.startswith("model/")}
            _save(folder, done, state, [float(loss) for loss in losses])
    if keep == "last":
        for mark in marks[:-1]:
            (folder / f"step-{mark}.safetensors").unlink(missing_ok=True)
    return TrainingLog(tuple(float(loss) for loss in losses), replay.repeats, replay.tokens)
