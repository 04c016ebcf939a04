"""TRAK: a linear model of the network's output in randomly projected gradients of single examples."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar

from pydantic import Field

from lodo.methods.base import Attribution, AttributionError, AttributionMethod, register
from lodo.methods.provenance import Why, chosen, published

if TYPE_CHECKING:
    from torch import Tensor

    from lodo.methods.engine.perexample import Measure, Params
    from lodo.methods.extent import Extent
    from lodo.tasks.trained import TrainedModel


@register("trak")
@dataclass(frozen=True)
class Trak(AttributionMethod):
    """phi(z')' (Phi' Phi)^-1 phi(z_i) (1 - p_i), mean over a dataset's and a subset's examples (TRAK Sec. 3).

    phi(z) = P' grad f(z; theta_0) / sqrt(number of weights) with P of standard normal numbers, f = log(p / (1 - p)),
    p the geometric mean of the probabilities of an example's scored tokens; Phi (N, ``dimensions``) holds phi of all
    examples shown. (K, S), positive: the dataset's examples raise the odds of the subset's text.

    The paper averages over several trainings; there is one here. It takes one output for each example; a text's is
    here the odds of its mean token.

    Attributes:
        dimensions: of the projection, fewer than there are examples, or Phi' Phi has no inverse; None = a third.
        regularization: what is added to the diagonal of Phi' Phi.

    Raises:
        AttributionError: more dimensions than examples and no regularization; the gradients do not fit into memory.
    """

    dimensions: Annotated[int, Field(gt=0)] | None = None
    regularization: Annotated[float, Field(ge=0)] = 0.0

    summary: ClassVar[str] = "linear model of the outputs in projected gradients of single examples, by dattri"
    rough_trainings = 0.27
    paper: ClassVar[str] = "Park et al. 2023, Sec. 3"
    defaults: ClassVar[Mapping[str, Why]] = {
        "dimensions": chosen("a third of the examples, so that the matrix has an inverse that is not noise"),
        "regularization": published("Park et al. 2023: the estimator has none"),
    }
    requires: ClassVar[Mapping[str, str]] = {"dattri": "pip install dattri"}
    lighter: ClassVar[str] = "set its dimensions lower, or take logra"

    def peak_vectors(self, extent: "Extent") -> float | None:
        # dattri draws at most a hundred columns of the projection at once; examples pass 64 at a time at most.
        columns = min(100, self.dimensions or max(1, extent.shown // 3))
        return 2 + columns + 3 * max(1, min(64, 2**26 // extent.weights))

    def attribute(self, trained: "TrainedModel") -> Attribution:
        import torch
        from dattri.algorithm.trak import TRAKAttributor

        from lodo.methods.engine import perexample

        examples, owners = perexample.joined(trained.datasets)
        dimensions = self.dimensions or max(1, len(examples) // 3)
        if len(examples) <= dimensions and not self.regularization:
            raise AttributionError(
                f"trak: dimensions={dimensions} of {len(examples)} examples' gradients leave a matrix without an "
                "inverse; set dimensions below the number of examples, or regularization"
            )
        model = perexample.single_precision(trained)
        loss = perexample.example_loss(model)
        batch = perexample.batch_size(model)
        device = next(model.parameters()).device
        seed = int(torch.randint(2**31, (1,), generator=trained.generator("projection")))
        attributor = TRAKAttributor(
            perexample.example_task(model, log_odds(loss)),
            correct_probability_func=lambda params, example: (-loss(params, example)).exp(),
            projector_kwargs={
                "proj_dim": dimensions,
                "proj_max_batch_size": 32,
                "proj_seed": seed,
                "proj_type": "normal",
                "device": str(device),
            },
            device=str(device),
            regularization=self.regularization,
        )

        def cache() -> TRAKAttributor:
            """The attributor that knows (Phi' Phi)^-1 Phi' and 1 - p of the examples shown."""
            attributor.cache(perexample.loader(examples, batch))
            # A pass with gradients for each, and one without for p.
            shown = examples.size
            trained.charge(shown + shown // 3)
            return attributor

        columns = []
        with perexample.silence():
            cached = trained.remembered("attributor of the examples shown", cache, "datasets")
            for subset in trained.subsets.values():
                influence = cached.attribute(perexample.loader(subset, batch)).mean(1)
                columns.append(perexample.group_means(influence, owners))
        trained.charge(sum(subset.size for subset in trained.subsets.values()))
        return Attribution.of(trained, torch.stack(columns, dim=1))


def log_odds(loss: "Measure") -> "Measure":
    """log(p / (1 - p)) for p = exp(-loss)."""

    def f(params: "Params", example: "tuple[Tensor, ...]") -> "Tensor":
        import torch

        nats = loss(params, example)
        return -nats - torch.log(-torch.expm1(-nats))

    return f
