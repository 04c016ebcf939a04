"""What every method must keep whatever it computes: a generator of checks for `lodo check` and for pytest."""

import dataclasses
import inspect
import json
import tempfile
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
import torch
from scipy import stats

from lodo.benchmark.specimen import TWINS, Specimens, renamed, reordered
from lodo.methods.base import AttributionError, AttributionMethod
from lodo.methods.select import method_class, tuned_method
from lodo.tasks.architecture import Architecture
from lodo.tasks.errors import InputError
from lodo.tasks.spec import canonical_json
from lodo.tasks.trained import TrainedModel

# Sums in another order differ by rounding, in double precision and after a few optimizer steps by far less than this.
TOLERANCE = 1e-5
AGREEMENT = 0.9
# Each subset is like one dataset alone: a method that says less than this of who matters most has a fault.
AT_LEAST = 0.5

Run = Callable[[AttributionMethod, Specimens], None]
CHECKS: dict[str, Run] = {}


@dataclass(frozen=True)
class Outcome:
    """What came of a check: ``passed``, ``failed`` or ``exempt``, and why."""

    check: str
    verdict: str
    reason: str


def _check(run: Run) -> Run:
    CHECKS[run.__name__.replace("_", " ")] = run
    return run


def _final(method: AttributionMethod, trained: TrainedModel) -> np.ndarray:
    attribution = method.attribute(trained).checked(trained)
    return attribution.influence if attribution.steps is None else attribution.influence[-1]


def _same(
    influence: np.ndarray, wanted: np.ndarray, what: str, tolerance: float = TOLERANCE, scale: float | None = None
) -> None:
    gap = float(np.abs(influence - wanted).max())
    allowed = tolerance * max(float(np.abs(wanted).max()) if scale is None else scale, 1e-12)
    assert gap <= allowed, f"{what}: influences differ by up to {gap:.2e} where {allowed:.2e} is rounding"


@_check
def labels_shape_and_finite_numbers(method: AttributionMethod, specimens: Specimens) -> None:
    """The answer has the task's labels in its order, the agreed shape and no NaN."""
    method.attribute(specimens.tokens).checked(specimens.tokens)


@_check
def same_seed_same_answer(method: AttributionMethod, specimens: Specimens) -> None:
    """Twice the same question, twice the same numbers, bit by bit, wherever the global generators stand."""
    first = _final(method, specimens.tokens)
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(12345)
        state = np.random.get_state()
        np.random.seed(54321)
        second = _final(method, specimens.tokens)
        np.random.set_state(state)
    _same(second, first, "asked twice", tolerance=0.0)


@_check
def model_left_alone(method: AttributionMethod, specimens: Specimens) -> None:
    """theta_0 is what it was, in the mode it was in, without a gradient, and the examples too."""
    trained = specimens.tokens
    model = trained.model
    before = [value.detach().clone() for value in model.state_dict().values()]
    wanted = [value.requires_grad for value in model.parameters()]
    text = [examples.tokens.clone() for examples in (*trained.datasets.values(), *trained.subsets.values())]
    method.attribute(trained)
    after = list(model.state_dict().values())
    assert all(torch.equal(a, b) for a, b in zip(before, after, strict=True)), "theta_0 was changed: use trained.copy()"
    assert all(value.grad is None for value in model.parameters()), "a gradient was left on trained.model"
    assert [value.requires_grad for value in model.parameters()] == wanted, "requires_grad was changed on trained.model"
    assert not model.training, "trained.model was left in training mode"
    now = [examples.tokens for examples in (*trained.datasets.values(), *trained.subsets.values())]
    assert all(torch.equal(a, b) for a, b in zip(text, now, strict=True)), "the examples were changed"


@_check
def no_memory_between_tasks(method: AttributionMethod, specimens: Specimens) -> None:
    """What was asked before does not matter."""
    first = _final(method, specimens.tokens)
    method.attribute(specimens.other)
    _same(_final(method, specimens.tokens), first, "asked again after another task", tolerance=0.0)


@_check
def order_of_datasets(method: AttributionMethod, specimens: Specimens) -> None:
    """Datasets listed in another order get the same influence, each its own."""
    trained = specimens.tokens
    names = list(trained.datasets)
    order = [*names[2:], *names[:2]]
    influence = _final(method, reordered(trained, order))
    _same(influence[[order.index(name) for name in names]], _final(method, trained), "datasets in another order")


@_check
def order_of_subsets(method: AttributionMethod, specimens: Specimens) -> None:
    """Test subsets listed in another order get the same influence, each its own."""
    trained = specimens.tokens
    turned = dataclasses.replace(trained, subsets=dict(reversed(list(trained.subsets.items()))))
    _same(_final(method, turned)[:, ::-1], _final(method, trained), "subsets in another order")


@_check
def names_do_not_matter(method: AttributionMethod, specimens: Specimens) -> None:
    """Datasets under other names get the same influence: seeds come from content."""
    trained = specimens.tokens
    names = {name: f"dataset {number}" for number, name in enumerate(reversed(list(trained.datasets)))}
    _same(_final(method, renamed(trained, names)), _final(method, trained), "datasets under other names")


@_check
def equal_datasets_equal_influence(method: AttributionMethod, specimens: Specimens) -> None:
    """Two datasets of the same text, which the training saw at the same time, get the same influence."""
    influence = _final(method, specimens.tokens)
    names = list(specimens.tokens.datasets)
    first, second = (influence[names.index(name)] for name in TWINS)
    gap, allowed = float(np.abs(first - second).max()), TOLERANCE * max(float(np.abs(influence).max()), 1e-12)
    assert gap <= allowed, f"two equal datasets: influences differ by up to {gap:.2e} where {allowed:.2e} is rounding"


@_check
def half_precision_agrees(method: AttributionMethod, specimens: Specimens) -> None:
    """With forward passes in bfloat16 the datasets rank as in float32: Spearman of 0.9 or more, mean over subsets."""
    trained = specimens.planted
    half = dataclasses.replace(trained, recipe=trained.recipe.model_copy(update={"precision": "bfloat16"}))
    full, rounded = _final(method, trained), _final(method, half)
    if not np.ptp(full, axis=0).any():
        _same(rounded, full, "bfloat16")
        return
    agreement = float(np.mean([stats.spearmanr(a, b).statistic for a, b in zip(full.T, rounded.T, strict=True)]))
    assert agreement >= AGREEMENT, f"Spearman of bfloat16 and float32 influences is {agreement:.2f}, below {AGREEMENT}"


@_check
def subsets_do_not_depend_on_each_other(method: AttributionMethod, specimens: Specimens) -> None:
    """Asked with only some of the test subsets it gives these the same influence: a test set is no part of a method."""
    trained, _ = specimens.separate
    whole, subsets = _final(method, trained), list(trained.subsets.items())
    for some in (slice(0, 1), slice(1, None)):
        answer = _final(method, dataclasses.replace(trained, subsets=dict(subsets[some])))
        asked = ", ".join(f"'{name}'" for name, _ in subsets[some])
        _same(answer, whole[:, some], f"asked with {asked} alone", scale=float(np.abs(whole).max()))


@_check
def sign_of_the_truth(method: AttributionMethod, specimens: Specimens) -> None:
    """Where leaving a dataset out raises its own subset's loss, the influence says so: positive, not turned.

    Five datasets with words of their own, five subsets of unseen text like each, and really retrained models. The
    Pearson correlation over datasets, mean over subsets, is 0.5 or more, and a dataset's influence on its own subset
    is on average above the others' on it.
    """
    trained, truth = specimens.separate
    answer = _final(method, trained)
    assert np.ptp(answer, axis=0).all(), "the influence on a subset is the same for all datasets"
    agreement = np.mean([stats.pearsonr(*pair).statistic for pair in zip(answer.T, truth.T, strict=True)])
    own = (np.diag(answer) - answer.mean(0)) / answer.std(0)
    least = AT_LEAST if specimens.model is None else 0
    assert agreement >= least, f"correlation with what leaving out does is {agreement:.2f}, below {least}"
    assert own.mean() > 0, "a dataset's influence on the subset like it is below the others' influence on it"


@_check
def hyperparameters_survive_storing(method: AttributionMethod, specimens: Specimens) -> None:
    """Written as JSON and read back they make the same method."""
    stored: Mapping[str, Any] = json.loads(canonical_json(method.hyperparameters))
    again = type(method)(**stored)
    assert again == method, f"hyperparameters read back from JSON make another method: {again}"


def checks_of(cls: type[AttributionMethod]) -> Iterator[tuple[str, Run | None, str]]:
    """Every check for a method: (its name, what to run or None where the method is exempt, why it is exempt)."""
    unknown = set(cls.exempt) - set(CHECKS)
    if unknown:
        raise InputError(
            f"method '{cls.name}': exempt names unknown checks {sorted(unknown)}; there are {', '.join(CHECKS)}"
        )
    for name, run in CHECKS.items():
        yield name, None if name in cls.exempt else run, cls.exempt.get(name, "")


def check_method(
    locator: str,
    changes: Mapping[str, str] | None = None,
    folder: Path | None = None,
    model: Architecture | None = None,
) -> list[Outcome]:
    """Run every check on a method (a registered name or ``file.py:Class``) with its values for scale mini.

    Args:
        changes: hyperparameters to set.
        folder: where the small trained models may lie; a temporary one otherwise.
        model: takes the place of the small OPTs. Where a method says in a sentence that it cannot do with such a model,
            that is the reason of an exemption; the sign of the truth is asked for, not how well the method tells it.

    Raises:
        InputError: there is no such method, it cannot be built, or it needs a package that is missing.
    """
    method = tuned_method(locator, "mini", changes or {})
    with tempfile.TemporaryDirectory() as temporary:
        specimens = Specimens(folder or Path(temporary), model)
        return [
            _outcome(name, run, reason, method, specimens) for name, run, reason in checks_of(method_class(locator))
        ]


def _outcome(name: str, run: Run | None, reason: str, method: AttributionMethod, specimens: Specimens) -> Outcome:
    if run is None:
        return Outcome(name, "exempt", reason)
    try:
        run(method, specimens)
    except AttributionError as error:
        reason = f"{str(error).splitlines()[0]}{_where(error, method)}"
        return Outcome(name, "failed" if specimens.model is None else "exempt", reason)
    except AssertionError as error:
        said = str(error).splitlines() or ["an assertion of its own does not hold"]
        return Outcome(name, "failed", f"{said[0]}{_where(error, method)}")
    except Exception as error:
        text = " ".join(str(error).split())[:300]
        return Outcome(name, "failed", f"{type(error).__name__}: {text}{_where(error, method)}")
    return Outcome(name, "passed", "")


def _where(error: Exception, method: AttributionMethod) -> str:
    """The last place in the method's own file that an error passed, in brackets; "" where it passed none."""
    own = inspect.getfile(type(method))
    lines = [frame.lineno for frame in traceback.extract_tb(error.__traceback__) if frame.filename == own]
    return f" ({own}, line {lines[-1]})" if lines else ""


@cache
def _session_specimens() -> tuple[Specimens, tempfile.TemporaryDirectory[str]]:
    folder = tempfile.TemporaryDirectory()
    return Specimens(Path(folder.name)), folder


def parametrize_with_checks(locators: Sequence[str]) -> Any:
    """A pytest decorator: the test function is called with ``check``, one for each method and check.

    Example: ``@parametrize_with_checks(["my_method.py:MyMethod"])`` over ``def test_it(check): check()``.
    A method whose extra is missing is skipped with the reason, a check that a method is exempt from too.
    """
    import pytest

    def case(locator: str, name: str, run: Run | None, reason: str) -> Any:
        def check() -> None:
            if run is None:
                pytest.skip(f"{locator} is exempt: {reason}")
            missing = method_class(locator).missing()
            if missing:
                pytest.skip(f"{locator} needs {', '.join(missing)}")
            run(tuned_method(locator, "mini", {}), _session_specimens()[0])

        return pytest.param(check, id=f"{locator}: {name}")

    return pytest.mark.parametrize(
        "check", [case(locator, *check) for locator in locators for check in checks_of(method_class(locator))]
    )
