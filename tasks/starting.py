"""The model with which a training starts: an architecture's own, or with adapters beside its layers."""

from typing import TYPE_CHECKING

from torch import nn

from lodo.tasks.architecture import Architecture
from lodo.tasks.errors import InputError
from lodo.tasks.spec import Recipe
from lodo.tasks.weights import drawn

if TYPE_CHECKING:
    from lodo.tasks.spec import Lora


def starting_model(model: Architecture, recipe: Recipe, vocabulary: int, seed: int) -> nn.Module:
    """The untrained model of a training, all of it trainable, or of a recipe with ``lora`` the adapters alone.

    Raises:
        InputError: adapters need peft, or the model has no such layers.
    """
    built = model.build(vocabulary, seed, recipe.precision)
    if recipe.lora is not None:
        lora = recipe.lora
        built = drawn(lambda: _adapted(built, lora), seed, recipe.precision)
    if recipe.recompute:
        built.gradient_checkpointing_enable(gradient_checkpointing_kwargs={"use_reentrant": False})  # type: ignore[operator]
    return built


def _adapted(model: nn.Module, lora: "Lora") -> nn.Module:
    try:
        from peft import LoraConfig, get_peft_model
    except ImportError:
        raise InputError(
            "recipe.lora: adapters need peft, which is not installed; give: pip install 'lodo[lora]'"
        ) from None
    config = LoraConfig(
        r=lora.rank,
        lora_alpha=lora.alpha,
        lora_dropout=lora.dropout,
        target_modules=list(lora.targets) or "all-linear",
        bias="none",
    )
    try:
        adapted: nn.Module = get_peft_model(model, config)
    except ValueError as error:
        raise InputError(
            f"recipe.lora: {' '.join(str(error).split())}; name other layers in recipe.lora.targets"
        ) from None
    return adapted
