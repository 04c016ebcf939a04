"""Word overlap: what a method must beat to have seen more than the surface of the text."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar

from lodo.methods.base import Attribution, AttributionMethod, register

if TYPE_CHECKING:
    from torch import Tensor

    from lodo.tasks.model import Examples
    from lodo.tasks.trained import TrainedModel


@register("bag-of-words")
@dataclass(frozen=True)
class BagOfWords(AttributionMethod):
    """Cosine of a dataset's and a subset's token counts, (K, S); the subset's scored tokens, the dataset's all."""

    summary: ClassVar[str] = "cosine of token counts"

    def attribute(self, trained: "TrainedModel") -> Attribution:
        import torch

        groups = [*trained.datasets.values(), *trained.subsets.values()]
        size = 1 + max(int(examples.tokens.max()) for examples in groups)

        def counts(groups: list["Examples"]) -> "Tensor":
            found = [torch.bincount(group.tokens[group.scored], minlength=size).double() for group in groups]
            return torch.nn.functional.normalize(torch.stack(found), dim=1)

        datasets, subsets = counts(list(trained.datasets.values())), counts(list(trained.subsets.values()))
        return Attribution.of(trained, datasets @ subsets.T)
