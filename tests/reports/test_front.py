"""The front page says which method to use only as surely as the data do, and its table hides nothing."""

import json
import re
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from lodo.reports.gaps import Difference
from lodo.reports.leaderboard import site_files
from lodo.reports.site import words
from lodo.reports.site.front import front_page
from lodo.reports.site.material import Material, letter
from lodo.reports.site.verdict import frontier, verdict
from lodo.reports.standings import Place
from lodo.reports.tables import Tables
from lodo.reports.uncertainty import Interval

Facts = dict[str, list[dict[str, Any]]]
K, S, SEEDS = 8, 4, 4


@pytest.fixture(scope="module")
def signal() -> tuple[np.ndarray, np.ndarray]:
    """A truth (n, K, S) of seeds that agree well, and what lasts of it."""
    draw = np.random.default_rng(7)
    lasting = draw.normal(size=(K, S))
    return lasting + 0.2 * draw.normal(size=(SEEDS, K, S)), lasting


@pytest.fixture
def make(make_facts: Callable[..., Facts], signal: tuple[np.ndarray, np.ndarray]) -> Callable[..., Material]:
    """A run of methods, each with the noise of its estimates and its cost in trainings; always with both references."""

    def made(methods: dict[str, tuple[float, float]], question: Any = "as_in_paper", **manifest: Any) -> Material:
        truth, lasting = signal
        draw = np.random.default_rng(1)
        estimates = {name: lasting + noise * draw.normal(size=(SEEDS, 2, K, S)) for name, (noise, _) in methods.items()}
        estimates |= {"random": draw.normal(size=(SEEDS, 2, K, S)), "retraining": truth[:, None]}
        rows = make_facts(truth, estimates)
        costs = {name: cost for name, (_, cost) in methods.items()} | {"random": 0.0, "retraining": 8.0}
        for row in rows["attempts"]:
            row["training_equivalents"] = costs[row["method"]]
        return Material.of(Tables.from_rows(rows, manifest), question)

    return made


def test_one_method_that_is_surely_best_is_to_be_used(make: Callable[..., Material]) -> None:
    given = make({"good": (0.1, 2.5), "bad": (8.0, 0.1)})
    said = verdict(given)
    assert said.sure
    best = given.methods[0]
    assert said.text.startswith(
        f"Use good: it scores {words.with_interval(best.score or 0, best.again)} for 2.50 trainings"
    )
    assert said.text.endswith("surely more than any other method.")
    assert given.chance is not None
    assert f"{(best.score or 0) - (given.chance.score or 0):.2f} above random numbers" in said.text
    assert "retraining, which costs 8.00" in said.text
    assert [part.pair for part in said.sentence if part.pair] == [best.pair]


def test_methods_that_cannot_be_told_apart_are_named(make: Callable[..., Material]) -> None:
    said = verdict(make({"one": (0.5, 3.0), "two": (0.5, 1.0), "three": (0.5, 0.2), "bad": (20.0, 0.1)}))
    assert not said.sure
    assert not said.text.startswith("Use")
    assert "cannot be told from it (cheapest: " in said.text
    assert "for 0.20 trainings)" in said.text or said.text.startswith("three")
    assert "bad" not in said.text
    many = verdict(make({f"m{index}": (0.5, 1.0) for index in range(7)}))
    assert "6 other methods cannot be told from it" in many.text


def test_what_is_not_above_random_numbers_is_not_advised(make: Callable[..., Material]) -> None:
    said = verdict(make({"one": (50.0, 1.0), "two": (60.0, 1.0)}))
    assert "nothing here is surely better than random numbers" in said.text
    assert "Use" not in said.text
    assert not said.sure


def test_the_only_method_is_not_better_than_others(make: Callable[..., Material]) -> None:
    said = verdict(make({"good": (0.1, 1.0)}))
    assert said.text.endswith("no other method has a score.")
    assert not said.sure
    assert "for 1.00 training;" in said.text


def test_without_a_score_or_an_interval_the_reason_is_said(
    make: Callable[..., Material], make_tables: Callable[..., Tables]
) -> None:
    one = Material.of(make_tables(seeds=1), "as_in_paper")
    assert "nothing can be told apart here (needs two seeds or more)" in verdict(one).text
    nothing = make({"good": (0.1, 1.0)})
    lacking = replace(nothing.methods[0], score=None, reason="undefined: failed in 1 of 2 attempts", place=None)
    without = replace(nothing, overall=(lacking, *nothing.references))
    assert verdict(without).text == (
        "No method has a score on every task: good is undefined: failed in 1 of 2 attempts."
    )


def test_the_frontier_holds_what_scores_highest_for_its_cost(make: Callable[..., Material]) -> None:
    given = make({"best": (0.1, 3.0), "dear": (0.4, 9.0), "cheap": (0.9, 0.1), "worse": (3.0, 0.5)})
    steps = frontier(given)
    assert [step.standing.pair[0] for step in steps] == ["cheap", "best"]
    assert [step.cost for step in steps] == pytest.approx([0.1, 3.0])


def test_the_front_page_answers_in_a_row(make: Callable[..., Material]) -> None:
    given = make({"good": (0.1, 2.5), "bad": (8.0, 0.1)})
    context = front_page(given).context
    row = context["methods"][0]
    best = given.methods[0]
    assert (row["label"], row["rank"], row["tie"]["letter"], row["cost"], row["failed"]) == (
        "good",
        "1",
        "A",
        "2.50",
        "",
    )
    assert row["score"]["interval"] == words.interval(best.again)
    assert best.share.value is not None
    assert row["share"]["text"] == f"{100 * best.share.value:.0f} %"
    assert float(row["keys"]["score"]) == pytest.approx(best.score, abs=1e-5)
    assert [reference["label"] for reference in context["references"]] == ["retraining", "random"]
    assert context["references"][0]["rank"] == ""


def test_what_is_undefined_is_a_reason_and_never_zero(tables: Tables) -> None:
    material = Material.of(tables, "as_in_paper")
    rows = {row["label"]: row for row in front_page(material).context["methods"]}
    assert rows["crashy"]["score"]["number"] == ""
    assert "failed in 2 of 4 attempts" in rows["crashy"]["score"]["reason"]
    assert rows["crashy"]["keys"]["score"] == ""
    assert (rows["crashy"]["failed"], rows["good"]["failed"]) == ("2 of 4", "")
    assert "diverged" in rows["crashy"]["cause"]
    assert words.score(None)["reason"] == "not run"
    assert words.bar(0.5, Interval(None, None, "x")).count("<path") == 1


def test_words_for_numbers() -> None:
    assert [words.trainings(cost) for cost in (None, 0.0, 0.001, 0.3, 12.34)] == ["–", "0", "< 0.01", "0.30", "12.3"]
    assert [letter(group) for group in (1, 26, 27, 53)] == ["A", "Z", "AA", "BA"]
    assert [words.signed(value) for value in (0.5, -0.5, 0.001, -0.001)] == ["+0.50", "−0.50", "0.00", "0.00"]
    assert words.difference(Difference(0.2, 0.1, 0.3, 0.0004)) == {
        "text": "+0.20 (0.10 to 0.30)",
        "p": "< 0.001",
        "sure": True,
    }
    assert words.difference(Difference(0.2, 0.1, 0.3, 0.06))["sure"] is False


def test_ranks_and_groups_come_from_the_standings(make: Callable[..., Material]) -> None:
    best = make({"good": (0.1, 2.5), "bad": (8.0, 0.1)}).methods[0]
    moved = replace(best, place=Place((2, 5), 3, 0.1, None))
    assert (words.rank(moved), words.tie(moved)["letter"], words.tie(moved)["mark"]) == ("2–5", "C", "▲")


def test_families_have_columns_and_single_tasks_stand_below(
    make_facts: Callable[..., Facts], signal: tuple[np.ndarray, np.ndarray]
) -> None:
    truth, lasting = signal
    rows: Facts = {}
    for task in ("a/x", "a/y", "b/x"):
        guess = {
            "m": lasting + np.random.default_rng(list(task.encode())).normal(size=(SEEDS, 1, K, S)),
            "random": truth[:, None],
        }
        for name, more in make_facts(truth, guess, task=task).items():
            rows.setdefault(name, []).extend(more)
    material = Material.of(Tables.from_rows(rows, {}), "as_in_paper")
    context = front_page(material).context
    assert [(family["name"], family["tasks"], family["page"]) for family in context["families"]] == [
        ("a", 2, None),
        ("b", 1, "tasks/b-x"),
    ]
    standing = material.methods[0]
    cells = [cell["value"] for cell in context["methods"][0]["cells"]]
    by_task = [material.by_task[task][standing.pair].score or 0 for task in material.tasks]
    assert cells == pytest.approx([np.mean(by_task[:2]), by_task[2]])
    assert len(context["by_task"][0]["cells"]) == 3
    assert standing.score == pytest.approx(np.mean(by_task))


def test_the_exports_hold_the_table(make: Callable[..., Material]) -> None:
    given = make({"a|b_c%": (0.3, 2.5), "*two*": (0.3, 1.0), "bad": (20.0, 0.1)})
    files = {path: content.decode() for path, content in site_files(given.tables).items()}
    rows = json.loads(files["leaderboard.json"])
    assert [row["method"] for row in rows] == [standing.pair[0] for standing in given.overall]
    best = given.methods[0]
    assert (rows[0]["score"], rows[0]["low"], rows[0]["rank_worst"]) == (best.score, best.again.low, 2)
    assert files["leaderboard.csv"].splitlines()[1].split(",")[0] == rows[0]["method"]
    latex = files["leaderboard.tex"]
    assert r"\toprule" in latex
    assert r"\textbf{a\textbar{}b\_c\%}" in latex
    assert r"\textbf{*two*}" in latex
    assert r"\textbf{bad}" not in latex
    assert all(line.count(" & ") == 6 for line in latex.splitlines() if line.endswith(r"\\"))
    markdown = files["leaderboard.md"]
    assert r"a\|b\_c%" in markdown
    assert r"\*two\*" in markdown
    assert len({len(re.findall(r"(?<!\\)\|", line)) for line in markdown.splitlines()}) == 1
