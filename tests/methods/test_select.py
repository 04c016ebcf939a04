"""Which methods run by default, and what is said of those that need a package which is not there."""

import sys
import textwrap

import pytest
from typer.testing import CliRunner

from lodo.benchmark.cli import app
from lodo.methods.base import METHODS
from lodo.methods.select import method_class, suite, suites_of, tuned_method
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
    command = CliRunner().invoke(app, ["list", "methods"], env={"COLUMNS": "400"})
    assert command.exit_code == 0, command.output
    (row,) = [line for line in command.output.splitlines() if line.startswith("needy")]
    assert "needs no_such_package: pip install no-such-package" in row


def test_suites_leave_out_what_is_on_request_or_lacks_a_package(needy):
    default, full = suite("default"), suite("full")
    assert set(default) < set(full)
    assert {"graddot", "untrac", "hif-cg", "less", "bm25"} <= set(default)
    assert {"hif-lissa", "untrac-npo"} <= set(full) - set(default)
    assert not {"magic", "hif-exact", "random", "dataset-size"} & set(full)
    assert suites_of(method_class(needy)) == ()
    with pytest.raises(InputError, match="--suite all: no such suite; there are default, full"):
        suite("all")


def test_every_family_of_methods_is_in_the_default_suite():
    """A family is a file; those that need a package or a request are nobody's default."""
    families = {}
    for name in METHODS.names():
        cls = METHODS.get(name)
        if suites_of(cls) and not cls.requires:
            families.setdefault(cls.__module__, []).append("default" in suites_of(cls))
    assert len(families) >= 7
    assert all(any(in_default) for in_default in families.values()), families


def test_a_method_that_needs_a_missing_package_is_in_no_suite(monkeypatch):
    cls = METHODS.get("graddot")
    assert suites_of(cls) == ("default", "full")
    monkeypatch.setattr(cls, "requires", {"no_such_package": "pip"})
    assert suites_of(cls) == ()
