"""The page needs nothing else, treats every name as data, and survives failures, one seed and no rows."""

import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lodo.reports.formats import memory, number, plus_minus, seconds, settings
from lodo.reports.leaderboard import render_page, write_leaderboard
from lodo.reports.schema import SCHEMAS
from lodo.reports.tables import Tables, read_tables, write_tables


class Elements(HTMLParser):
    """Collects the tags, attributes and text of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: list[tuple[str, str | None]] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes += attrs

    def handle_data(self, data: str) -> None:
        self.text += data


@pytest.fixture(scope="module")
def page(tables: Tables, tmp_path_factory: pytest.TempPathFactory) -> str:
    return write_leaderboard(tables, tmp_path_factory.mktemp("site") / "new").read_text(encoding="utf-8")


def test_hostile_names_are_text(page: str) -> None:
    elements = Elements(page)
    assert "script" not in elements.tags
    assert "<script>alert(1)</script>" in elements.text
    assert not [name for name, _ in elements.attributes if name.startswith("on")]
    for name in ('a.b[0] "q" & $x', "漢字"):
        assert name in elements.text


def test_no_request_leaves_the_page(page: str) -> None:
    elements = Elements(page)
    assert not elements.tags & {"link", "img", "iframe", "object", "image", "base"}
    outside = [(name, value) for name, value in elements.attributes if "://" in (value or "")]
    assert {name for name, _ in outside} <= {"xmlns", "xmlns:xlink"}
    assert "@import" not in page
    assert not re.search(r"url\((?!#)", page)


def test_ids_are_unique_and_links_lead_somewhere(page: str, tables: Tables) -> None:
    attributes = Elements(page).attributes
    ids = [value for name, value in attributes if name == "id"]
    assert len(ids) == len(set(ids))
    links = [value for name, value in attributes if name == "href" and value]
    assert all(link[1:] in ids for link in links if link.startswith("#"))
    assert {link for link in links if not link.startswith("#")} == {
        *(f"{name}.parquet" for name in SCHEMAS),
        "manifest.json",
    }
    assert page.count("<svg") == 4


def test_the_page_says_what_it_must(page: str) -> None:
    text = re.sub(r"\s+", " ", Elements(page).text)
    for sentence in (
        "positive means that leaving it out raises the loss",
        "not a confidence interval",
        "0.80 ± 0.02",
        "the average of the other seeds' truths",
        "the true leave-out of one seed given as an estimate",
        "failed in 2 of 4 attempts",
        "estimates are constant on 2 of 2 subsets",
        "truth is the same for every dataset",
        "R = 0.89",
        "lr = 0.1",
        "another task",
        "did the model learn",
        "8.000",
    ):
        assert sentence.lower() in text.lower()


def test_one_seed(make_tables: Callable[..., Tables]) -> None:
    text = " ".join(re.sub("<[^>]+>", " ", render_page(make_tables(seeds=1, runs=1))).split())
    assert "Here the truth is the truth of the very model that was attributed" in text
    assert "The reliability of the truth is unknown: needs two seeds or more." in text
    # The row of a method: the other seeds' truth is undefined, the own one is not.
    assert "good needs two seeds or more 1.00 1.00" in text


def test_a_manifest_may_lack_or_garble_anything(tables: Tables) -> None:
    for manifest in ({}, {"methods": [], "code": "x", "hardware": None, "warnings": "oops", "seeds": [3]}):
        assert "<svg" in render_page(replace(tables, manifest=manifest))


def test_nothing_to_show() -> None:
    assert "There are no scores yet" in render_page(Tables.from_rows({}, {}))


def test_truth_and_estimates_alone_make_a_page(tables: Tables) -> None:
    alone = {name: tables.frame(name) for name in ("ground_truth", "estimates")}
    assert "crashy" in render_page(Tables.of(alone, {}))


def test_both_questions_stand_where_sizes_differ_and_one_where_they_do_not(
    make_tables: Callable[..., Tables], page: str
) -> None:
    assert "mixture-aware" not in page
    uneven = make_tables(slots=(20, 10, 5, 5))
    assert '<th scope="colgroup" colspan="2">mixture-aware</th>' in render_page(uneven)
    assert "shares of the mixture (methods" in " ".join(render_page(uneven).split())
    assert '<th scope="colgroup" colspan="2">as_in_paper</th>' in render_page(uneven, "mixture-aware")
    scores = uneven.scores.query("method == 'good' and truth == 'others' and status == 'ok'")
    asked = scores.query("question == 'mixture-aware'")["pearson"].mean()
    assert abs(asked - scores.query("question == 'as_in_paper'")["pearson"].mean()) > 0.01
    row = next(line for line in render_page(uneven).split("<tr>") if ">good</th>\n" in line)
    assert f"<td>{number(asked)} ±" in row


def test_stored_tables_make_the_same_page(tables: Tables, page: str, tmp_path: Path) -> None:
    write_tables(tmp_path, tables)
    assert render_page(read_tables(tmp_path)) == page


def test_numbers_as_text() -> None:
    assert [number(value) for value in (None, float("nan"), -0.001, -1234.5)] == ["–", "–", "0.00", "−1,234.50"]
    assert plus_minus(0.5, float("nan")) == "0.50"
    assert [seconds(value) for value in (0.5, 30, 600, 7200)] == ["0.50 s", "30.0 s", "10.0 min", "2.0 h"]
    assert [memory(value) for value in (2**20, 3 * 2**29)] == ["1 MiB", "1.50 GiB"]
    assert [settings(value) for value in ('{"lr": 5e-05, "by": "adam"}', "{}", None)] == [
        "lr = 5e-05, by = adam",
        "none",
        "none",
    ]


def test_the_page_never_imports_torch() -> None:
    code = "import sys, lodo.reports.leaderboard; sys.exit(any(m.split('.')[0] == 'torch' for m in sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


NEAR, FAR, BACK = [1.0, 2, 4, 3], [3.0, 1, 2, 4], [4.0, 3, 2, 1]  # 0.8, 0.4 and -1 with 1, 2, 3, 4


@pytest.mark.parametrize(
    ("estimate", "reference", "bold"), [(NEAR, FAR, True), (FAR, NEAR, False), (BACK, BACK, False)]
)
def test_the_best_is_bold_only_where_it_beats_zero_and_the_references(
    make_facts: Callable[..., dict[str, list[dict[str, Any]]]],
    estimate: list[float],
    reference: list[float],
    bold: bool,
) -> None:
    # The true retraining scores 1: it is above all of them and no rival of theirs.
    guesses = {"random": reference, "m": estimate, "other": BACK, "retraining": [1.0, 2, 3, 4]}
    stacked = {name: np.array([[guess]] * 2)[..., None] for name, guess in guesses.items()}
    page = render_page(Tables.from_rows(make_facts(stacked["retraining"][:, 0], stacked), {}))
    assert ('<td class="best">' in page) is bold


def test_what_unlearning_forgets_stands_beside_what_retraining_forgets(tables: Tables, page: str) -> None:
    text = " ".join(re.sub("<[^>]+>", " ", page).split())
    assert "What unlearning forgets, and what retraining forgets" in text
    # The geometric mean of equal perplexities is their value: 10 x 2 retrained, 10 x 4 after the method.
    assert "truly retrained without it 20.0 0.250 40.0 0.250 20.0 0.250 0.550" in text
    assert "good 40.0 0.125 80.0 0.125 40.0 0.125 –" in text
    alone = tables.forgetting[tables.forgetting["model"] != "good"]
    for none in (alone, alone.iloc[:0]):
        assert "What unlearning forgets" not in render_page(replace(tables, forgetting=none))


def test_the_cost_of_a_method_stands_beside_its_scores(page: str) -> None:
    first = page[page.index("<tbody>") :]
    assert re.search(r">good</th><td>0\.50</td>", first)
