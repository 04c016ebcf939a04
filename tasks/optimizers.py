"""Optimizers by name, for training and for unlearning: torch's own."""

from collections.abc import Iterable
from typing import Any, Literal

import torch
from torch import nn

OptimizerName = Literal["sgd", "momentum", "rmsprop", "adam", "adamw", "adafactor"]


def build_optimizer(
    name: OptimizerName,
    parameters: Iterable[nn.Parameter],
    lr: float,
    *,
    maximize: bool = False,
    betas: tuple[float, float] = (0.9, 0.999),
    weight_decay: float = 0.0,
) -> torch.optim.Optimizer:
    """One of torch.optim's optimizers with UnTrac's settings (Sec. 6.2).

    ``momentum`` is SGD with momentum 0.9 and dampening 0.9, ``rmsprop`` has alpha 0.99. ``maximize`` turns descent
    into the gradient ascent of unlearning (Eq. 3).
    """
    parameters = list(parameters)
    common: dict[str, Any] = {"lr": lr, "maximize": maximize, "weight_decay": weight_decay}
    fused = {"fused": True} if all(p.dtype == torch.float32 for p in parameters) else {}
    match name:
        case "sgd":
            return torch.optim.SGD(parameters, **common)
        case "momentum":
            return torch.optim.SGD(parameters, momentum=0.9, dampening=0.9, **common)
        case "rmsprop":
            return torch.optim.RMSprop(parameters, alpha=0.99, **common)
        case "adam":
            return torch.optim.Adam(parameters, betas=betas, **common, **fused)
        case "adamw":
            return torch.optim.AdamW(parameters, betas=betas, **common, **fused)
        case "adafactor":
            return torch.optim.Adafactor(parameters, **common)
