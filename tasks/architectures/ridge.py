"""Ridge regression of the next token's vector: convex, so that its training has one solution."""

from typing import TYPE_CHECKING, ClassVar, Literal

from lodo.tasks.architecture import Architecture, register_architecture
from lodo.tasks.frozen import Positive

if TYPE_CHECKING:
    import torch


@register_architecture("ridge")
class Ridge(Architecture):
    """A `lodo.tasks.convex.ConvexModel` on ``width`` random features of the last token."""

    solvable: ClassVar[bool] = True

    kind: Literal["ridge"] = "ridge"
    width: Positive

    def build(self, vocabulary: int, seed: int, precision: str = "float32") -> "torch.nn.Module":
        from lodo.tasks.convex import ConvexModel
        from lodo.tasks.weights import drawn

        return drawn(lambda: ConvexModel("ridge", vocabulary, self.width), seed, precision)

    def rough_parameters(self, vocabulary: int) -> int:
        return self.width**2
