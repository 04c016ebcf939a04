"""The checks find what they are for: each one is failed by a method that breaks just that."""

import dataclasses
import textwrap
from dataclasses import dataclass

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

from lodo.benchmark.checks import CHECKS, Specimens
from lodo.benchmark.cli import app
from lodo.methods.base import Attribution, AttributionMethod
from lodo.methods.first_order import GradDot
from lodo.methods.hessian import Arnoldi
from lodo.methods.references import DatasetSize, Random


def shares(groups):
    """How often each token stands in each group: depends on content alone."""
    rows = [torch.bincount(examples.tokens.flatten(), minlength=600).double() for examples in groups.values()]
    return torch.stack(rows) / torch.stack(rows).sum(1, keepdim=True)


def honest(trained):
    return shares(trained.datasets) @ shares(trained.subsets).T


@dataclass(frozen=True)
class Bad(AttributionMethod):
    fault: str = ""

    def attribute(self, trained):
        influence = honest(trained)
        count = len(trained.datasets)
        match self.fault:
            case "labels shape and finite numbers":
                influence[0, 0] = float("nan")
            case "same seed same answer":
                influence = influence + torch.rand(1)
            case "model left alone":
                with torch.no_grad():
                    next(trained.model.parameters()).add_(0.0).mul_(1.5)
            case "no memory between tasks":
                SEEN.append(influence)
                influence = influence + SEEN[-2].mean() if len(SEEN) > 1 else influence
            case "order of datasets":
                influence = influence * torch.arange(1, count + 1)[:, None]
            case "order of subsets":
                influence = influence * torch.arange(1, influence.shape[1] + 1)
            case "names do not matter":
                influence = influence * torch.tensor([float(len(name)) for name in trained.datasets])[:, None]
            case "equal datasets equal influence":
                influence = influence * torch.tensor([float(sum(map(ord, name))) for name in trained.datasets])[:, None]
            case "half precision agrees":
                influence = -influence if trained.recipe.precision == "bfloat16" else influence
            case "subsets do not depend on each other":
                influence = influence - influence.mean(1, keepdim=True)
            case "sign of the truth":
                influence = -influence
        return Attribution.of(trained, influence)


SEEN = []


@pytest.fixture(scope="module")
def specimens(tmp_path_factory):
    return Specimens(tmp_path_factory.mktemp("specimens"))


def method(fault):
    Bad.name = "bad"
    SEEN.clear()
    return Bad(fault)


@pytest.mark.parametrize("name", [name for name in CHECKS if name != "hyperparameters survive storing"])
def test_a_check_passes_the_honest_and_fails_its_fault(name, specimens, tmp_path):
    CHECKS[name](method(""), specimens)
    at_risk = Specimens(tmp_path) if name == "model left alone" else specimens
    with pytest.raises((AssertionError, RuntimeError)):
        CHECKS[name](method(name), at_risk)


def test_hyperparameters_must_survive_json(specimens):
    @dataclass(frozen=True)
    class Loses(AttributionMethod):
        words: tuple[str, ...] = ("a",)

    with pytest.raises(AssertionError, match="make another method"):
        CHECKS["hyperparameters survive storing"](Loses(), specimens)


def test_a_gradient_left_behind_is_found(specimens):
    class Leaves(GradDot):
        def attribute(self, trained):
            next(trained.model.parameters()).grad = torch.zeros_like(next(trained.model.parameters()))
            return super().attribute(trained)

    with pytest.raises(AssertionError, match="gradient was left"):
        CHECKS["model left alone"](Leaves(), specimens)
    specimens.tokens.model.zero_grad(set_to_none=True)


def test_the_twins_are_twins_and_the_others_are_not(specimens):
    influence = GradDot().attribute(specimens.tokens).influence
    names = list(specimens.tokens.datasets)
    fox, vixen, owl = (influence[names.index(name)] for name in ("fox", "vixen", "owl"))
    np.testing.assert_allclose(fox, vixen, rtol=1e-12)
    assert np.abs(fox - owl).max() > 0.1 * np.abs(fox).max()


def test_graddot_turned_fails_and_told_apart_from_chance(specimens):
    class Turned(GradDot):
        def attribute(self, trained):
            return Attribution.of(trained, -super().attribute(trained).influence)

    CHECKS["sign of the truth"](GradDot(), specimens)
    with pytest.raises(AssertionError, match=r"what leaving out does is -0\.9"):
        CHECKS["sign of the truth"](Turned(), specimens)
    with pytest.raises(AssertionError, match="is the same for all datasets"):
        CHECKS["sign of the truth"](DatasetSize(), specimens)


def test_leaving_out_a_dataset_of_its_own_words_raises_its_own_subset_and_no_other(specimens):
    _, truth = specimens.separate
    own = np.eye(5, dtype=bool)
    assert truth[own].min() > 0.5
    assert truth[~own].max() < 0


def test_what_arnoldi_is_exempt_from_at_mini_it_keeps_with_a_hundred_eigenpairs(specimens):
    assert set(Arnoldi.exempt) == {"sign of the truth"}
    CHECKS["sign of the truth"](Arnoldi(gauss_newton=True, steps=200, top=100), specimens)


def test_random_numbers_of_a_subset_are_its_own_and_other_ones_in_another_run(specimens):
    trained, _ = specimens.separate
    first = Random().attribute(trained).influence
    assert len(np.unique(first.round(6))) == first.size
    assert not np.isclose(Random().attribute(dataclasses.replace(trained, seed=1)).influence, first).any()


def test_the_command_reports_and_exits_with_one(tmp_path):
    file = tmp_path / "mine.py"
    file.write_text(
        textwrap.dedent(
            """
            from dataclasses import dataclass
            import torch
            from lodo.methods import Attribution, AttributionMethod, register

            @register("mine")
            @dataclass(frozen=True)
            class Mine(AttributionMethod):
                by_place: bool = False

                def attribute(self, trained):
                    def counts(groups):
                        rows = [torch.bincount(each.tokens.flatten(), minlength=600) for each in groups.values()]
                        return torch.stack(rows).double()

                    influence = counts(trained.datasets) @ counts(trained.subsets).T
                    if self.by_place:
                        influence = influence * torch.arange(1, len(influence) + 1)[:, None]
                    return Attribution.of(trained, influence)
            """
        )
    )
    good = CliRunner().invoke(app, ["check", f"{file}:Mine"])
    assert good.exit_code == 0, good.output
    assert "0 of 12 checks failed" in good.output
    bad = CliRunner().invoke(app, ["check", f"{file}:Mine", "--set", "by_place=true"])
    assert bad.exit_code == 1, bad.output
    assert "order of datasets" in bad.output
