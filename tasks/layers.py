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


def key_biases(model: nn.Module) -> dict[str, Tensor]:
    """Masks of the keys' biases that shift all scores of a query alike, of the attention layers that are known.

    Not among them are the keys of models that rotate positions into them: there the bias counts.
    """
    rotated = any("rotary" in type(module).__name__.lower() for module in model.modules())
    masks = {} if rotated else whole(model, "k_proj.bias")
    for name, value in model.named_parameters():
        if name.endswith("attn.c_attn.bias") and value.requires_grad:
            place = torch.arange(len(value), device=value.device)
            masks[name] = (place >= len(value) // 3) & (place < 2 * len(value) // 3)
    return masks


def whole(model: nn.Module, ending: str) -> dict[str, Tensor]:
    """Masks, true throughout, of the trainable parameters whose names end so."""
    return {
        name: torch.ones_like(value, dtype=torch.bool)
        for name, value in model.named_parameters()
        if value.requires_grad and name.endswith(ending)
    }
