"""A training as it ran, step by step: initial weights, batches and whose each sequence is."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor, nn

from lodo.tasks.model import Examples, build_model
from lodo.tasks.seeds import derive_seed
from lodo.tasks.slots import Slots
from lodo.tasks.spec import ModelSpec, Recipe

DTYPES = {"float32": torch.float32, "bfloat16": torch.float32, "float64": torch.float64}


@dataclass(frozen=True)
class Replay:
    """Everything a training's steps are a function of.

    Attributes:
        rows: (steps * batch,) which row of ``stock`` stands in each slot.
        owner: (steps * batch,) index of the dataset in the mixture that the slot belongs to.
        stock: (N, L) all sequences of all pools, int64.
        repeats: slots whose sequence had stood in an earlier draw of the same dataset.
        device: where ``initial`` and ``batch`` put what they give.
    """

    spec: ModelSpec
    recipe: Recipe
    vocabulary: int
    seed: int
    rows: Tensor
    owner: Tensor
    stock: Tensor
    repeats: int = 0
    device: str = "cpu"

    @staticmethod
    def of(
        spec: ModelSpec,
        recipe: Recipe,
        vocabulary: int,
        pools: Sequence[np.ndarray],
        slots: Slots,
        seed: int,
        device: str = "cpu",
    ) -> "Replay":
        """The training over these slots of these pools, each (P_k, L) integers in the order of the mixture."""
        offsets = np.cumsum([0] + [len(pool) for pool in pools])
        return Replay(
            spec,
            recipe,
            vocabulary,
            seed,
            torch.from_numpy(offsets[slots.dataset] + slots.example),
            torch.from_numpy(slots.dataset),
            torch.from_numpy(np.concatenate(pools).astype(np.int64)),
            slots.repeats,
            device,
        )

    @property
    def steps(self) -> int:
        return len(self.rows) // self.recipe.batch_size

    @property
    def tokens(self) -> int:
        """How many tokens the whole training sees."""
        return self.stock.shape[1] * len(self.rows)

    def initial(self) -> nn.Module:
        """The untrained model, in training mode."""
        model = build_model(self.spec, self.vocabulary, self.seed, DTYPES[self.recipe.precision])
        return model.to(self.device).train()

    def seed_dropout(self, step: int) -> None:
        """Seed the masks of a step: a resumed training draws the same ones, and a counterfactual those of its base."""
        if self.spec.dropout:
            torch.manual_seed(derive_seed("dropout", self.seed, step))

    def batch(self, step: int) -> Examples:
        """The batch of 0-based ``step``."""
        size = self.recipe.batch_size
        return Examples.whole(self.stock[self.rows[step * size : (step + 1) * size]]).to(self.device)

    def owners(self, step: int) -> Tensor:
        """Whose sequences stand in the batch of 0-based ``step``, (batch,)."""
        size = self.recipe.batch_size
        return self.owner[step * size : (step + 1) * size]
