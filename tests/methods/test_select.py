"""Which methods run by default, and what is said of those that need a package which is not there."""

import sys
import textwrap

import pytest
from typer.testing import CliRunner

from lodo.benchmark.cli import app
from lodo.methods.base import METHODS
from lodo.methods.select import default_suite, method_class, tuned_method
from lodo.tasks.errors import InputError

NEEDY = """
    from collections.abc import Mapping
    from dataclasses import dataclass
    from typing import ClassVar

    from lodo.methods import AttributionMethod, register


    @register("needy")
    @dataclass(frozen=True)
    class Needy(AttributionMethod):
        requires: ClassVar[Mapping[str, str]] = {"no_such_package": "pip install no-such-package"}
"""


@pytest.fixture
def needy(tmp_path, monkeypatch):
    METHODS.names()  # fills it
    monkeypatch.setattr(METHODS, "_items", dict(METHODS._items))
    path = tmp_path / "needy.py"
    path.write_text(textwrap.dedent(NEEDY))
    yield f"{path}:Needy"
    sys.modules.pop("lodo_user_needy", None)


def test_a_missing_package_is_an_error_when_the_method_is_asked_for(needy):
    assert method_class(needy).missing() == {"no_such_package": "pip install no-such-package"}
    with pytest.raises(
        InputError, match="needs 'no_such_package', which is not installed; pip install no-such-package"
    ):
        tuned_method(needy, "mini", {})


def test_a_missing_package_is_a_row_of_the_list(needy):
    method_class(needy)
    found = CliRunner().invoke(app, ["list", "methods"], env={"COLUMNS": "400"})
    assert found.exit_code == 0, found.output
    (row,) = [line for line in found.output.splitlines() if line.startswith("needy")]
    assert "needs no_such_package: pip install no-such-package" in row


def test_the_default_suite_leaves_out_what_is_on_request_or_needs_more():
    suite = default_suite()
    assert {"graddot", "untrac", "hif-cg", "less", "bm25"} <= set(suite)
    assert not {"magic", "hif-exact", "random", "dataset-size"} & set(suite)
    assert not [name for name in suite if METHODS.get(name).requires]
