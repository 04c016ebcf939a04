"""MAGIC: the exact derivative of the test loss by each dataset's weight, through the training."""

from collections.abc import Mapping
from dataclasses import dataclass
from math import ceil, sqrt
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field

from lodo.methods.base import Attribution, AttributionMethod, register
from lodo.methods.provenance import Why, chosen, published
from lodo.tasks.memory import MOMENTS

if TYPE_CHECKING:
    from lodo.methods.extent import Extent
    from lodo.tasks.trained import TrainedModel

Fraction = Annotated[float, Field(gt=0, le=1)]


@register("magic")
@dataclass(frozen=True)
class Magic(AttributionMethod):
    """First-order change of the test loss when a dataset leaves the training (Ilyas & Engstrom 2025, Sec. 3).

    The loss of step t is L_t(theta, w) = (1 / tokens) sum_i w_owner(i) l_i(theta) at w = 1, l_i the summed loss of the
    batch's i-th sequence. D_ks = dL(Z'_s, theta_T(w)) / dw_k goes through every step: clipping, moments, weight decay,
    schedule. influence (K, S), nats per token, positive = leaving the dataset out raises the test loss: w_k goes to 0
    and, where the truth is by "fixed-steps", all other weights to 1 + n_k / (N - n_k), n_k of N slots being the
    dataset's, so that influence_ks = -D_ks + n_k / (N - n_k) sum_{j != k} D_js. By "all-examples" nothing fills the
    slots: -D_ks.

    Attributes:
        mode: ``forward`` carries K tangents along the training and serves all test sets and runs of that training;
            ``reverse`` carries S gradients back and serves one test set. ``auto`` is forward unless 4 S < K, because
            what is shared is worth more than what is cheap once.
        tail: share of the steps, the last ones, in which the weights act; 1 is the exact derivative of the training.
            Where a training is chaotic its derivative by its early steps says nothing about any finite change.
        double: replay in float64 whatever the training's precision.

    Raises:
        AttributionError: there is no replay, its optimizer takes no steps, or the derivative overflows.
    """

    mode: Literal["auto", "forward", "reverse"] = "auto"
    tail: Fraction = 1.0
    double: bool = False

    summary: ClassVar[str] = "exact derivative of the test loss by each dataset's weight through the training"
    rough_trainings = 0.04
    rough_once = 7.4
    paper: ClassVar[str] = "Ilyas & Engstrom 2025; Engstrom et al. 2025"
    whole: ClassVar[bool] = True
    reads_definition: ClassVar[bool] = True
    on_request: ClassVar[str] = "costs several trainings for each base training"
    lighter: ClassVar[str] = "set its mode to the one that carries fewer, or its tail lower, or take untrac"
    defaults: ClassVar[Mapping[str, Why]] = {
        "mode": chosen("both modes give the same numbers; the cheaper one for all tasks of a training together"),
        "tail": published("Ilyas & Engstrom 2025: through the whole training"),
        "double": chosen("the training's own precision"),
    }

    def backward(self, datasets: int, subsets: int) -> bool:
        """Whether gradients of so many subsets are carried back rather than tangents of so many datasets forward."""
        return self.mode == "reverse" or (self.mode == "auto" and 4 * subsets < datasets)

    def peak_vectors(self, extent: "Extent") -> float | None:
        states = 1 + MOMENTS[extent.optimizer]
        if self.backward(extent.datasets, extent.subsets):
            segment = ceil(sqrt(self.tail * extent.steps))
            vectors = extent.subsets * (states + 4) + segment * (2 * states + 2)
        else:
            vectors = extent.datasets * (states + 3)
        return (2 if self.double else 1) * (vectors + 2 * states + 6)

    def attribute(self, trained: "TrainedModel") -> Attribution:
        from functools import partial

        import torch

        from lodo.methods.engine.metagradient import Course, forward, subset_gradients
        from lodo.methods.engine.metareverse import backward, replayed

        course = Course(trained, self.tail, self.double)
        if self.backward(len(trained.datasets), len(trained.subsets)):
            theta, kept = replayed(course)
            derivative = backward(course, kept, subset_gradients(trained, course, theta))
        else:
            name = f"metagradient-{self.tail:g}{'-double' if self.double else ''}"
            final = trained.shared(name, partial(forward, course), scope="training")
            theta, tangents = (final[key].to(course.initial) for key in ("theta", "tangents"))
            derivative = tangents @ subset_gradients(trained, course, theta).T
        derivative = derivative.double().cpu()
        influence = -derivative
        if trained.definition == "fixed-steps":
            slots = torch.bincount(course.replay.owner, minlength=len(derivative)).to(derivative)[:, None]
            influence += slots / (slots.sum() - slots) * (derivative.sum(0) - derivative)
        # The replay numbers the datasets as the mixture does.
        rows = [list(trained.sizes).index(name) for name in trained.datasets]
        return Attribution.of(trained, influence[rows])
