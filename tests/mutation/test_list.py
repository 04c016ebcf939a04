"""The lists of changes fit the code: each one's text is there once, it is a change, and its tests exist."""

import ast
import dataclasses
from pathlib import Path

import pytest

from .run import ROOT, ListError, Mutation, read_lists, verdict_of

MUTATIONS = read_lists()


@pytest.mark.parametrize("mutation", MUTATIONS, ids=lambda mutation: mutation.name)
def test_a_change_fits_the_code(mutation):
    assert mutation.old != mutation.new
    changed = mutation.applied(ROOT)
    same = ast.dump(ast.parse(changed)) == ast.dump(ast.parse((ROOT / mutation.file).read_text()))
    assert not same, "it changes no code"
    assert len(mutation.why) > 10
    for test in mutation.tests:
        path, _, name = test.partition("::")
        assert (ROOT / path).is_file(), path
        assert f"def {name.partition('[')[0]}(" in (ROOT / path).read_text() if name else True, test


def test_names_differ_and_there_are_enough_of_them():
    assert len({mutation.name for mutation in MUTATIONS}) == len({each.digest for each in MUTATIONS}) == len(MUTATIONS)
    assert len(MUTATIONS) >= 80


@pytest.fixture
def tree(tmp_path):
    """A tree of one function and one test of it."""
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree/ones.py").write_text("def one():\n    return 1\n")
    (tmp_path / "tree/test_ones.py").write_text("from ones import one\n\n\ndef test_one():\n    assert one() == 1\n")
    return tmp_path / "tree"


CHANGE = Mutation("one is two", "ones.py", "return 1", "return 2", "one would be two", ("test_ones.py",))


@pytest.mark.parametrize(
    ("new", "verdict"), [("return 2", "caught"), ("return 1.0", "survived"), ("return (", "unusable")]
)
def test_a_verdict_is_that_of_the_tests_and_leaves_the_file_alone(tree, new, verdict):
    before = Path(tree, "ones.py").read_text()
    assert verdict_of(tree, dataclasses.replace(CHANGE, new=new))[0] == verdict
    assert Path(tree, "ones.py").read_text() == before


def test_text_that_is_not_there_once_is_an_error(tree):
    for old, times in (("return 3", 0), ("1", 1), ("n", 2)):
        change = dataclasses.replace(CHANGE, old=old)
        if times == 1:
            assert change.applied(tree)
        else:
            with pytest.raises(ListError, match=f"'one is two': its old text stands in ones.py {times} times"):
                change.applied(tree)
    with pytest.raises(ListError, match=r"there is no file gone\.py"):
        dataclasses.replace(CHANGE, file="gone.py").applied(tree)
