"""File names of pages: safe, apart even where case does not count, and the same whatever stands beside them."""

import re

import pytest

from lodo.reports.site.slugs import LONGEST, slugs

ODD = ["../../etc/passwd", "con", "COM1", "", "漢字", "<script>", "a.b", "x" * 300, "-", ".", "..", "\udcff", "nul.txt"]


def test_every_name_is_safe_and_none_is_another() -> None:
    names = [*ODD, "Opt", "opt", "OPT", "opt/equal", "opt equal", "opt-equal", "é", "e", "con", "x" * 301]
    made = slugs(names)
    assert len({slug.casefold() for slug in made.values()}) == len(set(names)) == len(made)
    for slug in made.values():
        assert re.fullmatch(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?", slug)
        assert slug not in ("con", "com1", "nul")
        assert len(slug) <= LONGEST + 9


def test_plain_names_stay_and_others_do_not_move_them() -> None:
    assert slugs(["opt-equal/toxigen", "hif-cg"]) == {"opt-equal/toxigen": "opt-equal-toxigen", "hif-cg": "hif-cg"}
    assert slugs(["Opt-Equal"]) == {"Opt-Equal": "opt-equal"}
    assert slugs(["Opt", "opt"])["opt"] == "opt" == slugs(["opt"])["opt"]
    assert slugs(["Opt", "opt"])["Opt"] == slugs(["opt", "Opt", "OPT"])["Opt"] != slugs(["OPT", "opt"])["OPT"]


@pytest.mark.parametrize("order", [1, -1])
def test_a_name_that_looks_like_anothers_hash_is_told_from_it(order: int) -> None:
    hashed = slugs(["Opt", "opt"])["Opt"]
    made = slugs(["Opt", "opt", hashed][::order])
    assert made[hashed] == hashed != made["Opt"]
