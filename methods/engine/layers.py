"""A model's linear layers, for packages that hook them: which there are, and whole sequences for those without."""

from collections.abc import Sequence

from torch import Tensor, nn

from lodo.methods.base import AttributionError


def linear_layers(model: nn.Module) -> list[str]:
    """The names of the linear layers whose weights are theirs alone: an output layer tied to the embedding is not.

    Raises:
        AttributionError: there are none.
    """
    owners: dict[int, list[str]] = {}
    for name, module in model.named_modules():
        if isinstance(getattr(module, "weight", None), Tensor):
            owners.setdefault(id(module.weight), []).append(name)
    found = [
        name
        for name, module in model.named_modules()
        if isinstance(module, nn.Linear) and module.weight.requires_grad and len(owners[id(module.weight)]) == 1
    ]
    if not found:
        raise AttributionError("the model has no trainable linear layer whose weight is its own")
    return found


class Sequenced(nn.Module):
    """A linear layer that is fed (N, L, d) where its model hands it (N L, d), as OPT does to its feed-forward layers.

    Libraries that hook a layer take its input's first axis for the examples.
    """

    def __init__(self, linear: nn.Linear) -> None:
        super().__init__()
        self.linear = linear
        self.length = 0

    def forward(self, rows: Tensor) -> Tensor:
        if rows.ndim > 2:
            found: Tensor = self.linear(rows)
            return found
        found = self.linear(rows.view(-1, self.length, rows.shape[-1]))
        return found.flatten(0, 1)


def keep_sequences(model: nn.Module, names: Sequence[str]) -> list[str]:
    """Put a `Sequenced` in the place of each named linear layer of a model; returns where the layers now are."""
    layers = [Sequenced(model.get_submodule(name)) for name in names]  # type: ignore[arg-type]
    for name, layer in zip(names, layers, strict=True):
        parent, _, child = name.rpartition(".")
        setattr(model.get_submodule(parent), child, layer)

    def tell(module: nn.Module, args: tuple[Tensor, ...], kwargs: dict[str, Tensor]) -> None:
        for layer in layers:
            layer.length = kwargs["input_ids"].shape[1]

    model.register_forward_pre_hook(tell, with_kwargs=True)
    return [f"{name}.linear" for name in names]
