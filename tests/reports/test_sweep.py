"""Rows, curves, table and figures of a sweep, from tables of known scores."""

import json
from xml.etree import ElementTree

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from lodo.reports import sweep
from lodo.reports.svg import draw, standalone
from lodo.reports.sweep import EXAMPLES, curves, forgetting_rows, markdown, point_rows
from lodo.reports.sweep_figures import cost_figure, forgetting_curves, forgetting_figure
from lodo.reports.tables import ReportError


def rows_of(values, truth="others", status="ok", reason=""):
    """Rows of one task from ``{(method, examples, shown): Pearson by seed}``."""
    return pd.DataFrame(
        {
            "task": "t",
            "method": method,
            "hyperparameters": "{}",
            "truth": truth,
            "seed": seed,
            "run": 0,
            "pearson": pearson,
            "spearman": pearson,
            "status": status,
            "reason": reason,
            "seconds": 1.0,
            "training_equivalents": 0.5,
            "swept": json.dumps({EXAMPLES: examples}),
            "examples": examples,
            "shown": shown,
        }
        for (method, examples, shown), pearsons in values.items()
        for seed, pearson in enumerate(pearsons)
    )


def test_a_point_is_a_row_for_each_run_with_its_score_and_cost(tables):
    rows = point_rows(tables, {"good": {EXAMPLES: "8"}, "crashy": {EXAMPLES: "8"}}, "8", 8.0)
    assert set(rows["method"]) == {"good", "crashy"}
    good = rows[(rows["method"] == "good") & (rows["truth"] == "others")].set_index(["seed", "run"])
    assert len(good) == 4
    # The subset whose truth is flat counts for nobody; estimates are scored as they stand, whatever the sizes.
    scores = tables.scores.query("method == 'good' and truth == 'others' and question == 'as_in_paper'")
    assert set(scores["status"]) == {"ok", "undefined"}
    for (seed, run), own in scores[scores["status"] == "ok"].groupby(["seed", "run"]):
        assert good.loc[(seed, run), "pearson"] == pytest.approx(own["pearson"].mean())
    spent = tables.attempts.query("method == 'good'").set_index(["seed", "run"])["seconds"]
    assert good["seconds"].to_dict() == spent.to_dict()
    crashed = rows[(rows["method"] == "crashy") & (rows["run"] == 0)]
    assert set(crashed["status"]) == {"failed"}
    assert crashed["reason"].str.startswith("diverged").all()
    assert crashed[["pearson", "seconds"]].isna().all(axis=None)
    assert set(rows["swept"]) == {'{"task.examples": "8"}'}


def test_a_curve_is_the_mean_over_tasks_and_runs_with_an_interval_over_seeds():
    curve_rows = curves(rows_of({("a", "16", 16.0): [0.2, 0.4, 0.9], ("a", "all", 1000.0): [0.5, 0.5, 0.5]}), EXAMPLES)
    assert list(curve_rows["x"]) == [16.0, 1000.0]
    assert list(curve_rows["value"]) == ["16", "all"]
    interval = stats.ttest_1samp([0.2, 0.4, 0.9], 0.0).confidence_interval(0.95)
    assert curve_rows["pearson"][0] == pytest.approx(0.5)
    assert (curve_rows["low"][0], curve_rows["high"][0]) == pytest.approx((interval.low, interval.high))
    assert curve_rows["error"][0] == pytest.approx(stats.sem([0.2, 0.4, 0.9]))


def test_tasks_count_alike_whatever_their_runs():
    rows = pd.concat([rows_of({("a", "16", 16.0): [0.0]})] + [rows_of({("a", "16", 16.0): [1.0]})] * 3)
    rows["task"] = ["one", "two", "two", "two"]
    assert curves(rows, EXAMPLES)["pearson"][0] == pytest.approx(0.5)


def test_one_failed_attempt_leaves_a_point_without_a_score_and_with_its_cause():
    rows = rows_of({("a", "16", 16.0): [0.2, 0.4]})
    rows.loc[1, ["pearson", "status", "reason"]] = [np.nan, "failed", "unlearning diverged"]
    curve_rows = curves(rows, EXAMPLES)
    assert np.isnan(curve_rows["pearson"][0])
    assert curve_rows["cause"][0] == "failed in 1 of 2 attempts: unlearning diverged"
    text = markdown(curve_rows, EXAMPLES, ["t"])
    assert "| `a` | failed |" in text
    assert "\n- `a`: failed in 1 of 2 attempts: unlearning diverged\n" in text


def test_the_reading_that_ranks_is_the_other_seeds_where_there_are_others():
    both = pd.concat(
        [rows_of({("a", "16", 16.0): [0.1, 0.1]}, "others"), rows_of({("a", "16", 16.0): [0.7, 0.7]}, "own")]
    )
    assert curves(both, EXAMPLES)["pearson"][0] == pytest.approx(0.1)
    alone = pd.concat(
        [rows_of({("a", "16", 16.0): [np.nan]}, "others", "undefined"), rows_of({("a", "16", 16.0): [0.7]}, "own")]
    )
    assert curves(alone, EXAMPLES)["pearson"][0] == pytest.approx(0.7)


def test_what_else_is_swept_is_part_of_a_lines_name():
    rows = rows_of({("untrac", "16", 16.0): [0.1]})
    rows["swept"] = '{"task.examples": "16", "untrac.lr": "1e-4"}'
    curve_rows = curves(rows, "untrac.lr")
    assert curve_rows["label"][0] == "untrac task.examples=16"
    assert curve_rows["x"][0] == 1e-4
    assert curves(rows, EXAMPLES)["label"][0] == "untrac lr=1e-4"


def test_the_table_has_a_row_for_each_line_best_first():
    values = {("low", "16", 16.0): [0.1, 0.2], ("high", "16", 16.0): [0.8, 0.9], ("high", "all", 990.0): [0.9, 0.9]}
    text = markdown(curves(rows_of(values), EXAMPLES), EXAMPLES, ["t"])
    lines = [line for line in text.splitlines() if line.startswith("| ")]
    assert lines[0] == "| Pearson \\ task.examples | 16 | all (990) |"
    assert [line.split("|")[1].strip() for line in lines[1:3]] == ["`high`", "`low`"]
    assert lines[1] == "| `high` | 0.85 ± 0.64 | 0.90 ± 0.00 |"
    assert lines[2] == "| `low` | 0.15 ± 0.64 |  |"
    assert lines[4] == "| `high` | 0.50 | 0.50 |"


@pytest.fixture
def with_retraining():
    """Two points of one method, and the true retraining, which is the same at both."""
    values = {("m", "16", 16.0): [0.1, 0.2], ("m", "all", 990.0): [0.6, 0.7], ("retraining", "16", 16.0): [0.8, 1.0]}
    rows = rows_of(values)
    rows.loc[rows["method"] == "retraining", "swept"] = "{}"
    return curves(rows, EXAMPLES)


def test_what_is_not_swept_is_the_same_in_every_column(with_retraining):
    text = markdown(with_retraining, EXAMPLES, ["t"])
    assert "| Pearson \\ task.examples | 16 | all (990) |" in text
    assert "| `retraining` | 0.90 ± 1.27 | 0.90 ± 1.27 |" in text
    assert not with_retraining.set_index("label").loc["retraining", "limited"]


def test_the_best_lines_have_hues_of_their_own_and_the_retraining_the_inks():
    values = {(f"m{n}", "16", 16.0): [n / 20] for n in range(10)} | {("retraining", "16", 16.0): [0.99]}
    labels = [f"m{n}" for n in reversed(range(10))] + ["retraining"]
    scale = cost_figure(curves(rows_of(values), EXAMPLES), EXAMPLES).spec["hconcat"][1]["layer"][0]["encoding"]["color"]
    assert scale["scale"]["domain"] == labels
    hues = dict(zip(labels, scale["scale"]["range"], strict=True))
    assert len({hues[f"m{n}"] for n in range(3, 10)}) == 7
    assert hues["retraining"] == "currentColor"


def test_a_figure_alone_brings_its_colours_and_stays_xml(with_retraining):
    text = standalone(draw(cost_figure(with_retraining, EXAMPLES)))
    assert "prefers-color-scheme:dark" in text
    assert ElementTree.fromstring(text).tag.endswith("svg")


def test_the_true_retraining_is_a_level_of_both_figures(with_retraining):
    for figure in (
        cost_figure(with_retraining, EXAMPLES),
        forgetting_figure(
            with_retraining,
            pd.DataFrame({"label": ["m", "m"], "value": ["16", "all"], "x": [16.0, 990.0], "perplexity": [3.0, 4.0]}),
            EXAMPLES,
        ),
    ):
        svg = draw(figure).svg
        assert ">retraining<" in svg
        assert 'class="mark-rule' in svg


def test_a_method_that_scores_surely_higher_where_most_is_shown_is_marked_below_it():
    values = {
        ("starved", "16", 16.0): [0.10, 0.30, 0.50],
        ("starved", "all", 990.0): [0.21, 0.40, 0.60],
        ("noisy", "16", 16.0): [0.10, 0.30, 0.50],
        ("noisy", "all", 990.0): [0.60, 0.40, 0.30],
        ("worse", "16", 16.0): [0.21, 0.40, 0.60],
        ("worse", "all", 990.0): [0.10, 0.30, 0.50],
        ("same", "16", 16.0): [0.10, 0.10, 0.10],
        ("same", "all", 990.0): [0.10, 0.10, 0.10],
    }
    curve_rows = curves(rows_of(values), EXAMPLES)
    assert [*curve_rows[curve_rows["limited"]][["method", "value"]].itertuples(index=False)] == [("starved", "16")]
    text = markdown(curve_rows, EXAMPLES, ["t"])
    assert "| `starved` | 0.30 ± 0.50 ↑ | 0.40 ± 0.48 |" in text
    assert "limited by what it sees" in text
    # Of a hyperparameter, the last value is no more than the others.
    rates = rows_of(values).assign(swept=[json.dumps({"x.lr": text}) for text in ("1", "2") for _ in range(3)] * 4)
    assert not curves(rates, "x.lr")["limited"].any()


def test_with_one_seed_no_method_is_called_limited():
    curve_rows = curves(rows_of({("a", "16", 16.0): [0.1], ("a", "all", 990.0): [0.9]}), EXAMPLES)
    assert not curve_rows["limited"].any()


def test_the_figure_has_a_line_a_method_and_the_cost_beside_it():
    values = {(name, str(n), float(n)): [0.1 * n, 0.12 * n] for name in ("a", "b") for n in (1, 2, 4)}
    figure = draw(cost_figure(curves(rows_of(values), EXAMPLES), EXAMPLES))
    assert figure.svg.count('class="mark-line') == 2 * 2
    assert figure.svg.count('class="mark-area') == 2
    assert "cost, in trainings" in figure.svg


def test_score_and_forgetting_in_one_figure(tables):
    swept = {"good": {"good.lr": "0.1"}}
    rows = point_rows(tables, swept, "8", 8.0)
    forgotten = forgetting_rows(tables, swept)
    curve_rows = curves(rows, "good.lr")
    lines = forgetting_curves(forgotten, curve_rows).set_index("label")["perplexity"]
    assert lines.to_dict() == {"good": 40.0, "trained on everything": 10.0, "truly retrained without it": 20.0}
    svg = draw(forgetting_figure(curve_rows, forgetting_curves(forgotten, curve_rows), "good.lr")).svg
    assert "truly retrained without it" in svg
    assert "perplexity of the forgotten text" in svg


def test_a_sweep_without_unlearning_has_no_forgetting_to_draw(tables):
    swept = {"random": {"random.x": "1"}}
    curve_rows = curves(point_rows(tables, swept, "8", 8.0), "random.x")
    with pytest.raises(ReportError, match="no method of this sweep unlearns"):
        forgetting_figure(curve_rows, forgetting_curves(forgetting_rows(tables, swept), curve_rows), "random.x")


def test_no_rows_at_all_is_said():
    with pytest.raises(ReportError, match="the sweep holds no score"):
        sweep.ranking(rows_of({("a", "16", 16.0): [0.1]}, truth="unheard of"))
