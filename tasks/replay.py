"""A training as it ran, step by step: initial weights, batches and whose each sequence is."""

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor, nn

from lodo.tasks.likelihood import Examples
from lodo.tasks.seeds import derive_seed
from lodo.tasks.slots import Slots
from lodo.tasks.spec import ModelSpec, Recipe
from lodo.tasks.starting import starting_model


@dataclass(frozen=True)
class Replay:
    """Everything a training's steps are a function of.

    Attributes:
        rows: (steps * batch,) which row of ``stock`` stands in each slot.
        owner: (steps * batch,) index of the dataset in the mixture that the slot belongs to.
        stock: all sequences of all pools.
        repeats: slots whose sequence had stood in an earlier draw of the same dataset.
        device: where ``initial`` and ``batch`` put what they give.
    """

    spec: ModelSpec
    recipe: Recipe
    vocabulary: int
    seed: int
    rows: Tensor
    owner: Tensor
    stock: Examples
    repeats: int = 0
    device: str = "cpu"

    @staticmethod
    def of(
        spec: ModelSpec,
        recipe: Recipe,
        vocabulary: int,
        pools: Sequence[Examples],
        slots: Slots,
        seed: int,
        device: str = "cpu",
    ) -> "Replay":
        """The training over these slots of these pools, in the order of the mixture."""
        offsets = torch.tensor([0, *map(len, pools)]).cumsum(0)
        owner = torch.from_numpy(slots.dataset)
        return Replay(
            spec,
            recipe,
            vocabulary,
            seed,
            offsets[owner] + torch.from_numpy(slots.example),
            owner,
            Examples.joined(pools),
            slots.repeats,
            device,
        )

    @property
    def steps(self) -> int:
        return len(self.rows) // self.recipe.batch_size

    @property
    def tokens(self) -> int:
        """How many tokens the whole training sees, padding not counted."""
        return int(self.stock.amounts[self.rows].sum())

    def initial(self) -> nn.Module:
        """The untrained model, in training mode."""
        model = starting_model(self.spec, self.recipe, self.vocabulary, self.seed)
        return model.to(self.device).train()

    def seed_dropout(self, step: int) -> None:
        """Seed the masks of a step: a resumed training draws the same ones, and a counterfactual those of its base."""
        if self.spec.dropout or (self.recipe.lora is not None and self.recipe.lora.dropout):
            torch.manual_seed(derive_seed("dropout", self.seed, step))

    def batch(self, step: int) -> Examples:
        """The batch of 0-based ``step``."""
        size = self.recipe.batch_size
        return self.stock[self.rows[step * size : (step + 1) * size]].trimmed().to(self.device)

    def owners(self, step: int) -> Tensor:
        """Whose sequences stand in the batch of 0-based ``step``, (batch,)."""
        size = self.recipe.batch_size
        return self.owner[step * size : (step + 1) * size]
