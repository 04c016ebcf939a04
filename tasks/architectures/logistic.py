"""Multinomial logistic regression of the next token: convex, so that its training has one solution."""

from typing import TYPE_CHECKING, ClassVar, Literal

from lodo.tasks.architecture import Architecture, register_architecture
from lodo.tasks.frozen import Positive

if TYPE_CHECKING:
    import torch


@register_architecture("logistic")
class Logistic(Architecture):
    """A `lodo.tasks.convex.ConvexModel` on ``width`` random features of the last token."""

    solvable: ClassVar[bool] = True

    kind: Literal["logistic"] = "logistic"
    width: Positive

    def build(self, vocabulary: int, seed: int, precision: str = "float32") -> "torch.nn.Module":
        from lodo.tasks.convex import ConvexModel
        from lodo.tasks.weights import drawn

        return drawn(lambda: ConvexModel("logistic", vocabulary, self.width), seed, precision)

    def rough_parameters(self, vocabulary: int) -> int:
        return vocabulary * self.width
