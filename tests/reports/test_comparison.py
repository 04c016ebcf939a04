"""Two runs compared: what did not move, what moved by chance, what got worse."""

from dataclasses import replace

import numpy as np
import pytest

from lodo.reports.comparison import compare, compared_truth, drift, truth_drift
from lodo.reports.tables import ReportError


def changed(tables, factor=1.0, noise=0.0, draw=1):
    """The tables with another answer of ``good``: times a factor, with normal noise."""
    estimates = tables.estimates.copy()
    mine = estimates["method"] == "good"
    moved = np.random.default_rng(draw).normal(size=int(mine.sum()))
    estimates.loc[mine, "influence"] = factor * estimates.loc[mine, "influence"] + noise * moved
    return replace(tables, estimates=estimates)


def of(changes, method):
    return next(change for change in changes if change.method == method)


def test_nothing_moved(tables):
    changes = compare(tables, tables)
    good = of(changes, "good")
    assert (good.verdict, good.drift, good.old, good.new, good.seeds) == ("same", 0.0, good.new, good.old, 2)
    assert not any(change.regression for change in changes)
    assert truth_drift(tables, tables) == 0


def test_a_clear_loss_is_a_regression_and_the_way_back_is_not(tables):
    lower = changed(tables, factor=-1.0)
    worse = of(compare(tables, lower), "good")
    assert worse.verdict == "worse"
    assert worse.regression
    assert worse.new == pytest.approx(-worse.old)
    assert worse.low < -2 * worse.old < worse.high < 0
    assert worse.drift == pytest.approx(2)
    better = of(compare(lower, tables), "good")
    assert (better.verdict, better.regression) == ("better", False)


def test_redraws_are_no_new_models(make_tables):
    # Seed by seed the gap is +0.6 and -0.1: of two seeds no difference, however many redraws repeat it.
    def scored(gap):
        tables = make_tables(seeds=2, runs=4)
        scores = tables.scores.copy()
        for seed, by in gap.items():
            rows = (scores["method"] == "good") & (scores["seed"] == seed)
            scores.loc[rows, "pearson"] += by
        tables.__dict__["scores"] = scores
        return tables

    change = of(compare(scored({}), scored({0: -0.6, 1: -0.3})), "good")
    assert change.verdict == "changed"
    # Student's interval of two numbers: 12.706 times half their distance.
    assert change.high - change.low == pytest.approx(2 * 12.7062 * 0.15, rel=1e-3)


def test_noise_is_a_change_and_no_regression(tables):
    change = of(compare(changed(tables, noise=1.0), changed(tables, noise=1.0, draw=2)), "good")
    assert change.verdict == "changed"
    assert change.low < 0 < change.high


def test_a_score_lost_is_a_regression(tables):
    attempts, estimates = tables.attempts.copy(), tables.estimates
    lost = (attempts["method"] == "good") & (attempts["run"] == 1)
    attempts.loc[lost, ["status", "cause"]] = ["failed", "diverged"]
    kept = estimates[~((estimates["method"] == "good") & (estimates["run"] == 1))]
    assert of(compare(tables, replace(tables, attempts=attempts, estimates=kept)), "good").verdict == "fails"
    # What failed before fails no worse.
    assert not of(compare(tables, tables), "crashy").regression


def test_methods_come_and_go(tables):
    kept = {name: tables.frame(name)[tables.frame(name)["method"] != "good"] for name in ("estimates", "attempts")}
    without = replace(tables, **kept)
    assert of(compare(tables, without), "good").verdict == "gone"
    assert of(compare(without, tables), "good").verdict == "new"


def test_other_tasks_cannot_be_compared(tables):
    names = ("ground_truth", "estimates", "attempts")
    other = replace(tables, **{name: tables.frame(name).assign(task="another") for name in names})
    with pytest.raises(ReportError, match="no task in common"):
        compare(tables, other)


def test_both_are_scored_against_the_own_truth_where_one_of_them_has_no_other(tables, make_tables):
    single = make_tables(seeds=1)
    assert (compared_truth(tables, tables), compared_truth(tables, single)) == ("others", "own")
    assert of(compare(tables, single), "retraining").old == pytest.approx(1)


def test_drift_by_hand():
    assert drift(np.array([1.0, -4.0]), np.array([1.2, -4.0])) == pytest.approx(0.05)
    assert drift(np.zeros(2), np.zeros(2)) == 0
    assert drift(np.zeros(2), np.ones(2)) == float("inf")
    assert drift(np.zeros(2), np.zeros(3)) == float("inf")
