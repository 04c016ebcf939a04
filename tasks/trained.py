"""All that an attribution method may see of a trained model. Never the ground truth, never a counterfactual."""

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal, Protocol, TypeVar

import torch
from safetensors.torch import load_file
from torch import Tensor, nn

from lodo.tasks.architecture import Architecture
from lodo.tasks.likelihood import Examples, mean_loss, tokens_read
from lodo.tasks.replay import Replay
from lodo.tasks.seeds import derive_seed
from lodo.tasks.spec import Definition, Recipe
from lodo.tasks.training import load_parameters


@dataclass(frozen=True)
class Checkpoint:
    """One stored state of the training.

    Attributes:
        step: steps done when it was stored.
        lr: learning rate summed over the steps since the checkpoint before (TracIn Eq. 7's eta_t, for an interval).
    """

    step: int
    lr: float
    path: Path

    def load_into(self, model: nn.Module) -> None:
        """Put this checkpoint's weights into ``model``, in place."""
        load_parameters(model, load_file(self.path))

    def optimizer_state(self) -> dict[str, Tensor]:
        """The optimizer's moments as ``PARAMETER/KEY`` (AdamW: ``exp_avg``, ``exp_avg_sq``, ``step``)."""
        state = load_file(self.path)
        return {key.removeprefix("optimizer/"): value for key, value in state.items() if key.startswith("optimizer/")}


Scope = Literal["training", "datasets", "subsets", "run"]
Value = TypeVar("Value")


class Shared(Protocol):
    """Keeps small results that several methods compute alike (the gradient pass), so that they are computed once.

    The scope says what a result depends on beside its code: ``training`` on the training alone, ``datasets`` on the
    shown examples too, ``subsets`` on the test subsets too but not on the examples, ``run`` on both.
    """

    def __call__(
        self, name: str, compute: Callable[[], dict[str, Tensor]], scope: Scope = "run"
    ) -> dict[str, Tensor]: ...


class Remembered(Protocol):
    """Keeps what one method computes alike in several of its calls: for all test sets of a run, or all runs of a set.

    Unlike what is shared it stays in the process, may be large and of any type, and must not be changed by its users.
    """

    def __call__(self, name: str, compute: Callable[[], Value], scope: Scope) -> Value: ...


def unshared(name: str, compute: Callable[[], dict[str, Tensor]], scope: Scope = "run") -> dict[str, Tensor]:
    """A `Shared` that keeps nothing."""
    return compute()


def forgotten(name: str, compute: Callable[[], Value], scope: Scope) -> Value:
    """A `Remembered` that keeps nothing."""
    return compute()


def uncharged(tokens: int) -> None:
    """A charge that nobody counts."""


def unobserved(dataset: str, model: nn.Module) -> None:
    """A model that nobody looks at."""


UNKNOWN = Architecture(kind="", positions=1)


@dataclass(frozen=True)
class TrainedModel:
    """A trained model, its data and its past, as a method gets it.

    Attributes:
        model: theta_0, in evaluation mode. Work on ``copy()`` where weights change.
        datasets: K training datasets by name, each the same number of examples of the mixture, redrawn in each run.
        subsets: S test subsets by name.
        checkpoints: stored states in order of step, the last one being theta_0.
        sizes: how many of the training's slots each dataset filled.
        seed: from the content of the training and the run; use it through `generator`.
        training_seed: from the content of the training alone, for what is the same in every run.
        shared: keeps what several methods compute alike.
        remembered: keeps what this method computes alike for several test sets or runs.
        unseen: by dataset, sequences of its corpus that the training did not use, as many as ``datasets`` shows or as
            there are; a dataset whose corpus the training used up is missing.
        replay: the training itself, step by step, for methods that differentiate through it.
        definition: what leaving out means for the truth; "fixed-steps" for methods that do not read it
            (`AttributionMethod.reads_definition`).
        architecture: what kind of model it is: its linear layers, its idle weights.
        charge: counts tokens that go backward without a new forward pass (second derivatives of a kept graph).
        unlearned: to be told of each model that has unlearned a training dataset, by its name, so that what it forgot
            can be measured; never changes the model.
    """

    model: nn.Module
    datasets: Mapping[str, Examples]
    subsets: Mapping[str, Examples]
    checkpoints: tuple[Checkpoint, ...]
    sizes: Mapping[str, int]
    recipe: Recipe
    seed: int
    shared: Shared = field(default=unshared)
    remembered: Remembered = field(default=forgotten)
    training_seed: int = 0
    unseen: Mapping[str, Examples] = field(default_factory=dict)
    replay: Replay | None = None
    definition: Definition = "fixed-steps"
    architecture: Architecture = UNKNOWN
    charge: Callable[[int], None] = uncharged
    unlearned: Callable[[str, nn.Module], None] = unobserved

    def copy(self) -> nn.Module:
        """The model again, with weights of its own and no gradients."""
        model = copy.deepcopy(self.model)
        model.zero_grad(set_to_none=True)
        return model

    def generator(self, *purpose: object, every_run: bool = False) -> torch.Generator:
        """A generator (on the CPU) seeded by the training, the run (unless ``every_run``) and the purpose."""
        seed = self.training_seed if every_run else self.seed
        return torch.Generator().manual_seed(derive_seed("method", seed, *purpose))

    def losses(self, groups: Mapping[str, Examples], model: nn.Module | None = None) -> Tensor:
        """L of each group under ``model`` (default theta_0): nats per scored token, float64, shape (len(groups),)."""
        model = self.model if model is None else model
        return torch.tensor([mean_loss(model, examples) for examples in groups.values()], dtype=torch.float64)


class TokenMeter:
    """Counts the tokens that pass a model: ``forward`` without gradients, ``backward`` with them (forward too)."""

    def __init__(self, model: nn.Module) -> None:
        self.forward = 0
        self.backward = 0
        self._handle = model.register_forward_pre_hook(self._count, with_kwargs=True)

    def charge(self, tokens: int) -> None:
        """Count tokens that go backward once more through a graph that is kept."""
        self.backward += tokens

    def __deepcopy__(self, memo: dict[int, object]) -> "TokenMeter":
        # A copied model's hook must count here too, not in a copy of the meter.
        return self

    def _count(self, module: nn.Module, args: tuple[Tensor, ...], kwargs: dict[str, Tensor]) -> None:
        if torch.is_grad_enabled():
            self.backward += tokens_read(args, kwargs)
        else:
            self.forward += tokens_read(args, kwargs)

    def trainings(self, training_tokens: int) -> float:
        """Cost in units of one training: a backward counts twice its forward (Kaplan et al. 2020)."""
        return (self.backward + self.forward / 3) / training_tokens
