"""Methods that rest on other packages, against loops over single examples and against those packages' own paths."""

import dataclasses

import numpy as np
import pytest
import torch

from lodo.methods import AttributionError
from lodo.methods.base import METHODS
from lodo.methods.first_order import GradDot
from lodo.methods.select import tuned_method
from lodo.tasks.convex import ConvexModel
from lodo.tasks.likelihood import token_losses
from lodo.tasks.trained import TokenMeter

pytestmark = [
    pytest.mark.filterwarnings("ignore:.*GradScaler.*:FutureWarning"),
    pytest.mark.filterwarnings("ignore:There is a performance drop:UserWarning"),
]

EXTRAS = ["datainf", "trak", "logra", "ekfac"]


def method_or_skip(name):
    missing = METHODS.get(name).missing()
    if missing:
        pytest.skip(f"{name} needs {', '.join(missing)}")
    return tuned_method(name, "mini", {})


@pytest.fixture
def single(trained):
    """The tiny trained model in single precision: what these packages compute in."""
    return dataclasses.replace(trained, model=trained.copy().float())


def rows(examples):
    """Each example by itself."""
    return [examples[slice(row, row + 1)] for row in range(len(examples))]


def gradient_by_name(model, examples):
    """The gradient of L(examples) by each parameter, in double precision of a single-precision model."""
    named = dict(model.named_parameters())
    parts = torch.autograd.grad(token_losses(model, examples) / examples.count, list(named.values()))
    return dict(zip(named, (part.double() for part in parts), strict=True))


def by_layer(parts):
    """Flat gradients by layer: a module's weight and bias together."""
    layers = {}
    for name, part in parts.items():
        layers.setdefault(name.rpartition(".")[0], []).append(part.flatten())
    return {name: torch.cat(part) for name, part in layers.items()}


def sides(trained):
    model = trained.copy()
    return (
        [by_layer(gradient_by_name(model, group)) for group in groups.values()]
        for groups in (trained.datasets, trained.subsets)
    )


def linear_layers(model):
    return {name for name, module in model.named_modules() if isinstance(module, torch.nn.Linear)} - {"lm_head"}


def test_datainf_is_its_formula_over_single_examples(single):
    pytest.importorskip("dattri")
    from lodo.methods.fisher import DataInf

    model = single.copy()
    seen = [by_layer(gradient_by_name(model, one)) for group in single.datasets.values() for one in rows(group)]
    datasets, subsets = sides(single)
    wanted = np.zeros((3, 2))
    for layer in seen[0]:
        squares = [each[layer].square().sum() for each in seen]
        damping = 0.1 * sum(squares) / len(seen) / len(seen[0][layer])
        for k, dataset in enumerate(datasets):
            for s, subset in enumerate(subsets):
                g, v = dataset[layer], subset[layer]
                for each, square in zip(seen, squares, strict=True):
                    i = each[layer]
                    wanted[k, s] += float((g @ v - (g @ i) * (i @ v) / (damping + square)) / damping) / len(seen)
    np.testing.assert_allclose(DataInf().attribute(single).influence, wanted, rtol=2e-4)


@pytest.mark.parametrize(("dimensions", "regularization"), [(7, 0.0), (18, 0.5)])
def test_trak_is_a_linear_model_of_the_odds_in_projected_gradients(single, dimensions, regularization):
    pytest.importorskip("dattri")
    from dattri.func.projection import random_project

    from lodo.methods.trak import Trak

    def odds(example):
        loss = token_losses(model, example) / example.count
        value = torch.log(torch.exp(-loss) / (1 - torch.exp(-loss)))
        parts = torch.autograd.grad(value, list(model.parameters()))
        return torch.cat([part.flatten() for part in parts]), 1 - torch.exp(-loss).item()

    def phi(examples):
        pairs = [odds(one) for one in rows(examples)]
        gradients = torch.stack([gradient for gradient, _ in pairs])
        return project(gradients / size**0.5, ensemble_id=0).double(), torch.tensor([rest for _, rest in pairs])

    model = single.copy()
    size = sum(value.numel() for value in model.parameters())
    seed = int(torch.randint(2**31, (1,), generator=single.generator("projection")))
    settings = {"proj_dim": dimensions, "proj_max_batch_size": 32, "proj_seed": seed, "proj_type": "normal"}
    project = random_project(torch.zeros(1, size), 1, device="cpu", **settings)
    train = [phi(group) for group in single.datasets.values()]
    everything = torch.cat([features for features, _ in train])
    inverse = torch.linalg.inv(everything.T @ everything + regularization * torch.eye(dimensions))
    wanted = [
        [float((phi(subset)[0] @ inverse @ features.T * rest).mean()) for subset in single.subsets.values()]
        for features, rest in train
    ]
    influence = Trak(dimensions=dimensions, regularization=regularization).attribute(single).influence
    np.testing.assert_allclose(influence, wanted, rtol=1e-3)


def test_trak_says_that_there_are_too_few_examples_for_its_projection(single):
    pytest.importorskip("dattri")
    from lodo.methods.trak import Trak

    with pytest.raises(AttributionError, match="dimensions=18 of 18 examples' gradients leave a matrix without an inv"):
        Trak(dimensions=18).attribute(single)


def test_logra_without_projection_is_the_damped_fisher_matrix_of_each_linear_layer(single):
    pytest.importorskip("dattri")
    from lodo.methods.fisher import LoGra

    model = single.copy()
    seen = [by_layer(gradient_by_name(model, one)) for group in single.datasets.values() for one in rows(group)]
    datasets, subsets = sides(single)
    wanted = torch.zeros(3, 2, dtype=torch.double)
    for layer in linear_layers(model):
        stack = [torch.stack([each[layer] for each in side]) for side in (seen, datasets, subsets)]
        fisher = stack[0].T @ stack[0] / len(seen)
        fisher += 0.1 * fisher.trace() / len(fisher) * torch.eye(len(fisher), dtype=torch.double)
        wanted += stack[1] @ torch.linalg.solve(fisher, stack[2].T)
    np.testing.assert_allclose(LoGra(rank=None).attribute(single).influence, wanted, rtol=2e-3)


def test_logras_projections_keep_inner_products_on_average(single):
    """Under great damping the scores are inner products, over each layer's mean square of single gradients."""
    pytest.importorskip("dattri")
    from lodo.methods.fisher import LoGra

    model, rank, damping = single.copy(), 16, 1e4
    seen = [by_layer(gradient_by_name(model, one)) for group in single.datasets.values() for one in rows(group)]
    datasets, subsets = sides(single)
    wanted = np.zeros((3, 2))
    for layer in linear_layers(model):
        square = torch.stack([each[layer].square().sum() for each in seen]).mean()
        for k, s in np.ndindex(3, 2):
            wanted[k, s] += float(datasets[k][layer] @ subsets[s][layer] / square) * rank**2 / damping
    drawn = [
        LoGra(rank=rank, damping=damping).attribute(dataclasses.replace(single, seed=seed)).influence
        for seed in range(20)
    ]
    assert not np.allclose(drawn[0], drawn[1])
    error = np.std(drawn, axis=0, ddof=1) / len(drawn) ** 0.5
    assert (np.abs(np.mean(drawn, axis=0) - wanted) < 4 * error).all()
    assert (np.abs(wanted) > 4 * error).any()


def test_ekfac_is_kronfluences_scores_of_single_examples_summed(single, tmp_path):
    pytest.importorskip("kronfluence")
    from kronfluence.analyzer import Analyzer, prepare_model
    from kronfluence.arguments import FactorArguments, ScoreArguments

    from lodo.methods.ekfac import Ekfac
    from lodo.methods.engine import layers
    from lodo.methods.engine.curvature import draw
    from lodo.methods.engine.kronecker import language_task
    from lodo.methods.engine.perexample import joined

    class Rows(torch.utils.data.Dataset):
        def __init__(self, examples):
            self.examples = examples

        def __len__(self):
            return len(self.examples)

        def __getitem__(self, row):
            return {"tokens": self.examples.tokens[row], "scored": self.examples.scored[row]}

    examples, _ = draw(single, 100)
    order = sorted(range(len(examples)), key=lambda row: examples.tokens[row].tolist())
    model = single.copy()
    where = layers.keep_sequences(model, layers.linear_layers(single))
    task = language_task(where, [], single.generator("pseudo-labels"))
    analyzer = Analyzer("own", prepare_model(model, task), task, cpu=True, disable_tqdm=True, output_dir=str(tmp_path))
    everything = FactorArguments(strategy="ekfac", covariance_max_examples=None, lambda_max_examples=None)
    analyzer.fit_all_factors("f", Rows(examples[torch.tensor(order)]), per_device_batch_size=32, factor_args=everything)
    train, owners = joined(single.datasets)
    wanted = np.zeros((3, 2))
    for s, subset in enumerate(single.subsets.values()):
        analyzer.compute_pairwise_scores(
            f"s{s}",
            "f",
            Rows(subset),
            Rows(train),
            per_device_query_batch_size=2,
            per_device_train_batch_size=4,
            score_args=ScoreArguments(damping_factor=None),
        )
        scores = analyzer.load_pairwise_scores(f"s{s}")["all_modules"].double().numpy()
        for k, group in enumerate(single.datasets.values()):
            wanted[k, s] = scores[:, owners == k].sum() / subset.count / group.count
    np.testing.assert_allclose(Ekfac(layers="all").attribute(single).influence, wanted, rtol=1e-3)


def test_ekfac_under_great_damping_is_a_dot_product_of_its_layers(single):
    pytest.importorskip("kronfluence")
    from lodo.methods.ekfac import Ekfac

    frozen = single.copy()
    for name, value in frozen.named_parameters():
        value.requires_grad_(".fc" in name)
    influence = Ekfac(damping=1e9).attribute(single).influence
    wanted = GradDot().attribute(dataclasses.replace(single, model=frozen, checkpoints=single.checkpoints)).influence
    assert np.corrcoef(influence.ravel(), wanted.ravel())[0, 1] > 0.999


# Tokens that pass with gradients, in passes over what is shown of the datasets and over the subsets: all gradients
# twice, once a set and once an example; the examples' p for TRAK without gradients, a third of a pass; EK-FAC's two
# fits, of the eigenvectors and of Lambda.
PASSES = {"datainf": (2, 1), "trak": (4 / 3, 1), "logra": (1, 1), "ekfac": (3, 1)}


@pytest.mark.parametrize("name", EXTRAS)
def test_what_it_costs_is_counted(name, single):
    meter = TokenMeter(single.model)
    method_or_skip(name).attribute(dataclasses.replace(single, charge=meter.charge))
    shown, asked = (
        sum(group.tokens.numel() for group in groups.values()) for groups in (single.datasets, single.subsets)
    )
    for_shown, for_asked = PASSES[name]
    assert meter.backward == for_shown * shown + for_asked * asked
    assert meter.forward == 0


@pytest.mark.parametrize("name", EXTRAS)
def test_frozen_weights_are_left_out(name, single):
    """All layers but one frozen, only that one is in the sums over layers; with the others alone it makes the whole."""
    method = method_or_skip(name)
    if name == "logra":  # projections are drawn by a layer's place
        method = dataclasses.replace(method, rank=None)

    def influence(kept):
        model = single.copy()
        for part, value in model.named_parameters():
            value.requires_grad_(kept(part.rpartition(".")[0]))
        return method.attribute(dataclasses.replace(single, model=model)).influence

    layer = "model.decoder.layers.0.fc1"
    whole, alone, rest = influence(lambda part: True), influence(layer.__eq__), influence(layer.__ne__)
    assert np.abs(alone).min() > 0
    if name == "trak":  # one projection of all weights together: no sum over layers
        assert not np.allclose(alone, whole, rtol=0.1)
        assert not np.allclose(rest, whole, rtol=0.1)
    else:
        np.testing.assert_allclose(alone + rest, whole, rtol=1e-3, atol=1e-4 * np.abs(whole).max())


@pytest.mark.parametrize("name", ["datainf", "trak", "ekfac"])
def test_a_squared_loss_is_refused(name, single):
    ridge = ConvexModel("ridge", 30, 6)
    message = "this model's loss is a square|are feed-forward ones is not known"
    with pytest.raises(AttributionError, match=message):
        method_or_skip(name).attribute(dataclasses.replace(single, model=ridge))


def test_ekfac_of_all_layers_takes_a_model_of_one(single):
    pytest.importorskip("kronfluence")
    from lodo.methods.ekfac import Ekfac

    torch.manual_seed(0)
    logistic = dataclasses.replace(single, model=ConvexModel("logistic", 30, 6))
    torch.nn.init.normal_(logistic.model.head.weight)
    datasets, subsets = (
        torch.stack([gradient_by_name(logistic.model, group)["head.weight"].flatten() for group in groups.values()])
        for groups in (logistic.datasets, logistic.subsets)
    )
    influence = Ekfac(layers="all", damping=1e9).attribute(logistic).influence
    wanted = (datasets @ subsets.T).numpy()
    np.testing.assert_allclose(influence / np.abs(influence).max(), wanted / np.abs(wanted).max(), rtol=1e-3, atol=1e-4)
    with pytest.raises(AttributionError, match="not known; set layers=all"):
        Ekfac().attribute(logistic)


def test_gradients_that_do_not_fit_are_refused_with_the_figures(single, monkeypatch):
    pytest.importorskip("dattri")
    from lodo.methods.engine import curvature
    from lodo.methods.fisher import DataInf

    monkeypatch.setattr(curvature, "available_memory", lambda device: 10**5)
    with pytest.raises(AttributionError, match=r"the gradients of 18 examples by .* set examples to at most"):
        DataInf().attribute(single)
