"""First-order scores that know the optimizer: LESS and TrackStar, from the gradient pass that TracIn uses too."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from lodo.methods.base import Attribution, AttributionMethod, register

if TYPE_CHECKING:
    from lodo.methods.extent import Extent
    from lodo.tasks.trained import TrainedModel


@register("less")
@dataclass(frozen=True)
class Less(AttributionMethod):
    """Sum over checkpoints of eta_t cos(Gamma(grad L(Z_k)), grad L(Z'_s)) (LESS, Definition 3.1: Adam influence).

    Gamma is the direction of Adam's step t + 1 with that gradient from the state that the training left after step t:

        Gamma(g) = m / (sqrt(v) + epsilon),  m = (beta1 m_t + (1 - beta1) g) / (1 - beta1^(t+1)),
                                             v = (beta2 v_t + (1 - beta2) g^2) / (1 - beta2^(t+1)).

    (K, S), positive: Adam's step on Z_k lowers the test loss. eta_t is the learning rate summed over the steps since
    the checkpoint before, as in TracIn here; the paper takes an epoch's mean.

    The paper scores examples by gradients of LoRA's parameters under a random projection, and a validation task by its
    mean gradient. Here a dataset has one gradient, its mean, of all parameters and without projection. Epsilon stands
    outside the root, as in torch's Adam, which trained the model.

    Raises:
        AttributionError: the training's optimizer keeps no second moments.
    """

    summary: ClassVar[str] = "cosines of Adam's next step on a dataset and the test gradient, summed over checkpoints"
    rough_trainings = 0.53
    paper: ClassVar[str] = "Xia et al. 2024, Def. 3.1"
    suite = "default"

    def peak_vectors(self, extent: "Extent") -> float | None:
        return extent.multiplied()

    def attribute(self, trained: "TrainedModel") -> Attribution:
        from lodo.methods.engine.gradients import ADAM, gradient_products

        return Attribution.of(
            trained, sum(point.lr * gradient_products(trained, point, ADAM).cosines for point in trained.checkpoints)
        )


@register("trackstar")
@dataclass(frozen=True)
class TrackStar(AttributionMethod):
    """Cosine of both gradients over the root of the optimizer's second moment, at theta_0 (TrackStar).

    influence_ks = cos(grad L(Z_k) / sqrt(V), grad L(Z'_s) / sqrt(V)), (K, S), positive: a step down the dataset's
    gradient, in coordinates that Adam sees as equally steep, lowers the test loss. V is the bias-corrected exp_avg_sq
    of the last checkpoint.

    The paper's G = R^(-1/2) P_d grad / sqrt(V) has two more factors. P_d, a random projection that makes gradients
    of billions of weights fit to be stored, is not needed. R, the covariance of single examples' projected gradients
    mixed from training and test examples, wants a gradient for each example, not K + S: it is left out.

    Raises:
        AttributionError: the training's optimizer keeps no second moments.
    """

    summary: ClassVar[str] = "cosine of gradients over the root of Adam's second moment, last checkpoint"
    rough_trainings = 0.27
    paper: ClassVar[str] = "Chang et al. 2024, without R and P_d"
    suite = "default"

    def peak_vectors(self, extent: "Extent") -> float | None:
        return extent.multiplied()

    def attribute(self, trained: "TrainedModel") -> Attribution:
        from lodo.methods.engine.gradients import SCALED, gradient_products

        return Attribution.of(trained, gradient_products(trained, trained.checkpoints[-1], SCALED).cosines)
