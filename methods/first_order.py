"""First-order scores from one shared gradient pass: GradDot, GradCos, TracIn."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from lodo.methods.base import Attribution, AttributionMethod, register

if TYPE_CHECKING:
    from lodo.methods.extent import Extent
    from lodo.tasks.trained import TrainedModel


@register("graddot")
@dataclass(frozen=True)
class GradDot(AttributionMethod):
    """Dot product of a dataset's and a subset's summed gradients at theta_0 (UnTrac Eq. 7, last checkpoint only).

    influence_ks = <grad L(Z_k), grad L(Z'_s)>, (K, S), positive: a step against grad L(Z_k) lowers the test loss.
    """

    summary: ClassVar[str] = "dot product of the summed gradients at the last checkpoint"
    rough_trainings = 0.27
    paper: ClassVar[str] = "Pruthi et al. 2020; UnTrac Sec. 4.1"
    suite = "default"

    def peak_vectors(self, extent: "Extent") -> float | None:
        return extent.multiplied()

    def attribute(self, trained: "TrainedModel") -> Attribution:
        from lodo.methods.engine.gradients import gradient_products

        return Attribution.of(trained, gradient_products(trained, trained.checkpoints[-1]).dot)


@register("gradcos")
@dataclass(frozen=True)
class GradCos(AttributionMethod):
    """Cosine of a dataset's and a subset's summed gradients at theta_0 (UnTrac Sec. 4.1)."""

    summary: ClassVar[str] = "cosine of the summed gradients at the last checkpoint"
    rough_trainings = 0.27
    paper: ClassVar[str] = "Barshan et al. 2020; UnTrac Sec. 4.1"
    suite = "default"

    def peak_vectors(self, extent: "Extent") -> float | None:
        return extent.multiplied()

    def attribute(self, trained: "TrainedModel") -> Attribution:
        from lodo.methods.engine.gradients import gradient_products

        products = gradient_products(trained, trained.checkpoints[-1])
        return Attribution.of(trained, products.dot / products.dataset_norms[:, None] / products.subset_norms[None, :])


@register("tracin")
@dataclass(frozen=True)
class TracIn(AttributionMethod):
    """Sum over checkpoints of eta_t <grad L(Z_k, theta_t), grad L(Z'_s, theta_t)> (UnTrac Eq. 7).

    eta_t is the learning rate summed over the steps since the checkpoint before, so that warm-up and decay count.
    """

    summary: ClassVar[str] = "learning-rate-weighted dot products summed over the checkpoints"
    rough_trainings = 0.53
    paper: ClassVar[str] = "Pruthi et al. 2020; UnTrac Eq. 7"
    suite = "default"

    def peak_vectors(self, extent: "Extent") -> float | None:
        return extent.multiplied()

    def attribute(self, trained: "TrainedModel") -> Attribution:
        from lodo.methods.engine.gradients import gradient_products

        return Attribution.of(
            trained, sum(point.lr * gradient_products(trained, point).dot for point in trained.checkpoints)
        )
