"""A model's weights before training: drawn under a seed, in the precision of a recipe."""

from collections.abc import Callable
from contextlib import AbstractContextManager

import torch
from torch import nn

from lodo.tasks.seeds import derive_seed

# Under bfloat16 the passes run in it, the weights stay in single precision.
DTYPES = {"float32": torch.float32, "bfloat16": torch.float32, "float64": torch.float64}


def own_generators() -> AbstractContextManager[None]:
    """A context that leaves torch's global generators as they were, those of the graphics cards in use too."""
    cards = range(torch.cuda.device_count()) if torch.cuda.is_initialized() else ()
    return torch.random.fork_rng(devices=list(cards))


def drawn(build: Callable[[], nn.Module], seed: int, precision: str) -> nn.Module:
    """What ``build`` makes with the initial weights of a seed; nothing else's random numbers are touched."""
    with own_generators():
        torch.manual_seed(derive_seed("initial weights", seed))
        return build().to(DTYPES[precision])


def set_dropout(model: nn.Module, share: float) -> None:
    """Give all of a model's dropout one share, wherever its layers keep it."""
    for module in model.modules():
        if isinstance(module, nn.Dropout):
            module.p = share
        for name in ("dropout", "attention_dropout", "activation_dropout", "hidden_dropout"):
            if isinstance(getattr(module, name, None), float):
                setattr(module, name, share)
