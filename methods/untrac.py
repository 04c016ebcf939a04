"""UnTrac and UnTrac-Inv: unlearn by gradient ascent and watch the loss (arXiv 2401.15241)."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field

from lodo.methods.base import Attribution, AttributionMethod, register
from lodo.methods.provenance import FIGURE_ONLY, Scaled, Why, budget, chosen, published

if TYPE_CHECKING:
    from torch import Tensor

    from lodo.methods.engine.unlearning import Term
    from lodo.methods.extent import Extent
    from lodo.tasks.likelihood import Examples
    from lodo.tasks.trained import TrainedModel

Optimizer = Literal["sgd", "momentum", "rmsprop", "adam", "adamw", "adafactor"]
Positive = Annotated[int, Field(gt=0)]
Rate = Annotated[float, Field(gt=0)]

UNTRAC = "Isonuma & Titov 2024, Sec. 5"
NO_DROPOUT = "the paper's text names none; its public code unlearns with dropout"
ORDER = "unlearning order"
LIGHTER = "set its points to 1, or its optimizer to adafactor"


@dataclass(frozen=True)
class Unlearning(AttributionMethod):
    """Unlearn Z_k from theta_0 by minimising some objective; influence is the rise of the test loss (UnTrac Eq. 2).

    influence[t, k, s] = L(Z'_s, theta_t) - L(Z'_s, theta_0), nats per token, after step t of unlearning Z_k. One
    trajectory per dataset serves all test subsets. A subclass says what is minimised.

    All datasets are unlearned for the same number of steps: ``epochs`` of the largest one's full batches. A dataset
    no larger than ``batch_size`` is its own batch at every step.

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

    defaults: ClassVar[Mapping[str, Why]] = {
        **dict.fromkeys(("optimizer", "lr", "batch_size", "epochs"), published(UNTRAC)),
        "points": chosen(FIGURE_ONLY),
        "dropout": chosen(NO_DROPOUT),
    }
    lighter: ClassVar[str] = LIGHTER

    def terms(self, trained: "TrainedModel", name: str) -> "list[Term]":
        """What the steps that unlearn dataset ``name`` minimise: first the term over the dataset's own text."""
        raise NotImplementedError

    def peak_vectors(self, extent: "Extent") -> float | None:
        return extent.unlearned(self.optimizer, self.points, extent.datasets)

    def attribute(self, trained: "TrainedModel") -> Attribution:
        from lodo.methods.engine.unlearning import Ascent, evenly, rises, unlearn

        steps = self.epochs * max(1, max(map(len, trained.datasets.values())) // self.batch_size)
        marks = evenly(steps, self.points)
        how = Ascent(self.optimizer, self.lr, steps, self.batch_size, self.dropout)
        before = trained.remembered("subset losses", lambda: trained.losses(trained.subsets), "subsets")

        def after(name: str) -> "Tensor":
            weights = trained.remembered(
                f"weights without {name}", lambda: unlearn(trained, self.terms(trained, name), how, marks), "datasets"
            )
            return rises(trained, weights, marks, trained.subsets, before, partial(trained.unlearned, name))

        return Attribution.of(trained, stacked([after(name) for name in trained.datasets], 1), marks)


@register("untrac")
@dataclass(frozen=True)
class UnTrac(Unlearning):
    """Unlearn Z_k by plain gradient ascent (UnTrac Eq. 2, 3)."""

    summary: ClassVar[str] = "unlearn each training dataset, report the rise of the test loss"
    rough_trainings = 0.3
    paper: ClassVar[str] = "Isonuma & Titov 2024, Eq. 2"
    suite = "default"
    scaled: ClassVar[Scaled] = {
        "mini": {"points": budget(2)},
        "gpu": {"points": budget(1)},
    }

    def terms(self, trained: "TrainedModel", name: str) -> "list[Term]":
        from lodo.methods.engine.unlearning import Term, ascent

        # The same order of positions for every dataset: equal datasets get equal scores.
        return [Term(trained.datasets[name], ascent, trained.generator(ORDER))]


@register("untrac-inv")
@dataclass(frozen=True)
class UnTracInv(AttributionMethod):
    """Unlearn a test subset from theta_0; influence is the rise of each training dataset's loss (UnTrac Eq. 4).

    influence[t, k, s] = L(Z_k, theta_t) - L(Z_k, theta_0), nats per token, after step t of unlearning Z'_s. Each
    subset is unlearned by itself.

    Attributes:
        steps: optimizer steps; with the whole subset as the batch they are epochs too.
        points: at how many steps, evenly spaced, the influence is taken; each costs a pass over all datasets.
        dropout: unlearn in training mode, as the paper's public code does.
        batch_size: examples a step; None, or at least a subset's size, is the whole subset. The paper's 256 is all its
            subsets have; its Fig. 3 shows that small batches fail.
    """

    optimizer: Optimizer = "adam"
    lr: Rate = 5e-5
    steps: Positive = 5
    points: Positive = 5
    dropout: bool = False
    batch_size: Positive | None = 256

    summary: ClassVar[str] = "unlearn each test subset, report the rise of the training datasets' losses"
    rough_trainings = 0.82
    paper: ClassVar[str] = "Isonuma & Titov 2024, Eq. 4"
    suite = "default"
    defaults: ClassVar[Mapping[str, Why]] = {
        **dict.fromkeys(("optimizer", "lr", "steps", "batch_size"), published(UNTRAC)),
        "points": chosen(FIGURE_ONLY),
        "dropout": chosen(NO_DROPOUT),
    }
    scaled: ClassVar[Scaled] = {scale: {"points": budget(1)} for scale in ("mini", "gpu")}
    lighter: ClassVar[str] = LIGHTER

    def peak_vectors(self, extent: "Extent") -> float | None:
        return extent.unlearned(self.optimizer, self.points, extent.subsets)

    def attribute(self, trained: "TrainedModel") -> Attribution:
        from lodo.methods.engine.unlearning import Ascent, Term, ascent, evenly, rises, unlearn

        marks = evenly(self.steps, self.points)
        before = trained.remembered("dataset losses", lambda: trained.losses(trained.datasets), "datasets")

        def after(name: str, examples: "Examples") -> "Tensor":
            how = Ascent(self.optimizer, self.lr, self.steps, self.batch_size or len(examples), self.dropout)
            # A subset is unlearned alike in every run: only the examples on which that is seen are drawn anew.
            term = Term(examples, ascent, trained.generator(ORDER, every_run=True))
            weights = trained.remembered(
                f"weights without {name}", lambda: unlearn(trained, [term], how, marks), "subsets"
            )
            return rises(trained, weights, marks, trained.datasets, before)

        columns = [after(name, examples) for name, examples in trained.subsets.items()]
        return Attribution.of(trained, stacked(columns, 2), marks)


def stacked(parts: "list[Tensor]", axis: int) -> "Tensor":
    """torch.stack, without torch being loaded for a list of methods."""
    import torch

    return torch.stack(parts, dim=axis)
