"""Every method's influence on a fixed tiny task is what it was: ``--write-golden`` stores what it is now.

The task is the random specimen of `lodo.benchmark.specimen`: four datasets, two subsets, double precision. Rounding in
another order (another CPU, another BLAS) moves an influence by some 1e-12 of the largest, and what the training's Adam
makes of it stays below 1e-8; a change of a definition moves it by 1e-3 or more. Hence the tolerance in between. A
method that stores a wider one says why in its file.
"""

import json
from pathlib import Path

import numpy as np
import pytest

from lodo.benchmark.specimen import Specimens
from lodo.methods.base import METHODS, AttributionError
from lodo.methods.select import method_class, tuned_method
from lodo.reports.comparison import drift
from lodo.tasks.spec import canonical_json

HERE = Path(__file__).parent
TOLERANCE = 1e-5
# Beyond lodo's own registry, in which tests may have registered methods of theirs.
NAMES = [name for name in METHODS.names() if method_class(name).__module__.startswith("lodo.methods.")]


@pytest.fixture(scope="module")
def specimen(tmp_path_factory):
    return Specimens(tmp_path_factory.mktemp("golden")).tokens


@pytest.mark.parametrize("name", NAMES)
def test_the_influence_is_what_it_was(name, specimen, request):
    missing = method_class(name).missing()
    if missing:
        pytest.skip(f"{name} needs {', '.join(missing)}")
    method = tuned_method(name, "mini", {})
    try:
        found = method.attribute(specimen).checked(specimen).influence
    except AttributionError as error:
        pytest.fail(f"{name} failed: {error}")
    path = HERE / f"{name}.json"
    hyperparameters = json.loads(canonical_json(method.hyperparameters))
    stored = json.loads(path.read_text()) if path.exists() else None
    if request.config.getoption("--write-golden"):
        kept = {key: stored[key] for key in ("tolerance", "why") if stored and key in stored}
        content = {"hyperparameters": hyperparameters, "influence": found.tolist(), **kept}
        path.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n")
        return
    assert stored, f"no {path.name}: store it with pytest tests/golden --write-golden"
    assert stored["hyperparameters"] == hyperparameters, "other defaults: if meant, store anew with --write-golden"
    moved = drift(np.array(stored["influence"]), found)
    allowed = stored.get("tolerance", TOLERANCE)
    assert moved <= allowed, f"{name} moved by {moved:.1e} of its largest influence, {allowed:.0e} is allowed"


def test_no_stored_influence_is_of_no_method():
    assert {path.stem for path in HERE.glob("*.json")} <= set(NAMES)


def test_a_change_of_definition_is_noticed(specimen):
    """A learning rate one per mille higher moves UnTrac by more than the tolerance."""
    stored = np.array(json.loads((HERE / "untrac.json").read_text())["influence"])
    method = tuned_method("untrac", "mini", {})
    moved = type(method)(**{**method.hyperparameters, "lr": method.hyperparameters["lr"] * 1.001})
    assert drift(stored, moved.attribute(specimen).influence) > 10 * TOLERANCE
