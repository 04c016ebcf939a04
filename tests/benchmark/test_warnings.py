"""What is odd about a user's own text, recipe or method is said before the work begins."""

import pytest

from lodo.methods.base import METHODS

SILENT = """
import dataclasses
from lodo.methods import AttributionMethod, register


@register("of-unknown-cost")
@dataclasses.dataclass(frozen=True)
class Silent(AttributionMethod):
    pass
"""
PLAN = ("--task", "opt-equal/places", "--method", "graddot", "--dry-run")


def test_two_corpora_of_equal_text_are_warned_of(run, text, tmp_path):
    assert "corpora '" not in run(*PLAN, out=tmp_path / "out").out
    (text / "corpora/copy.jsonl").write_bytes((text / "corpora/sky.jsonl").read_bytes())
    said = run(*PLAN, out=tmp_path / "out").out
    assert "warning corpora 'copy' and 'sky' hold equal text (they share 100% of their word sequences): " in said


@pytest.mark.parametrize(("warmup", "warned"), [(29, False), (30, True), (45, True)])
def test_a_warm_up_that_is_not_over_before_the_last_step_is_warned_of(run, tmp_path, warmup, warned):
    said = run(*PLAN, out=tmp_path / "out", settings={"recipe.warmup": warmup}).out
    sentence = (
        f"warning opt-equal/places: the warm-up of {warmup} steps is not over before the last of 30 steps, so the "
        "learning rate is never kept; set recipe.warmup below 30\n"
    )
    assert (sentence in said) == warned


def test_a_method_whose_cost_nobody_knows_is_said_to_be_of_unknown_cost(run, monkeypatch, tmp_path):
    METHODS.names()
    monkeypatch.setattr(METHODS, "_items", dict(METHODS._items))
    file = tmp_path / "of_unknown_cost.py"
    file.write_text(SILENT)
    options = ("--task", "opt-equal/places", "--seeds", "1", "--runs", "1", "--add-method", f"{file}:Silent")
    words = "the cost of of-unknown-cost is unknown (not said, and not seen in the store) and not counted"
    said = run(*options, "--method", "graddot", "--dry-run", out=tmp_path / "out").out
    assert f"; {words}\n" in said
    assert "What of-unknown-cost costs is unknown, and in none of these figures." in said
    said = run(*options, "--method", "graddot", out=tmp_path / "out").out
    assert words in said
    assert "is unknown" not in run(*options, "--method", "graddot", "--dry-run", out=tmp_path / "other").out
