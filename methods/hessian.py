"""Hessian-based influence functions: the inverse Hessian by LiSSA, conjugate gradient, Arnoldi and Cholesky."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field

from lodo.methods.base import Attribution, AttributionError, AttributionMethod, register
from lodo.methods.provenance import Scaled, Why, budget, choice, chosen, published

if TYPE_CHECKING:
    from torch import Tensor

    from lodo.methods.engine.curvature import Curvature
    from lodo.methods.extent import Extent
    from lodo.tasks.likelihood import Examples
    from lodo.tasks.trained import TrainedModel

Count = Annotated[int, Field(gt=0)]
Positive = Annotated[float, Field(gt=0)]
Damping = Annotated[float, Field(ge=0)]

UNTRAC = "Isonuma & Titov 2024, Sec. 5"
NOT_POSITIVE = "raise damping, or set gauss_newton=true, whose matrix has no negative eigenvalues"
STILL_NOT_POSITIVE = "raise damping: a Gauss-Newton matrix is positive definite with any but zero or rounding"


@dataclass(frozen=True)
class HessianInfluence(AttributionMethod):
    """influence_ks = grad L(Z_k)' (H + damping I)^-1 grad L(Z'_s) (UnTrac Eq. 8; Koh & Liang 2017 Eq. 2).

    (K, S), positive: Newton's step on Z_k lowers the test loss. H is the Hessian of the mean loss, nats per token, of
    training examples that all datasets give in equal number. Fields and defaults that the subclasses share:

    Attributes:
        examples: at most how many training examples H is averaged over.
        damping: what is added to H's diagonal, in nats per token per squared weight.
        normalise: bring each dataset's gradient to unit length, as the paper does; it scales that dataset's row.
        gauss_newton: the Gauss-Newton matrix in the Hessian's place: never negative, and cheaper.
        side: whether the inverse is applied to the datasets' gradients, which serves all test sets of a run at once, or
            to the subsets', which is cheaper where these are few. Where the inverse is exact it makes no difference.
    """

    examples: Count = 256
    damping: Damping = 0.01
    normalise: bool = True
    gauss_newton: bool = False
    side: Literal["datasets", "subsets"] = "datasets"

    paper: ClassVar[str] = "Koh & Liang 2017; UnTrac Eq. 8"
    defaults: ClassVar[Mapping[str, Why]] = {
        "examples": published(UNTRAC),
        "normalise": published(UNTRAC),
        "gauss_newton": published("Koh & Liang 2017: the Hessian itself"),
        "side": chosen("solved for the datasets, one system serves all test sets of a run"),
        "damping": chosen("the size that Koh & Liang 2017 give for a network; UnTrac's paper names none"),
    }
    lighter: ClassVar[str] = "set its side to the one that has fewer rows, or take graddot"

    def peak_vectors(self, extent: "Extent") -> float | None:
        return extent.solved(self.side, 6)

    def attribute(self, trained: "TrainedModel") -> Attribution:
        from lodo.methods.engine.curvature import Curvature, draw, influence

        curvature = Curvature(trained, self.gauss_newton)
        examples, rounds = draw(trained, self.examples)

        def solve(right: "Tensor") -> "Tensor":
            return self.solved(curvature, examples, rounds, right)

        return Attribution.of(trained, influence(trained, curvature.model, solve, self.normalise, self.side))

    def solved(self, curvature: "Curvature", examples: "Examples", rounds: "Tensor", right: "Tensor") -> "Tensor":
        """(H + damping I)^-1 b for each row b of ``right`` (R, P); ``rounds`` (N,) says what is drawn together."""
        raise NotImplementedError

    @property
    def advice(self) -> str:
        """What to do where H + damping I is not positive definite."""
        return STILL_NOT_POSITIVE if self.gauss_newton else NOT_POSITIVE


@register("hif-lissa")
@dataclass(frozen=True)
class Lissa(HessianInfluence):
    """The inverse by LiSSA's recursion over mini-batches (Agarwal et al. 2017; Koh & Liang 2017 Sec. 3).

    x_{t+1} = x_t + (g - (H_t + damping I) x_t) / scale from x_0 = g / scale, whose fixed point under one H is
    (H + damping I)^-1 g exactly. It is Koh & Liang's v_{t+1} = g + (1 - d) v_t - H_t v_t / scale for v = scale x and
    d = damping / scale. Each mini-batch holds the same number of every dataset's examples; after the last the first
    comes again.

    Attributes:
        iterations: steps of the recursion; the paper takes 10.
        scale: what H is divided by, above half its largest eigenvalue; None takes the first mini-batch's largest
            eigenvalue (10 power iterations from its gradient) plus the damping.
        batch: about how many examples a step takes; None has the iterations use all examples about once.

    Raises:
        AttributionError: the recursion diverges.
    """

    iterations: Count = 10
    scale: Positive | None = None
    batch: Count | None = None

    summary: ClassVar[str] = "influence function, inverse Hessian by LiSSA"
    rough_trainings = 0.74
    paper: ClassVar[str] = "Agarwal et al. 2017; UnTrac Eq. 8"
    defaults: ClassVar[Mapping[str, Why]] = {
        "iterations": published(UNTRAC),
        "scale": chosen("found anew for each model: the recursion must not diverge"),
        "batch": chosen("the iterations use all examples about once"),
    }
    scaled: ClassVar[Scaled] = {"mini": {"examples": budget(80)}, "gpu": {"examples": budget(40)}}

    def solved(self, curvature: "Curvature", examples: "Examples", rounds: "Tensor", right: "Tensor") -> "Tensor":
        from lodo.methods.engine.gradients import gradient
        from lodo.methods.engine.solvers import largest_eigenvalue, lissa

        drawn = int(rounds[-1]) + 1
        size = self.batch or -(-len(examples) // self.iterations)
        together = max(1, size * drawn // len(examples))
        groups = [examples[rows] for rows in _grouped(rounds // together)]
        scale = self.scale
        if scale is None:
            start = gradient(curvature.model, groups[0])
            largest = largest_eigenvalue(lambda vectors: curvature(vectors, groups[0]), start)
            scale = largest + self.damping
            if not 0 < scale < float("inf"):
                raise AttributionError(
                    f"LiSSA: the Hessian's largest eigenvalue came out as {largest:.3g}, which no scale; set scale"
                )
        return lissa(
            lambda step, vectors: curvature(vectors, groups[step % len(groups)]),
            right,
            self.iterations,
            self.damping,
            scale,
        )


@register("hif-cg")
@dataclass(frozen=True)
class ConjugateGradient(HessianInfluence):
    """The inverse by conjugate gradient for all right sides at once (Martens 2010; Koh & Liang 2017 Sec. 3).

    A network's Hessian has negative eigenvalues even where training ends, and conjugate gradient needs a positive
    definite matrix: the default is the Gauss-Newton matrix, as in Martens 2010. Few iterations are a regularisation of
    their own: directions of small curvature come last.

    Attributes:
        iterations: at most so many; each is one product with all right sides.
        tolerance: a right side is solved once its residual is this small relative to it.
        reorthogonalise: free each residual of the earlier ones, so that rounding does not grow with the iterations; it
            holds one vector per iteration and right side.

    Raises:
        AttributionError: a direction's curvature is not positive; the residuals would not fit into memory.
    """

    gauss_newton: bool = True
    iterations: Count = 50
    tolerance: Damping = 1e-6
    reorthogonalise: bool = True

    summary: ClassVar[str] = "influence function, inverse Gauss-Newton matrix by conjugate gradient"
    rough_trainings = 2.5
    paper: ClassVar[str] = "Martens 2010; Koh & Liang 2017; UnTrac Eq. 8"
    suite = "default"
    defaults: ClassVar[Mapping[str, Why]] = {
        "gauss_newton": published("Martens 2010"),
        "iterations": chosen("more than a small model's solution takes to settle"),
        "tolerance": chosen("near what single precision can tell apart"),
        "reorthogonalise": chosen("else the answer hangs on the order of the datasets after some ten iterations"),
    }
    scaled: ClassVar[Scaled] = {
        "mini": {"examples": budget(80), "iterations": budget(10)},
        "gpu": {"examples": budget(32), "iterations": budget(5), "reorthogonalise": budget(False)},
    }
    lighter: ClassVar[str] = "set its iterations lower or reorthogonalise=false, or take graddot"

    def peak_vectors(self, extent: "Extent") -> float | None:
        return extent.solved(self.side, 8 + (self.iterations + 2) * self.reorthogonalise)

    def solved(self, curvature: "Curvature", examples: "Examples", rounds: "Tensor", right: "Tensor") -> "Tensor":
        from lodo.methods.engine.curvature import require_memory
        from lodo.methods.engine.solvers import conjugate_gradient

        if self.reorthogonalise:
            require_memory(
                self.iterations * right.numel() * right.element_size(),
                right.device,
                f"hif-cg: the residuals of iterations={self.iterations} for {len(right)} right sides",
                lambda _: "set reorthogonalise=false, or iterations to fewer",
            )
        return conjugate_gradient(
            lambda vectors: curvature(vectors, examples),
            right,
            self.iterations,
            self.tolerance,
            self.damping,
            self.advice,
            self.reorthogonalise,
        )


@register("hif-arnoldi")
@dataclass(frozen=True)
class Arnoldi(HessianInfluence):
    """The inverse in the span of the dominant eigenvectors (Schioppa et al. 2022 Sec. 3; UnTrac Eq. 8).

    influence_ks = sum over the ``top`` eigenpairs of <grad L(Z_k), u_i> <grad L(Z'_s), u_i> / (lambda_i + damping),
    eigenpairs of H projected on the Krylov space that ``steps`` products with H span from a random start, the largest
    by magnitude: negative eigenvalues count with their sign.

    Attributes:
        steps: n, products with H, one vector each; the basis of n vectors is held.
        top: p, eigenpairs kept.
        damping: added to each eigenvalue; the papers have none.

    Raises:
        AttributionError: the basis would not fit into memory; a kept eigenvalue is zero.
    """

    damping: Damping = 0.0
    steps: Count = 200
    top: Count = 100

    summary: ClassVar[str] = "influence function in the Hessian's dominant eigenspace, by Arnoldi iteration"
    rough_trainings = 0.34
    paper: ClassVar[str] = "Schioppa et al. 2022; UnTrac Eq. 8"
    defaults: ClassVar[Mapping[str, Why]] = {
        "damping": published("Schioppa et al. 2022: none"),
        "steps": published("Isonuma & Titov 2024, Sec. 5, for OPT"),
        "top": published("Isonuma & Titov 2024, Sec. 5, for OPT"),
    }
    scaled: ClassVar[Scaled] = {"mini": {"examples": budget(16), "steps": budget(12), "top": budget(6)}}
    exempt: ClassVar[Mapping[str, str]] = {
        "sign of the truth": "six eigenvectors, as at mini, hold too little of the gradients; a hundred hold enough"
    }
    lighter: ClassVar[str] = "set its steps lower"

    def peak_vectors(self, extent: "Extent") -> float | None:
        return extent.solved(self.side, 0) + self.steps + 6

    def attribute(self, trained: "TrainedModel") -> Attribution:
        import torch

        from lodo.methods.engine.curvature import Curvature, draw, gradients, require_memory
        from lodo.methods.engine.solvers import arnoldi

        curvature = Curvature(trained, self.gauss_newton)
        theta = curvature.theta
        each = theta.numel() * theta.element_size()
        require_memory(
            (min(self.steps, curvature.size) + 1) * each,
            theta.device,
            f"hif-arnoldi: the basis of steps={self.steps} vectors of {curvature.size:,} weights",
            lambda there: (
                f"set steps to at most {max(0, there // each - 1)}" if there >= 2 * each else "none would fit"
            ),
        )
        examples, _ = draw(trained, self.examples)
        basis, projected = trained.remembered(
            "arnoldi basis",
            lambda: arnoldi(
                lambda vectors: curvature(vectors, examples), self.steps, theta, trained.generator("arnoldi start")
            ),
            "datasets",
        )
        values, vectors = torch.linalg.eigh(projected.double())
        kept = values.abs().argsort(descending=True)[: self.top]
        values, vectors = values[kept] + self.damping, vectors[:, kept]
        if not values.abs().min() > torch.finfo(theta.dtype).eps * values.abs().max():
            raise AttributionError(
                f"hif-arnoldi: one of the top={self.top} eigenvalues is zero to rounding (damping={self.damping:.3g}), "
                "so it has no inverse; lower top, or set damping"
            )

        def coordinates(groups: "Mapping[str, Examples]", normalise: bool) -> "Tensor":
            rows = [basis @ each for each in gradients(trained, curvature.model, groups.values(), normalise)]
            answer: Tensor = torch.stack(rows).double() @ vectors
            return answer

        datasets, subsets = coordinates(trained.datasets, self.normalise), coordinates(trained.subsets, False)
        return Attribution.of(trained, datasets / values @ subsets.T)


@register("hif-exact")
@dataclass(frozen=True)
class Exact(HessianInfluence):
    """The inverse of the whole matrix by its Cholesky factor: what the others come near, for small models.

    Raises:
        AttributionError: the matrix would not fit into memory; H + damping I is not positive definite.
    """

    summary: ClassVar[str] = "influence function, dense inverse Hessian, which the others approximate"
    on_request: ClassVar[str] = "forms the dense Hessian; for models of a few thousand parameters"
    lighter: ClassVar[str] = "take hif-cg"
    scaled: ClassVar[Scaled] = {
        "mini": {"gauss_newton": choice(True, "hif-cg's matrix, which it inverts exactly"), "examples": budget(16)}
    }
    exempt: ClassVar[Mapping[str, str]] = {
        "half precision agrees": "the model of that check has too many parameters for a dense Hessian"
    }

    def peak_vectors(self, extent: "Extent") -> float | None:
        return extent.solved(self.side, 3) + 6 * extent.weights

    def solved(self, curvature: "Curvature", examples: "Examples", rounds: "Tensor", right: "Tensor") -> "Tensor":
        from lodo.methods.engine.curvature import require_memory
        from lodo.methods.engine.solvers import cholesky_solve, dense

        require_memory(
            24 * curvature.size**2,
            right.device,
            f"hif-exact: the dense Hessian of {curvature.size:,} weights and its factor in double precision",
            lambda there: f"at most {int((there / 24) ** 0.5):,} weights would fit; use hif-cg",
        )
        matrix = dense(lambda vectors: curvature(vectors, examples), right[0])
        return cholesky_solve(matrix, right, self.damping, self.advice)


def _grouped(labels: "Tensor") -> "list[Tensor]":
    """For each label from 0 on, which elements have it."""
    return [(labels == label).nonzero()[:, 0] for label in range(int(labels[-1]) + 1)]
