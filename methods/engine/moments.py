"""Adam's moments of a checkpoint, and what they make of a gradient."""

from dataclasses import dataclass

import torch
from torch import Tensor, nn

from lodo.tasks.trained import Checkpoint, TrainedModel

EPSILON = 1e-8  # torch.optim's, with which all trainings run


@dataclass(frozen=True)
class Moments:
    """What Adam remembers after t steps, flat (P,), in the order of a model's trainable parameters.

    Attributes:
        first, second: the running means m_t of gradients and v_t of their squares, without bias correction.
        scale: 1 / (sqrt(v_t / (1 - beta2^t)) + epsilon); 0 where no gradient ever was (positions beyond the training's
            sequences) and where it is nothing but rounding (`Architecture.idle`), which would be blown up to any size.
    """

    first: Tensor
    second: Tensor
    scale: Tensor
    step: float
    betas: tuple[float, float]

    @staticmethod
    def of(checkpoint: Checkpoint, model: nn.Module, trained: TrainedModel) -> "Moments | None":
        """The moments that a checkpoint holds of ``model``'s parameters; None where it lacks any of them."""
        state = checkpoint.optimizer_state()
        trainable = {name: value for name, value in model.named_parameters() if value.requires_grad}
        if not all(f"{name}/{key}" in state for name in trainable for key in ("exp_avg", "exp_avg_sq", "step")):
            return None
        step = float(state[f"{next(iter(trainable))}/step"])
        idle, betas = trained.architecture.idle(model), trained.recipe.betas
        first, second, scale = [], [], []
        for name, value in trainable.items():
            mean, square = (state[f"{name}/{key}"].flatten().to(value.device) for key in ("exp_avg", "exp_avg_sq"))
            first.append(mean)
            second.append(square)
            inverse = 1 / ((square / (1 - betas[1] ** step)).sqrt() + EPSILON)
            nothing = square == 0 if name not in idle else (square == 0) | idle[name].flatten()
            scale.append(inverse.masked_fill(nothing, 0))
        return Moments(torch.cat(first), torch.cat(second), torch.cat(scale), step, betas)

    def update(self, gradients: Tensor, where: slice) -> Tensor:
        """The direction against which Adam's next step would go with these gradients, (n, c) -> (n, c).

        m = (beta1 m_t + (1 - beta1) g) / (1 - beta1^(t+1)), v = (beta2 v_t + (1 - beta2) g^2) / (1 - beta2^(t+1)),
        m / (sqrt(v) + epsilon).
        """
        (beta1, beta2), after = self.betas, self.step + 1
        mean = (1 - beta1) * gradients + beta1 * self.first[where].double()
        square = (1 - beta2) * gradients.square() + beta2 * self.second[where].double()
        step: Tensor = mean / (1 - beta1**after) / ((square / (1 - beta2**after)).sqrt() + EPSILON)
        return step

    def scaled(self, gradients: Tensor, where: slice) -> Tensor:
        """The gradients over the root of the second moment, (n, c) -> (n, c)."""
        return gradients * self.scale[where].double()
