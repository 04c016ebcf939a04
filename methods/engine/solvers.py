"""Solvers for a symmetric matrix that is known by its products: LiSSA, conjugate gradient, Arnoldi, Cholesky."""

from collections.abc import Callable

import torch
from torch import Tensor

from lodo.methods.base import AttributionError

Product = Callable[[Tensor], Tensor]

# A residual that has grown so much larger than the right side will not shrink again.
DIVERGED = 100.0


def lissa(
    product: Callable[[int, Tensor], Tensor], right: Tensor, iterations: int, damping: float, scale: float
) -> Tensor:
    """x_{t+1} = x_t + (b - (H_t + damping I) x_t) / scale from x_0 = b / scale, for each row b of ``right`` (R, P).

    ``product(t, x)`` is H_t x, H_t the Hessian over the t-th mini-batch. The fixed point is (H + damping I)^-1 b.

    Raises:
        AttributionError: it diverges.
    """
    limit = DIVERGED * torch.linalg.vector_norm(right, dim=1)
    solution = right / scale
    for step in range(iterations):
        residual = right - product(step, solution) - damping * solution
        grown = torch.linalg.vector_norm(residual, dim=1)
        if not bool((grown <= limit).all()):
            raise AttributionError(
                f"LiSSA diverged: after {step} iterations a residual is over {DIVERGED:g} times its right side at "
                f"scale={scale:.3g}, damping={damping:.3g}; raise scale (above half the Hessian's largest eigenvalue) "
                "or damping (above its most negative one)"
            )
        solution = solution + residual / scale
    return solution


def largest_eigenvalue(product: Product, start: Tensor, iterations: int = 10) -> float:
    """The size of the eigenvalue farthest from zero, approached from below by power iteration from ``start`` (P,)."""
    size = torch.linalg.vector_norm(start)
    vector = start / size
    for _ in range(iterations):
        vector = product(vector[None])[0]
        size = torch.linalg.vector_norm(vector)
        if not size > 0:
            return 0.0
        vector = vector / size
    return float(size)


def conjugate_gradient(
    product: Product,
    right: Tensor,
    iterations: int,
    tolerance: float,
    damping: float,
    advice: str,
    reorthogonalise: bool = False,
) -> Tensor:
    """(H + damping I)^-1 b for each row b of ``right`` (R, P), each with its own step lengths.

    A row rests once its residual is at most ``tolerance`` times its right side; all end after ``iterations``.
    ``reorthogonalise`` keeps a row's residuals and frees each new one of all before, to which it is orthogonal but for
    rounding: without it rounding grows with the iterations until the solution hangs on the order of a sum.

    Raises:
        AttributionError: H + damping I is not positive definite; ends with ``advice``.
    """
    solution, residual, direction = torch.zeros_like(right), right.clone(), right.clone()
    squares = torch.linalg.vecdot(residual, residual)
    target = tolerance**2 * squares
    units: list[Tensor] = []
    for step in range(iterations):
        rows = (squares > target).nonzero()[:, 0]
        if not len(rows):
            break
        if reorthogonalise:
            units.append(torch.nn.functional.normalize(residual, dim=1))
        along = direction[rows]
        moved = product(along) + damping * along
        bend = torch.linalg.vecdot(along, moved)
        if not bool((bend > 0).all()):
            least = float((bend / torch.linalg.vecdot(along, along)).min())
            raise AttributionError(
                f"the damped Hessian is not positive definite: iteration {step + 1} of conjugate gradient met a "
                f"curvature of {least:.3g} at damping={damping:.3g}; {advice}"
            )
        length = (squares[rows] / bend)[:, None]
        solution[rows] += length * along
        rest = residual[rows] - length * moved
        # Once leaves what rounding the first pass made of a large part; twice is enough (Kahan, in Parlett 1980).
        for unit in [each[rows] for each in units] * 2:
            rest -= torch.linalg.vecdot(unit, rest)[:, None] * unit
        residual[rows] = rest
        now = torch.linalg.vecdot(residual[rows], residual[rows])
        direction[rows] = residual[rows] + (now / squares[rows])[:, None] * along
        squares[rows] = now
    return solution


def arnoldi(product: Product, size: int, like: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Orthonormal basis (n, P) of a Krylov space from a random start, and H projected on it, (n, n) symmetric.

    ``size`` is n, at most P; ``like`` (P,) says type and device. Every new vector is orthogonalised twice against all
    before. Where the space is exhausted before n (eigenvalues that coincide), it goes on from another random vector.
    """
    count = min(size, len(like))
    basis, projected = like.new_empty(count, len(like)), like.new_zeros(count, count)

    def apart(vector: Tensor, done: int) -> tuple[Tensor, Tensor]:
        coefficients = like.new_zeros(done)
        for _ in range(2):
            part = basis[:done] @ vector
            vector = vector - part @ basis[:done]
            coefficients += part
        return vector, coefficients

    def fresh(done: int) -> Tensor:
        start = torch.randn(len(like), generator=generator, dtype=torch.float64).to(like)
        return torch.nn.functional.normalize(apart(start, done)[0], dim=0)

    vector = fresh(0)
    for done in range(count):
        basis[done] = vector
        moved = product(vector[None])[0]
        rest, coefficients = apart(moved, done + 1)
        projected[: done + 1, done] = coefficients
        if done + 1 == count:
            break
        length = torch.linalg.vector_norm(rest)
        exhausted = length <= 100 * torch.finfo(like.dtype).eps * torch.linalg.vector_norm(moved)
        vector = fresh(done + 1) if exhausted else rest / length
        projected[done + 1, done] = 0 if exhausted else length
    # Of a symmetric H the upper triangle is the transpose of the lower one but for rounding.
    return basis, (projected + projected.T) / 2


def dense(product: Product, like: Tensor, chunk: int = 256) -> Tensor:
    """The matrix itself, (P, P) float64, from its products with the unit vectors."""
    size = len(like)
    matrix = torch.empty(size, size, dtype=torch.float64, device=like.device)
    for start in range(0, size, chunk):
        rows = torch.arange(start, min(start + chunk, size), device=like.device)
        unit = like.new_zeros(len(rows), size)
        unit[torch.arange(len(rows), device=like.device), rows] = 1
        matrix[rows] = product(unit).double()
    return matrix


def cholesky_solve(matrix: Tensor, right: Tensor, damping: float, advice: str) -> Tensor:
    """(M + damping I)^-1 b for each row b of ``right`` (R, P), by the Cholesky factor; M (P, P) is overwritten.

    Raises:
        AttributionError: M + damping I is not positive definite; ends with ``advice``.
    """
    matrix.add_(matrix.T.clone()).div_(2)
    matrix.diagonal().add_(damping)
    factor, failed = torch.linalg.cholesky_ex(matrix)
    if failed:
        least = float(torch.linalg.eigvalsh(matrix)[0]) - damping
        raise AttributionError(
            f"the damped Hessian is not positive definite: its least eigenvalue is {least:.3g} at "
            f"damping={damping:.3g}; {advice}"
        )
    return torch.cholesky_solve(right.double().T, factor).T.to(right.dtype)
