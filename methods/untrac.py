"""UnTrac and UnTrac-Inv: unlearn by gradient ascent and watch the loss (arXiv 2401.15241)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any, ClassVar, Literal

from pydantic import Field

from lodo.methods.base import Attribution, AttributionMethod, register

if TYPE_CHECKING:
    from lodo.tasks.trained import TrainedModel

Optimizer = Literal["sgd", "momentum", "rmsprop", "adam", "adamw", "adafactor"]
Positive = Annotated[int, Field(gt=0)]
Rate = Annotated[float, Field(gt=0)]

TUNED_ON = "opt-equal/toxigen at scale mini on generated text"


@register("untrac")
@dataclass(frozen=True)
class UnTrac(AttributionMethod):
    """Unlearn Z_k from theta_0; influence is the rise of the test loss (UnTrac Eq. 2, 3).

    influence[t, k, s] = L(Z'_s, theta_t) - L(Z'_s, theta_0), nats per token, after step t of unlearning Z_k. One
    trajectory per dataset serves all test subsets.

    Attributes:
        batch_size: examples a step; at least the number of examples = full batch.
        epochs: passes over the examples.
        points: at how many steps, evenly spaced, the influence is taken; the last one is the estimate.
        dropout: unlearn in training mode, as the paper's public code does.
    """

    optimizer: Optimizer = "adam"
    lr: Rate = 5e-5
    batch_size: Positive = 1
    epochs: Positive = 1
    points: Positive = 4
    dropout: bool = False

    summary: ClassVar[str] = "unlearn each training dataset, report the rise of the test loss"
    paper: ClassVar[str] = "Isonuma & Titov 2024, Eq. 2"
    tuned: ClassVar[Mapping[str, Mapping[str, Any]]] = {"mini": {"lr": 1e-5, "batch_size": 8, "points": 2}}
    tuned_on: ClassVar[str] = TUNED_ON

    def attribute(self, trained: "TrainedModel") -> Attribution:
        import torch

        from lodo.methods.engine.unlearning import Ascent, ascend, evenly

        before = trained.losses(trained.subsets)
        count = len(next(iter(trained.datasets.values())))
        steps = self.epochs * max(1, count // self.batch_size)
        marks = evenly(steps, self.points)
        how = Ascent(self.optimizer, self.lr, steps, self.batch_size, self.dropout)
        rows = [
            ascend(
                trained,
                examples,
                how,
                lambda model: trained.losses(trained.subsets, model),
                marks,
                # The same order of positions for every dataset: equal datasets get equal scores.
                trained.generator("unlearning order"),
            )
            - before
            for examples in trained.datasets.values()
        ]
        return Attribution.of(trained, torch.stack(rows, dim=1), marks)


@register("untrac-inv")
@dataclass(frozen=True)
class UnTracInv(AttributionMethod):
    """Unlearn a test subset from theta_0; influence is the rise of each training dataset's loss (UnTrac Eq. 4).

    influence[t, k, s] = L(Z_k, theta_t) - L(Z_k, theta_0), nats per token, after step t of unlearning Z'_s. Each
    subset is unlearned by itself, the whole subset as the batch.

    Attributes:
        steps: optimizer steps, which are epochs too.
        points: at how many steps, evenly spaced, the influence is taken; each costs a pass over all datasets.
        dropout: unlearn in training mode, as the paper's public code does.
    """

    optimizer: Optimizer = "adam"
    lr: Rate = 5e-5
    steps: Positive = 5
    points: Positive = 5
    dropout: bool = False

    summary: ClassVar[str] = "unlearn each test subset, report the rise of the training datasets' losses"
    paper: ClassVar[str] = "Isonuma & Titov 2024, Eq. 4"
    tuned: ClassVar[Mapping[str, Mapping[str, Any]]] = {"mini": {"lr": 1e-4, "points": 1}}
    tuned_on: ClassVar[str] = TUNED_ON

    def attribute(self, trained: "TrainedModel") -> Attribution:
        import torch

        from lodo.methods.engine.unlearning import Ascent, ascend, evenly

        before = trained.losses(trained.datasets)
        marks = evenly(self.steps, self.points)
        columns = [
            ascend(
                trained,
                examples,
                Ascent(self.optimizer, self.lr, self.steps, len(examples), self.dropout),
                lambda model: trained.losses(trained.datasets, model),
                marks,
                trained.generator("unlearning order"),
            )
            - before
            for examples in trained.subsets.values()
        ]
        return Attribution.of(trained, torch.stack(columns, dim=2), marks)
