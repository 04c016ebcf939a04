"""Influence by the empirical Fisher matrix of single examples' gradients: DataInf and LoGra, through dattri."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import Field

from lodo.methods.base import Attribution, AttributionMethod, register
from lodo.methods.provenance import Scaled, Why, choice, chosen, published

if TYPE_CHECKING:
    from torch import Tensor

    from lodo.methods.extent import Extent
    from lodo.tasks.trained import TrainedModel

Count = Annotated[int, Field(gt=0)]
Positive = Annotated[float, Field(gt=0)]
NEEDS = {"dattri": "pip install dattri"}


@register("datainf")
@dataclass(frozen=True)
class DataInf(AttributionMethod):
    """Sum over layers l of G_k' mean_i [(I - g_i g_i' / (lambda_l + |g_i|^2)) / lambda_l] G_s (DataInf Eq. 5).

    g_i is an example's gradient in the layer, G_k and G_s are those of L(Z_k) and L(Z'_s); the mean is over at most
    ``examples`` training examples, of every dataset as many. lambda_l = ``damping`` mean_i |g_i|^2 / d_l, d_l the
    layer's weights: the paper's 0.1. The inverse of a mean is taken for the mean of the inverses.

    (K, S), positive: Newton's step on the dataset, with the empirical Fisher matrix, lowers the test loss.

    The paper takes LoRA's layers; here they are the model's own, a weight with its bias.

    Raises:
        AttributionError: the examples' gradients do not fit into memory.
    """

    examples: Count = 256
    damping: Positive = 0.1

    summary: ClassVar[str] = "influence function, inverse Fisher matrix by its closed form for single examples"
    rough_trainings = 0.3
    paper: ClassVar[str] = "Kwon et al. 2024, Eq. 5"
    defaults: ClassVar[Mapping[str, Why]] = {
        "examples": chosen("as many as UnTrac's paper takes for its Hessians; the paper takes all training examples"),
        "damping": published("Kwon et al. 2024"),
    }
    requires: ClassVar[Mapping[str, str]] = NEEDS
    lighter: ClassVar[str] = "set its examples lower, or take graddot"

    def peak_vectors(self, extent: "Extent") -> float | None:
        # The examples' gradients are joined and scaled.
        return extent.solved("datasets", 8) + extent.subsets + 3 * min(self.examples, extent.shown)

    def attribute(self, trained: "TrainedModel") -> Attribution:
        import torch
        from dattri.algorithm.influence_function import IFAttributorDataInf

        from lodo.methods.engine import perexample
        from lodo.methods.engine.curvature import draw, gradients, require_memory

        counted = trained.copy().float()

        def solve() -> "Tensor":
            """A^-1 of the datasets' gradients, (K, P): A is symmetric, so it may be applied to either side."""
            model = perexample.single_precision(trained)
            examples, _ = draw(trained, self.examples)
            size = sum(value.numel() for value in model.parameters() if value.requires_grad)
            device = next(model.parameters()).device
            require_memory(
                8 * size * len(examples),
                device,
                f"datainf: the gradients of {len(examples)} examples by {size:,} weights, joined",
                lambda there: f"set examples to at most {there // size // 8}",
            )
            # dattri knows one damping for all layers: in coordinates divided by the root of a layer's own it is 1.
            attributor = IFAttributorDataInf(
                perexample.example_task(model, perexample.example_loss(model)), device=str(device), regularization=1.0
            )
            with perexample.silence():
                attributor.cache(perexample.loader(examples, perexample.batch_size(model)))
            seen = attributor._cached_train_reps[0]
            scales = []
            for layer in attributor._get_layer_wise_reps(0, seen):
                damping = self.damping * layer.square().sum(1).mean() / layer.shape[1]
                scales.append((damping.rsqrt() if damping > 0 else damping).expand(layer.shape[1]))
            scale = torch.cat(scales)
            attributor._cached_train_reps[0] = seen.mul_(scale)
            trained.charge(examples.size)
            datasets = torch.stack(list(gradients(trained, counted, trained.datasets.values(), normalise=False)))
            transformed: Tensor = attributor.transform_test_rep(0, datasets * scale)
            return transformed * scale

        solved = trained.remembered("solved datasets", solve, "datasets")
        subsets = torch.stack(list(gradients(trained, counted, trained.subsets.values(), normalise=False)))
        return Attribution.of(trained, solved.double() @ subsets.double().T)


@register("logra")
@dataclass(frozen=True)
class LoGra(AttributionMethod):
    """Sum over linear layers of g_k' (F + damping I)^-1 g_s with gradients projected on both sides (LoGra Sec. 3.1).

    A layer's gradient sum_t o_t i_t' of an example is kept as sum_t (P_o' o_t) (P_i' i_t)', ``rank`` by ``rank``, with
    P_o, P_i of normal numbers. F is the mean of g_i g_i' over all examples shown, ``damping`` is relative to the mean
    of its diagonal, layer by layer. g_k and g_s are means of examples' projected gradients.

    (K, S), positive: Newton's step on the dataset, with the empirical Fisher matrix, lowers the test loss. Layers are
    all linear ones, with their biases, but for an output layer tied to the embedding.

    Attributes:
        rank: dimensions kept of each layer's input and output; None = all, without a projection.
        damping: what is added to F's diagonal, relative to its mean.
    """

    rank: Count | None = 64
    damping: Positive = 0.1

    summary: ClassVar[str] = "influence function, Fisher matrix of gradients projected on both sides of each layer"
    rough_trainings = 0.27
    paper: ClassVar[str] = "Choe et al. 2024, Sec. 3.1"
    defaults: ClassVar[Mapping[str, Why]] = {
        "rank": chosen("4,096 dimensions a layer"),
        "damping": chosen("relative to the mean eigenvalue, as large as EK-FAC's"),
    }
    scaled: ClassVar[Scaled] = {
        "mini": {"rank": choice(16, "a matrix of 256 rows is what a few hundred examples can fill")}
    }
    requires: ClassVar[Mapping[str, str]] = NEEDS
    lighter: ClassVar[str] = "set its rank lower, or take graddot"

    def peak_vectors(self, extent: "Extent") -> float | None:
        if self.rank is None:
            return 2.0 + 2 * extent.shown
        # Six linear layers a block, a projected gradient of each example, and a matrix with its inverse.
        kept = 6 * extent.layers * self.rank**2 * (extent.shown + 2 * self.rank**2)
        return 2 + kept / extent.weights

    def attribute(self, trained: "TrainedModel") -> Attribution:
        import tempfile

        import torch
        from dattri.algorithm.logra import LoGraAttributor

        from lodo.methods.engine import perexample
        from lodo.methods.engine.layers import keep_sequences, linear_layers

        examples, owners = perexample.joined(trained.datasets)
        batch = perexample.batch_size(trained.model)
        shown = perexample.weighted_loader(examples, batch)
        seed = int(torch.randint(2**31, (1,), generator=trained.generator("projection")))

        def cache() -> LoGraAttributor:
            """The attributor that knows (F + damping I)^-1 g_i of the examples shown."""
            bare = perexample.single_precision(trained)
            layers = keep_sequences(bare, linear_layers(trained))
            model = perexample.WithLoss(bare)
            with tempfile.TemporaryDirectory() as folder:
                attributor = LoGraAttributor(
                    perexample.example_task(model, perexample.batch_loss),
                    layer_names=[f"model.{name}" for name in layers],
                    damping=self.damping,
                    device=str(next(model.parameters()).device),
                    proj_dim=(self.rank or 1) ** 2,
                    offload="none",
                    cache_dir=folder,
                )
                attributor.sparsifier_kwargs["proj_seed"] = seed
                if self.rank is None:
                    attributor.sparsifier_kwargs |= {"proj_type": "identity", "proj_dim": -1}
                attributor.cache(shown)
            trained.charge(examples.size)
            return attributor

        columns = []
        with perexample.silence():
            attributor = trained.remembered("attributor of the examples shown", cache, "datasets")
            for subset in trained.subsets.values():
                influence = attributor.attribute(shown, perexample.weighted_loader(subset, batch, together=True))
                columns.append(perexample.group_means(influence.sum(1), owners))
        trained.charge(sum(subset.size for subset in trained.subsets.values()))
        return Attribution.of(trained, torch.stack(columns, dim=1))
