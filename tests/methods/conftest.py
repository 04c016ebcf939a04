"""A tiny trained model in double precision, for proofs."""

import dataclasses

import pytest
import torch
from safetensors.torch import save_file

from lodo.tasks.architectures.opt import Opt
from lodo.tasks.likelihood import Examples
from lodo.tasks.spec import Recipe
from lodo.tasks.trained import Checkpoint, TrainedModel
from lodo.tasks.training import parameter_state

SPEC = Opt(width=12, layers=1, heads=2, feedforward=24, positions=16)
RECIPE = Recipe(steps=10, batch_size=2, sequence_length=8, lr=0.05, precision="float64", checkpoints=1)


@pytest.fixture
def trained(tmp_path) -> TrainedModel:
    """K = 3 datasets of 6 sequences and S = 2 subsets of 4 and 3 examples on an untrained float64 model."""
    generator = torch.Generator().manual_seed(0)

    def sequences(count, length=8):
        return Examples.whole(torch.randint(3, 30, (count, length), generator=generator))

    model = SPEC.build(30, seed=0, precision="float64").eval()
    with torch.no_grad():  # OPT's initial weights of 0.02 make products of gradients tiny
        for value in model.parameters():
            value.mul_(10) if value.ndim > 1 else None
    path = tmp_path / "step-10.safetensors"
    save_file(parameter_state(model, torch.optim.SGD(model.parameters(), lr=0.1)), path)
    return TrainedModel(
        model=model,
        datasets={name: sequences(6) for name in "abc"},
        subsets={"x": sequences(4), "y": sequences(3, 6)},
        checkpoints=(Checkpoint(10, sum(RECIPE.learning_rate(step) for step in range(10)), path),),
        sizes={"a": 10, "b": 6, "c": 4},
        recipe=RECIPE,
        seed=11,
        architecture=SPEC,
    )


@pytest.fixture
def scaled(trained):
    """A function that gives the same trained model with the losses of dataset ``a`` counted over repeated examples."""

    def doubled() -> TrainedModel:
        a = trained.datasets["a"]
        twice = Examples(torch.cat([a.tokens, a.tokens]), torch.cat([a.scored, a.scored]))
        return dataclasses.replace(trained, datasets={**trained.datasets, "a": twice})

    return doubled
