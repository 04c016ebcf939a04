"""A model's linear layers, for packages that hook them: which there are, and whole sequences for those without."""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from lodo.methods.base import AttributionError
from lodo.tasks.likelihood import Examples, predict
from lodo.tasks.trained import TrainedModel


def linear_layers(trained: TrainedModel) -> list[str]:
    """The names of a trained model's linear layers whose weights are theirs alone, as its architecture tells them.

    Raises:
        AttributionError: there are none.
    """
    layers = trained.architecture.linear_layers(trained.model)
    if not layers:
        raise AttributionError("the model has no trainable linear layer whose weight is its own")
    return layers


class Sequenced(nn.Module):
    """A linear layer that is fed (N, L, d) where its model hands it (N L, d), as OPT does to its feed-forward layers.

    Libraries that hook a layer take its input's first axis for the examples.
    """

    def __init__(self, linear: nn.Linear) -> None:
        super().__init__()
        self.linear = linear
        self.sequences = 1

    @property
    def weight(self) -> Tensor:
        """The layer's own, whose type some models look at before they call it."""
        return self.linear.weight

    def forward(self, rows: Tensor) -> Tensor:
        if rows.ndim > 2:
            outputs: Tensor = self.linear(rows)
            return outputs
        outputs = self.linear(rows.view(self.sequences, -1, rows.shape[-1]))
        return outputs.flatten(0, 1)


def keep_sequences(model: nn.Module, names: Sequence[str]) -> list[str]:
    """Put a `Sequenced` in the place of each named linear layer of a model; returns where the layers now are."""
    layers = [Sequenced(model.get_submodule(name)) for name in names]  # type: ignore[arg-type]
    for name, layer in zip(names, layers, strict=True):
        parent, _, child = name.rpartition(".")
        setattr(model.get_submodule(parent), child, layer)

    def tell(module: nn.Module, args: tuple[Tensor, ...], kwargs: dict[str, Tensor]) -> None:
        for layer in layers:
            layer.sequences = len(args[0])

    model.register_forward_pre_hook(tell, with_kwargs=True)
    return [f"{name}.linear" for name in names]


def encoder_side(model: nn.Module, names: Sequence[str], examples: Examples) -> list[str]:
    """Those of the named layers that see an encoder's tokens: its own, and those that turn its states into keys."""
    if examples.inputs is None or examples.read is None:
        return []
    one, two = examples.tokens.new_zeros(1, 1), examples.tokens.new_zeros(1, 2)
    probe = Examples(one, one.bool(), two, torch.ones_like(two, dtype=torch.bool))
    lengths: dict[str, int] = {}
    hooks = [
        model.get_submodule(name).register_forward_pre_hook(
            lambda module, args, name=name: lengths.update({name: args[0].shape[-2]})
        )
        for name in names
    ]
    with torch.no_grad():
        predict(model, probe)
    for hook in hooks:
        hook.remove()
    return [name for name in names if lengths.get(name) == 2]
