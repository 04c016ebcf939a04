"""How large a task is, for methods that say how much memory they take, and what several families take alike."""

from dataclasses import dataclass

from lodo.tasks.memory import GIB, MOMENTS, are_held

NUMBER = 4  # bytes of a float32, in which all but double-precision trainings keep their weights
# Gradients that the gradient pass lets pass by at once.
PASSING = 4
# While a gradient is made its parts are there twice.
MAKING = 2


@dataclass(frozen=True)
class Extent:
    """What decides how many vectors of the model's size a method holds.

    Attributes:
        weights: P, trainable ones.
        datasets, subsets: K and S.
        shown: examples that a run shows, of all datasets together.
        steps: of the training.
        optimizer: of the training, whose moments its checkpoints hold.
        width, layers: of the model, about.
        free: bytes of memory that are free before it starts.
        kept: bytes that the harness remembers at most between a method's estimates.
    """

    weights: int
    datasets: int
    subsets: int
    shown: int
    steps: int
    optimizer: str
    width: int
    layers: int
    free: int = 16 * GIB
    kept: int = 2 * GIB

    @property
    def rows(self) -> int:
        """K + S."""
        return self.datasets + self.subsets

    def remembered(self, vectors: float) -> float:
        """How many of so many vectors the harness has room to remember."""
        return min(vectors, self.kept // (NUMBER * self.weights))

    def multiplied(self) -> float:
        """Vectors of the gradient pass: a model, moments, the held side unless it lies in a file, what passes by."""
        fewer = min(self.datasets, self.subsets)
        still = fewer if are_held(NUMBER * self.weights * fewer, self.free) else 0
        moments = 3 if self.optimizer in ("adam", "adamw") else 0
        passing = min(PASSING, max(self.datasets, self.subsets))
        return 1 + moments + still + passing + MAKING + self.remembered(self.rows)

    def solved(self, side: str, each: float) -> float:
        """Vectors of a solver that holds ``each`` for every right side: a model, its weights in a row, gradients."""
        right = self.datasets if side == "datasets" else self.subsets
        return 2 + MAKING + right * each + self.remembered(self.rows)

    def unlearned(self, optimizer: str, points: int, groups: int) -> float:
        """Vectors of unlearning ``groups`` one by one: model, gradient, moments, the weights at the points twice."""
        return 2 + MOMENTS[optimizer] + 2 * points + self.remembered((groups - 1) * points)
