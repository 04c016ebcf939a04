"""EK-FAC influence: the Gauss-Newton matrix's eigenbasis layer by layer, fitted by kronfluence."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field

from lodo.methods.base import Attribution, AttributionError, AttributionMethod, register
from lodo.methods.provenance import Why, chosen, published

if TYPE_CHECKING:
    from collections.abc import Mapping

    from torch import Tensor

    from lodo.methods.extent import Extent
    from lodo.tasks.likelihood import Examples
    from lodo.tasks.trained import TrainedModel


@register("ekfac")
@dataclass(frozen=True)
class Ekfac(AttributionMethod):
    """Sum over linear layers of <G_k, (H + lambda I)^-1 G_s> in EK-FAC's form of H (Grosse et al. 2023 Sec. 3.1).

    A layer's gradient G (out, in + 1), its bias the last column, is turned into Q_o' G Q_i, Q_i and Q_o the
    eigenvectors of the second moments of the layer's inputs and of its outputs' pseudo-gradients, and divided by
    Lambda + lambda: Lambda (out, in + 1) the mean square of single examples' turned pseudo-gradients, lambda =
    ``damping`` times its mean. Pseudo-gradients are those of labels that the model itself draws, so that H is the
    Gauss-Newton matrix of the summed loss.

    (K, S), positive: Newton's step on the dataset lowers the test loss. G_k and G_s are the gradients of L(Z_k) and
    L(Z'_s), aggregated before they are turned: K + S of them, not one for each example.

    Attributes:
        examples: at most how many training examples the factors are fitted on, of every dataset as many.
        damping: relative to the mean of Lambda; the paper's 0.1.
        layers: ``mlp``, the feed-forward ones, as in the paper, or ``all`` linear ones whose weight is theirs alone.

    Raises:
        AttributionError: there are no such layers; the model's loss is no likelihood.
    """

    examples: Annotated[int, Field(gt=0)] = 10_000
    damping: Annotated[float, Field(gt=0)] = 0.1
    layers: Literal["mlp", "all"] = "mlp"

    summary: ClassVar[str] = "influence function, Gauss-Newton matrix in EK-FAC's form, by kronfluence"
    rough_trainings = 0.77
    paper: ClassVar[str] = "Grosse et al. 2023, Sec. 3.1; George et al. 2018"
    defaults: ClassVar[Mapping[str, Why]] = {
        "examples": chosen("as many as UnTrac's paper shows of one dataset; at mini all that a run shows"),
        "damping": published("Grosse et al. 2023"),
        "layers": published("Grosse et al. 2023"),
    }
    requires: ClassVar[Mapping[str, str]] = {"kronfluence": "pip install kronfluence"}
    lighter: ClassVar[str] = "set its layers to mlp, or take logra"

    def peak_vectors(self, extent: "Extent") -> float | None:
        # Of a block's feed-forward layers, width by four times that, two matrices in double precision for each axis and
        # one for the layer, made of as many in single precision; the attention's four are width by width.
        squares, weights = (42, 8) if self.layers == "mlp" else (54, 12)
        blocks = extent.width**2 * extent.layers / extent.weights
        return 3 + (4 * squares + weights * extent.rows) * blocks

    def attribute(self, trained: "TrainedModel") -> Attribution:
        import torch

        from lodo.methods.engine.curvature import draw
        from lodo.methods.engine.kronecker import fit, layer_gradient
        from lodo.methods.engine.layers import linear_layers
        from lodo.methods.engine.perexample import by_content
        from lodo.tasks.likelihood import autocast

        linear = linear_layers(trained)
        names = linear if self.layers == "all" else trained.architecture.feed_forward(linear)
        if not names:
            raise AttributionError(
                f"ekfac: which layers of a {type(trained.model).__name__} are feed-forward ones is not known; set "
                "layers=all for all linear ones"
            )
        examples, _ = draw(trained, self.examples)
        # The order in which the labels are drawn comes from the examples, not from their datasets' order.
        factors = trained.remembered(
            "factors",
            lambda: fit(trained, names, examples[by_content(examples)], trained.generator("pseudo-labels")),
            "datasets",
        )

        model = trained.copy()
        device = str(next(model.parameters()).device)

        def layers_of(groups: "Mapping[str, Examples]") -> "list[Tensor]":
            with autocast(trained.recipe, device):
                gradients = [layer_gradient(model, names, group) for group in groups.values()]
            return [torch.stack([each[name] for each in gradients]) for name in names]

        left = trained.remembered("dataset gradients", lambda: layers_of(trained.datasets), "datasets")
        right = trained.remembered("subset gradients", lambda: layers_of(trained.subsets), "subsets")
        total = sum(
            factors[name].inner(datasets, subsets, self.damping)
            for name, datasets, subsets in zip(names, left, right, strict=True)
        )
        return Attribution.of(trained, total)
