"""A model's linear layers: which of them have a weight of their own."""

import torch
from torch import Tensor, nn


def own_linear_layers(model: nn.Module) -> list[str]:
    """The names of the trainable linear layers whose weights are theirs alone: an output layer tied to the embedding
    is not."""
    owners: dict[int, list[str]] = {}
    for name, module in model.named_modules():
        if isinstance(getattr(module, "weight", None), Tensor):
            owners.setdefault(id(module.weight), []).append(name)
    return [
        name
        for name, module in model.named_modules()
        if isinstance(module, nn.Linear) and module.weight.requires_grad and len(owners[id(module.weight)]) == 1
    ]


def whole(model: nn.Module, ending: str) -> dict[str, Tensor]:
    """Masks, true throughout, of the trainable parameters whose names end so."""
    return {
        name: torch.ones_like(value, dtype=torch.bool)
        for name, value in model.named_parameters()
        if value.requires_grad and name.endswith(ending)
    }
