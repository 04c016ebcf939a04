"""Two runs compared: what did not move, what moved by chance, what got worse."""

from dataclasses import replace

import numpy as np
import pytest

from lodo.reports.comparison import compare, drift, truth_drift
from lodo.reports.tables import ReportError


def changed(tables, method="good", score=0.0, noise=0.0, influence=1.0):
    scores, estimates = tables.scores.copy(), tables.estimates.copy()
    mine = scores["method"] == method
    scores.loc[mine, "pearson"] += score + noise * (-1.0) ** scores.loc[mine, "run"].astype(int)
    estimates.loc[estimates["method"] == method, "influence"] *= influence
    return replace(tables, scores=scores, estimates=estimates)


def of(changes, method):
    return next(change for change in changes if change.method == method)


def test_nothing_moved(tables):
    found = compare(tables, tables)
    good = of(found, "good")
    assert (good.verdict, good.drift, good.old, good.new, good.pairs) == ("same", 0.0, good.new, good.old, 4)
    assert not any(change.regression for change in found)
    assert truth_drift(tables, tables) == 0


def test_a_clear_loss_is_a_regression_and_the_way_back_is_not(tables):
    lower = changed(tables, score=-0.2, noise=0.01, influence=-1.0)
    worse = of(compare(tables, lower), "good")
    assert worse.verdict == "worse"
    assert worse.regression
    assert worse.low < -0.2 < worse.high < 0
    assert worse.drift == pytest.approx(2)
    better = of(compare(lower, tables), "good")
    assert (better.verdict, better.regression) == ("better", False)


def test_noise_is_a_change_and_no_regression(tables):
    found = of(compare(tables, changed(tables, noise=0.2, influence=1.5)), "good")
    assert found.verdict == "changed"
    assert found.low < 0 < found.high


def test_a_score_lost_is_a_regression(tables):
    scores = tables.scores.copy()
    lost = (scores["method"] == "good") & (scores["run"] == 1)
    scores.loc[lost, ["pearson", "status", "reason"]] = [None, "failed", "diverged"]
    assert of(compare(tables, replace(tables, scores=scores)), "good").verdict == "fails"
    # What failed before fails no worse.
    assert not of(compare(tables, tables), "crashy").regression


def test_methods_come_and_go(tables):
    without = replace(tables, scores=tables.scores[tables.scores["method"] != "good"])
    assert of(compare(tables, without), "good").verdict == "gone"
    assert of(compare(without, tables), "good").verdict == "new"


def test_other_tasks_cannot_be_compared(tables):
    other = replace(tables, scores=tables.scores.assign(task="another"))
    with pytest.raises(ReportError, match="no task in common"):
        compare(tables, other)


def test_drift_by_hand():
    assert drift(np.array([1.0, -4.0]), np.array([1.2, -4.0])) == pytest.approx(0.05)
    assert drift(np.zeros(2), np.zeros(2)) == 0
    assert drift(np.zeros(2), np.ones(2)) == float("inf")
    assert drift(np.zeros(2), np.zeros(3)) == float("inf")
