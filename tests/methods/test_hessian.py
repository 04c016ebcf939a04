"""Curvature products against explicit matrices, solvers against dense solutions, influence against retraining."""

import dataclasses

import numpy as np
import pytest
import torch
from torch import nn

from lodo.methods.base import AttributionError
from lodo.methods.engine import curvature as engine
from lodo.methods.engine import solvers
from lodo.methods.engine.curvature import Curvature, draw, influence
from lodo.methods.engine.gradients import gradient
from lodo.methods.first_order import GradDot
from lodo.methods.hessian import Arnoldi, ConjugateGradient, Exact, Lissa
from lodo.tasks.architecture import ARCHITECTURES
from lodo.tasks.convex import solve
from lodo.tasks.likelihood import PAD, Examples, mean_loss
from lodo.tasks.spec import Recipe
from lodo.tasks.trained import TokenMeter, TrainedModel

METHODS = (Lissa(), ConjugateGradient(damping=0.1), Arnoldi(steps=8, top=3), Exact(gauss_newton=True, damping=0.1))
VOCABULARY = 30


def frozen(trained, *kept):
    """The same trained model with all weights frozen but those whose name contains one of ``kept``."""
    model = trained.copy()
    for name, value in model.named_parameters():
        value.requires_grad_(any(part in name for part in kept))
    return dataclasses.replace(trained, model=model)


@pytest.fixture
def small(trained):
    """156 trainable weights: an attention's output layer, below ReLU and softmax."""
    return frozen(trained, "out_proj")


@pytest.fixture
def ragged():
    """Five examples of other lengths, scored here and there, padded."""
    generator = torch.Generator().manual_seed(3)
    tokens = torch.randint(3, VOCABULARY, (5, 8), generator=generator)
    scored = torch.rand(5, 8, generator=generator) < 0.6
    for row, end in enumerate((8, 5, 6, 2, 8)):
        tokens[row, end:] = PAD
        scored[row, end:] = False
    scored[:, 0] = False
    return Examples(tokens, scored)


@pytest.fixture
def vectors(trained):
    size = sum(value.numel() for value in trained.model.parameters())
    return torch.randn(3, size, generator=torch.Generator().manual_seed(5), dtype=torch.float64)


def convex(kind, width=4):
    """Three datasets and five subsets on an exactly solved convex model, and the datasets' examples joined."""
    generator = torch.Generator().manual_seed(1)

    def sequences(count):
        favourites = torch.randint(3, VOCABULARY, (8,), generator=generator)
        return Examples.whole(favourites[torch.randint(8, (count, 8), generator=generator)])

    model = ARCHITECTURES.get(kind)(width=width, positions=8).build(VOCABULARY, 0, "float64").eval()
    datasets = {name: sequences(5) for name in "abc"}
    everything = Examples.whole(torch.cat([each.tokens for each in datasets.values()]))
    solve(model, everything, 0.01)
    recipe = Recipe(steps=5, batch_size=3, sequence_length=8, lr=1.0, precision="float64", checkpoints=1)
    subsets = {name: sequences(4) for name in "vwxyz"}
    return TrainedModel(model, datasets, subsets, (), dict.fromkeys("abc", 5), recipe, 7), everything


def trainable(model):
    return [value for value in model.parameters() if value.requires_grad]


def functional(model, examples):
    """L of a set as a plain function of the flat weights (P,), written anew, and its scored logits (n, V)."""
    names = [name for name, value in model.named_parameters() if value.requires_grad]
    shapes = [value.shape for value in trainable(model)]
    places = [(n, t) for n, t in examples.scored.nonzero().tolist() if t]
    rows, columns = (torch.tensor(each) for each in zip(*places, strict=True))

    def logits(flat):
        parts = flat.split([shape.numel() for shape in shapes])
        weights = {name: part.view(shape) for name, part, shape in zip(names, parts, shapes, strict=True)}
        answer = torch.func.functional_call(model, weights, args=(examples.tokens,))
        return answer.logits[rows, columns - 1]

    def loss(flat):
        return -torch.log_softmax(logits(flat), 1)[torch.arange(len(rows)), examples.tokens[rows, columns]].mean()

    return loss, logits, torch.cat([value.detach().flatten() for value in trainable(model)])


def hessian_of(model, examples):
    with torch.nn.attention.sdpa_kernel(torch.nn.attention.SDPBackend.MATH):
        loss, _, flat = functional(model, examples)
        return torch.autograd.functional.hessian(loss, flat)


def wanted(trained, matrix, damping, normalise=True):
    """g_k' (M + damping I)^-1 g_s in numpy, from single gradients."""
    model = trained.copy()
    ours, theirs = (
        np.stack([gradient(model, each).numpy() for each in groups.values()])
        for groups in (trained.datasets, trained.subsets)
    )
    if normalise:
        ours = ours / np.linalg.norm(ours, axis=1, keepdims=True)
    return ours @ np.linalg.solve(matrix.numpy() + damping * np.eye(len(matrix)), theirs.T)


def close(influence, expected, relative=1e-4):
    assert influence.shape == expected.shape
    assert np.abs(influence - expected).max() <= relative * np.abs(expected).max()


def test_hessian_products_are_central_differences_of_the_gradient(trained, ragged, vectors):
    products = Curvature(trained, False)(vectors, ragged)
    for vector, product in zip(vectors, products, strict=True):
        model, sides = trained.copy(), []
        start = torch.nn.utils.parameters_to_vector(model.parameters())
        for step in (1e-6, -1e-6):
            torch.nn.utils.vector_to_parameters(start + step * vector, model.parameters())
            sides.append(gradient(model, ragged))
        difference = (sides[0] - sides[1]) / 2e-6
        assert (product - difference).norm() < 1e-5 * difference.norm()


def test_gauss_newton_products_are_those_of_differences_of_the_logits(trained, ragged, vectors):
    """v' G v is the mean over scored tokens of the variance of v's change of the logits under the prediction."""
    products = Curvature(trained, True)(vectors, ragged)
    _, logits, flat = functional(trained.copy(), ragged)
    with torch.no_grad():
        chances = logits(flat).softmax(1)
        for vector, product in zip(vectors, products, strict=True):
            moved = (logits(flat + 1e-6 * vector) - logits(flat - 1e-6 * vector)) / 2e-6
            mean = (chances * moved).sum(1, keepdim=True)
            variance = (chances * (moved - mean) ** 2).sum(1).mean()
            assert float(vector @ product) == pytest.approx(float(variance), rel=1e-6)


@pytest.mark.parametrize("kept", ["out_proj", "embed_tokens", "final_layer_norm"])
def test_products_are_those_of_the_dense_matrices(trained, ragged, kept):
    """Also with tied weights (an OPT's embedding is its output layer) and frozen ones (all others)."""
    part = frozen(trained, kept)
    _, logits, flat = functional(part.copy(), ragged)
    every = torch.eye(len(flat), dtype=torch.float64)
    torch.testing.assert_close(Curvature(part, False)(every, ragged), hessian_of(part.copy(), ragged))
    jacobian = torch.autograd.functional.jacobian(logits, flat)
    chances = logits(flat).softmax(1).detach()
    spread = torch.diag_embed(chances) - chances[:, :, None] * chances[:, None, :]
    expected = torch.einsum("nvp,nvw,nwq->pq", jacobian, spread, jacobian) / len(jacobian)
    torch.testing.assert_close(Curvature(part, True)(every, ragged), expected)


def test_tied_weights_count_once_and_frozen_ones_not_at_all(trained):
    assert trained.model.lm_head.weight is trained.model.model.decoder.embed_tokens.weight
    assert Curvature(frozen(trained, "embed_tokens"), False).size == VOCABULARY * 12
    assert Curvature(frozen(trained, "fc1.bias"), False).size == 24


@pytest.mark.parametrize("gauss_newton", [False, True])
def test_vectors_and_examples_may_go_one_by_one_or_together(trained, ragged, vectors, monkeypatch, gauss_newton):
    product = Curvature(trained, gauss_newton)
    together = product(vectors, ragged)
    torch.testing.assert_close(torch.cat([product(vector[None], ragged) for vector in vectors]), together)
    monkeypatch.setattr(engine, "ELEMENTS", 1)
    torch.testing.assert_close(product(vectors, ragged), together)


@pytest.mark.parametrize(("kind", "width"), [("logistic", 4), ("ridge", 4)])
def test_gauss_newton_is_the_hessian_of_a_convex_model(kind, width):
    trained, everything = convex(kind, width)
    size = sum(value.numel() for value in trained.model.parameters())
    every = torch.eye(size, dtype=torch.float64)
    hessian = Curvature(trained, False)(every, everything)
    torch.testing.assert_close(Curvature(trained, True)(every, everything), hessian)
    assert float(hessian.abs().max()) > 1e-3
    if kind == "logistic":
        torch.testing.assert_close(hessian, hessian_of(trained.copy(), everything))
    else:
        inputs = trained.model.features[everything.tokens[:, :-1]].flatten(0, 1)
        torch.testing.assert_close(
            hessian, torch.kron(torch.eye(width, dtype=torch.float64), inputs.T @ inputs / len(inputs))
        )


def solutions(damping, **options):
    """Every method such that it converges to (H + damping I)^-1; H's eigenvalues lie within 2 of zero."""
    return (
        Exact(damping=damping, **options),
        ConjugateGradient(damping=damping, iterations=400, tolerance=1e-9, **{"gauss_newton": False, **options}),
        Lissa(damping=damping, iterations=80, batch=256, scale=3.0, **options),
        Arnoldi(damping=damping, steps=400, top=400, **options),
    )


@pytest.mark.parametrize("turned", [False, True])
def test_methods_come_to_the_dense_solution(small, turned):
    """As many subsets as solved for, or fewer: either side may be the smaller one."""
    if turned:
        small = dataclasses.replace(
            small, subsets={**small.subsets, "z": small.datasets["a"][:2], "u": small.datasets["b"][:1]}
        )
    everything, _ = draw(small, 256)
    assert len(everything) == 18
    matrix = hessian_of(small.copy(), everything)
    eigenvalues = torch.linalg.eigvalsh(matrix)
    assert eigenvalues[0] < -1e-3  # a network's, not a convex model's
    assert eigenvalues.abs().max() < 2
    damping = 0.5 - float(eigenvalues[0])
    expected = wanted(small, matrix, damping)
    assert len(np.unique(np.sign(expected))) == 2
    for method in solutions(damping):
        close(method.attribute(small).influence, expected)


@pytest.mark.parametrize("kind", ["logistic", "ridge"])
def test_methods_come_to_the_analytic_influence_of_convex_models(kind):
    """Most eigenvalues coincide here, so that Krylov spaces are exhausted early."""
    trained, everything = convex(kind)
    every = torch.eye(sum(value.numel() for value in trained.model.parameters()), dtype=torch.float64)
    matrix = (
        hessian_of(trained.copy(), everything)
        if kind == "logistic"
        else Curvature(trained, False)(every, everything)  # equal to the normal equations, as tested above
    )
    for gauss_newton in (False, True):
        for method in solutions(0.5, gauss_newton=gauss_newton):
            close(method.attribute(trained).influence, wanted(trained, matrix, 0.5))


def test_influence_is_the_change_of_the_test_loss_when_a_little_of_a_dataset_is_left_out():
    """Retraining ridge regression without one of 400 copies of a dataset: helped = positive."""
    trained, _ = convex("ridge")
    copies, total = 400, 3 * 400
    changes = []
    before = [mean_loss(trained.model, each) for each in trained.subsets.values()]
    for left_out in trained.datasets:
        counts = {name: copies - (name == left_out) for name in trained.datasets}
        rest = torch.cat([trained.datasets[name].tokens.repeat(count, 1) for name, count in counts.items()])
        model = trained.copy()
        solve(
            model, Examples.whole(rest), 0.01 * total / (total - 1)
        )  # the sum of losses shrinks, the penalty does not
        changes.append([mean_loss(model, each) for each in trained.subsets.values()])
    truth = (np.array(changes) - before) * total
    assert truth.max() > 0 > truth.min()
    options = {"damping": 0.01, "normalise": False}
    for method in (Exact(**options), ConjugateGradient(**options), Arnoldi(steps=16, top=16, **options)):
        close(method.attribute(trained).influence, truth, relative=0.02)


@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.name)
def test_normalising_divides_each_row_by_its_gradients_length(small, method):
    norms = [gradient(small.copy(), each).norm().item() for each in small.datasets.values()]
    plain = dataclasses.replace(method, normalise=False)
    if isinstance(method, Lissa):  # its own scale depends on the right sides
        method, plain = (dataclasses.replace(each, scale=3.0) for each in (method, plain))
    influence = method.attribute(small).influence
    np.testing.assert_allclose(influence * np.array(norms)[:, None], plain.attribute(small).influence, rtol=1e-6)
    assert np.ptp(norms) > 0.01


def test_with_much_damping_influence_is_graddot_over_the_damping(small):
    dot = GradDot().attribute(small).influence
    for method in (Exact(damping=1e5, normalise=False), ConjugateGradient(damping=1e5, normalise=False)):
        np.testing.assert_allclose(1e5 * method.attribute(small).influence, dot, rtol=1e-3, atol=1e-6)


def content(examples):
    return sorted(map(tuple, examples.tokens.tolist()))


def test_examples_are_drawn_alike_from_all_datasets(trained):
    examples, rounds = draw(trained, 7)
    assert rounds.tolist() == [0, 0, 0, 1, 1, 1]
    names = [
        next(n for n, each in trained.datasets.items() if row in each.tokens.tolist())
        for row in examples.tokens.tolist()
    ]
    assert names == ["a", "b", "c"] * 2
    turned = dataclasses.replace(trained, datasets=dict(reversed(trained.datasets.items())))
    assert content(draw(turned, 7)[0]) == content(examples)
    renamed = dataclasses.replace(trained, datasets=dict(zip("xyz", trained.datasets.values(), strict=True)))
    assert content(draw(renamed, 7)[0]) == content(examples)
    assert content(draw(dataclasses.replace(trained, seed=12), 7)[0]) != content(examples)
    assert len(draw(trained, 1)[0]) == 3


def test_a_short_dataset_gives_all_it_has_and_the_others_more(trained):
    datasets = {**trained.datasets, "b": trained.datasets["b"][:1]}
    datasets["c"] = Examples.whole(datasets["c"].tokens[:, :5])
    examples, rounds = draw(dataclasses.replace(trained, datasets=datasets), 9)
    assert rounds.tolist() == [0, 0, 0, 1, 1, 2, 2, 3, 3]
    assert examples.tokens.shape == (9, 8)
    assert examples.count == 4 * 7 + 7 + 4 * 4
    assert int((examples.tokens == PAD).sum()) == 4 * 3
    assert len(draw(dataclasses.replace(trained, datasets=datasets), 256)[0]) == 13


@pytest.mark.parametrize("method", METHODS, ids=lambda method: method.name)
def test_order_and_names_do_not_matter_and_equal_datasets_score_equally(small, method):
    method = dataclasses.replace(method, examples=9)
    twins = {**small.datasets, "twin": small.datasets["a"]}
    first = dataclasses.replace(small, datasets=twins)
    second = dataclasses.replace(small, datasets=dict(reversed(twins.items())))
    influence = method.attribute(first).influence
    np.testing.assert_allclose(method.attribute(second).influence[::-1], influence, rtol=1e-6)
    np.testing.assert_allclose(influence[3], influence[0], rtol=1e-6)
    assert np.abs(influence[1] - influence[0]).max() > 1e-3 * np.abs(influence).max()


@pytest.mark.parametrize(
    ("options", "sizes"),
    [
        ({"examples": 18, "iterations": 3}, [6, 6, 6]),
        ({"examples": 18, "iterations": 4}, [3, 3, 3, 3]),
        ({"examples": 18, "iterations": 4, "batch": 13}, [12, 6, 12, 6]),
        ({"examples": 18, "iterations": 2, "batch": 256}, [18, 18]),
        ({"examples": 6, "iterations": 3, "batch": 1}, [3, 3, 3]),
    ],
)
def test_lissas_mini_batches_hold_all_datasets_alike(small, monkeypatch, options, sizes):
    seen = []

    def watched(self, vectors, examples):
        seen.append(examples)
        return torch.zeros_like(vectors)

    monkeypatch.setattr(Curvature, "__call__", watched)
    Lissa(scale=1.0, **options).attribute(small)
    assert list(map(len, seen)) == sizes
    for batch in seen:
        each = [sum(row in rows.tokens.tolist() for row in batch.tokens.tolist()) for rows in small.datasets.values()]
        assert len(set(each)) == 1
    if options["iterations"] == 3 and options["examples"] == 18:  # each example once
        assert sorted(row for batch in seen for row in content(batch)) == content(draw(small, 18)[0])


def test_lissas_own_scale_is_the_first_mini_batchs_largest_eigenvalue_and_the_damping(small):
    examples, rounds = draw(small, 256)
    first = hessian_of(small.copy(), examples[rounds < 2])
    vector = gradient(small.copy(), examples[rounds < 2])
    for _ in range(10):
        vector = first @ (vector / vector.norm())
    options = {"damping": 0.3, "iterations": 3}
    influence = Lissa(**options).attribute(small).influence
    close(influence, Lissa(scale=float(vector.norm()) + 0.3, **options).attribute(small).influence, 1e-9)


def test_power_iteration_comes_to_the_eigenvalue_farthest_from_zero():
    diagonal = torch.tensor([2.0, 1, -3], dtype=torch.float64)
    largest = solvers.largest_eigenvalue(lambda v: v * diagonal, torch.ones(3, dtype=torch.float64), 50)
    assert largest == pytest.approx(3)
    assert solvers.largest_eigenvalue(torch.zeros_like, torch.ones(3)) == 0


def test_lissa_is_its_truncated_series():
    """After n steps: sum over j = 0..n of (I - (H + damping I) / scale)^j b / scale."""
    values = torch.tensor([0.0, 1, -0.5, 3], dtype=torch.float64)
    right = torch.tensor([[1.0, 2, 3, 4], [1, -1, 0, 5]], dtype=torch.float64)
    solution = solvers.lissa(lambda step, v: v * values, right, 5, 0.1, 4.0)
    torch.testing.assert_close(solution, sum(right * (1 - (values + 0.1) / 4) ** j / 4 for j in range(6)))


def test_lissa_diverges_readably(small):
    with pytest.raises(AttributionError, match=r"LiSSA diverged: after \d+ iterations .* raise scale .* or damping"):
        Lissa(scale=0.02, batch=256, iterations=30).attribute(small)


def test_a_hessian_that_is_not_positive_definite_is_a_readable_failure(small):
    for method in (
        ConjugateGradient(gauss_newton=False, damping=0.0, iterations=400),
        Exact(damping=0.0),
    ):
        with pytest.raises(
            AttributionError, match=r"not positive definite: .* raise damping, or set gauss_newton=true"
        ):
            method.attribute(small)
    # Three examples leave most directions without any curvature.
    with pytest.raises(AttributionError, match="raise damping: a Gauss-Newton"):
        Exact(damping=0.0, gauss_newton=True, examples=3).attribute(small)


def test_conjugate_gradients_default_does_not_fail(trained):
    """The very model on which the Hessian is not positive definite."""
    influence = ConjugateGradient().attribute(trained).influence
    with pytest.raises(AttributionError, match="not positive definite"):
        ConjugateGradient(gauss_newton=False).attribute(trained)
    assert np.isfinite(influence).all()


def test_a_matrix_beyond_memory_is_a_readable_failure(small, monkeypatch):
    size = 156 * 8
    monkeypatch.setattr(engine, "available_memory", lambda device: 11 * size + 5)
    with pytest.raises(AttributionError, match=r"basis of steps=200 .* GiB .* set steps to at most 10$"):
        Arnoldi(top=3).attribute(small)
    Arnoldi(steps=10, top=3).attribute(small)
    with pytest.raises(AttributionError, match=r"dense Hessian of 156 weights .* at most 23 weights would fit"):
        Exact().attribute(small)
    monkeypatch.setattr(engine, "available_memory", lambda device: size)
    with pytest.raises(AttributionError, match="none would fit"):
        Arnoldi(steps=1, top=1).attribute(small)


def test_available_memory_is_a_plausible_number():
    assert 2**24 < engine.available_memory(torch.device("cpu")) < 2**50


def test_an_eigenvalue_of_zero_has_no_inverse(trained):
    """A key's bias moves no attention: its curvature is zero."""
    part = frozen(trained, "k_proj.bias", "q_proj.bias")
    with pytest.raises(AttributionError, match=r"eigenvalues is zero to rounding .* lower top, or set damping"):
        Arnoldi(steps=24, top=24).attribute(part)
    assert np.isfinite(Arnoldi(steps=24, top=24, damping=0.1).attribute(part).influence).all()


def test_arnoldi_keeps_the_largest_eigenvalues_by_magnitude(small):
    matrix = hessian_of(small.copy(), draw(small, 256)[0])
    values, vectors = torch.linalg.eigh(matrix)
    kept = values.abs().argsort(descending=True)[:8]
    assert (values[kept] < 0).any()
    model = small.copy()
    ours, theirs = (
        torch.stack([gradient(model, each) for each in groups.values()]) @ vectors[:, kept]
        for groups in (small.datasets, small.subsets)
    )
    influence = Arnoldi(steps=156, top=8, normalise=False).attribute(small).influence
    close(influence, (ours / values[kept] @ theirs.T).numpy())


def test_arnoldi_goes_on_where_eigenvalues_coincide():
    diagonal = torch.tensor([1.0, 1, 1, 2, 2, -3], dtype=torch.float64)
    basis, projected = solvers.arnoldi(lambda v: v * diagonal, 9, diagonal, torch.Generator().manual_seed(0))
    torch.testing.assert_close(basis @ basis.T, torch.eye(6, dtype=torch.float64))
    torch.testing.assert_close(projected, (basis * diagonal) @ basis.T)
    torch.testing.assert_close(torch.linalg.eigvalsh(projected), diagonal.sort().values)
    basis, projected = solvers.arnoldi(torch.zeros_like, 6, diagonal, torch.Generator().manual_seed(0))
    torch.testing.assert_close(basis @ basis.T, torch.eye(6, dtype=torch.float64))
    assert not projected.any()


def test_conjugate_gradient_stops_row_by_row():
    matrix = torch.diag(torch.arange(1.0, 9, dtype=torch.float64))
    right = torch.ones(3, 8, dtype=torch.float64)
    right[1, 1:], right[2] = 0, 0
    rows = []

    def product(vectors):
        rows.append(len(vectors))
        return vectors @ matrix

    solution = solvers.conjugate_gradient(product, right, 50, 1e-10, 0.5, "")
    torch.testing.assert_close(solution, right / (matrix.diagonal() + 0.5))
    assert rows == [2] + [1] * 7
    rows.clear()
    solvers.conjugate_gradient(product, right, 3, 1e-10, 0.5, "")
    assert rows == [2, 1, 1]


def test_reorthogonalised_residuals_end_within_as_many_iterations_as_dimensions():
    """Where eigenvalues lie six orders apart, rounding alone keeps plain conjugate gradient from it."""
    diagonal = torch.logspace(0, 6, 20, dtype=torch.float64)
    right = torch.ones(2, 20, dtype=torch.float64)
    right[1, ::2] = -3

    def error(reorthogonalise):
        solution = solvers.conjugate_gradient(lambda v: v * diagonal, right, 20, 0.0, 0.0, "", reorthogonalise)
        return float((solution * diagonal / right - 1).abs().max())

    assert error(True) < 1e-6 < 1e-2 < error(False)


def test_residuals_that_do_not_fit_are_an_error(trained, monkeypatch):
    monkeypatch.setattr(engine, "available_memory", lambda device: 1000)
    with pytest.raises(AttributionError, match="set reorthogonalise=false"):
        ConjugateGradient().attribute(trained)
    ConjugateGradient(reorthogonalise=False).attribute(trained)


def test_second_derivatives_are_charged(trained):
    meter = TokenMeter(trained.model)
    trained = dataclasses.replace(trained, charge=meter.charge)
    examples, _ = draw(trained, 256)
    tokens, vectors = 18 * 8, torch.ones(4, 1, dtype=torch.float64)
    for gauss_newton, cost in ((False, (1 + 2 * 4) * tokens), (True, (2 + 4 * 4) * tokens // 3)):
        product = Curvature(trained, gauss_newton)
        before = meter.backward
        product(vectors.expand(4, product.size).contiguous(), examples)
        assert meter.backward - before == cost
    # K + S gradients, then three products with as many right sides as are solved for: three datasets or two subsets.
    for side, rows in (("datasets", 3), ("subsets", 2)):
        meter.backward = 0
        ConjugateGradient(iterations=3, gauss_newton=False, damping=1e3, tolerance=0, side=side).attribute(trained)
        assert meter.backward == (18 * 8 + 4 * 8 + 3 * 6) + 3 * (1 + 2 * rows) * tokens


def test_each_side_may_be_the_one_that_is_solved_for(trained):
    """The answer is the same; the datasets are solved for unless the subsets are named."""
    rights = []

    def solve_for(right):
        rights.append(right)
        return 2 * right

    model = trained.copy()
    values = influence(trained, model, solve_for, False)
    torch.testing.assert_close(influence(trained, model, solve_for, False, "subsets"), values)
    np.testing.assert_allclose(values.numpy(), 2 * GradDot().attribute(trained).influence)
    assert [len(right) for right in rights] == [3, 2]


def test_theta_0_keeps_its_weights_and_gets_no_gradient(small):
    before = [value.clone() for value in small.model.parameters()]
    for method in METHODS:
        method.attribute(small)
    assert all(torch.equal(a, b) for a, b in zip(before, small.model.parameters(), strict=True))
    assert all(value.grad is None for value in small.model.parameters())
    assert isinstance(small.model, nn.Module)
    assert not small.model.training
