"""Correlations and reliability against numbers computed by hand."""

import numpy as np
import pytest

from lodo.benchmark.scoring import reliability, score


def one(estimate, truth):
    (found,) = score(estimate[:, None], truth[:, None])
    return found


def test_pearson_and_spearman_by_hand():
    found = one(np.array([1.0, 2.0, 3.0, 10.0]), np.array([1.0, 3.0, 2.0, 4.0]))
    # Deviations: (-3, -2, -1, 6) and (-1.5, 0.5, -0.5, 1.5): 13 / sqrt(50 * 5); ranks: 1 - 6 * 2 / (4 * 15).
    assert found.pearson == pytest.approx(13 / np.sqrt(250))
    assert found.spearman == pytest.approx(0.8)
    assert found.status == "ok"


def test_the_truth_scores_one_and_its_negative_minus_one():
    truth = np.array([0.3, -0.1, 0.2, 0.9])
    assert one(5 * truth + 2, truth).pearson == pytest.approx(1)
    assert one(-truth, truth).spearman == pytest.approx(-1)
    assert one(2 - 3 * truth, truth).pearson == pytest.approx(-1)


def test_no_variance_is_undefined_with_its_reason():
    flat, ramp = np.full(4, 0.1), np.arange(4.0)
    assert (one(ramp, flat).status, one(ramp, flat).reason) == ("undefined", "truth is the same for every dataset")
    assert one(flat, ramp).reason == "estimate is the same for every dataset"
    assert one(flat * (1 + 1e-15 * ramp), ramp).pearson is None


def test_every_subset_is_scored_by_itself():
    truth = np.array([[1.0, 4, 7], [2, 6, 7], [3, 5, 7]])
    found = score(truth[:, [0, 1, 1]], truth)
    assert [item.status for item in found] == ["ok", "ok", "undefined"]
    assert [item.spearman for item in found[:2]] == pytest.approx([1, 1])
    assert [item.pearson for item in score(truth[:, [1, 0]], truth[:, [0, 1]])] == pytest.approx([0.5, 0.5])


def test_reliability_by_hand():
    a, b, c = np.array([0.0, 1, 2]), np.array([0.0, 1, 2]), np.array([0.0, 2, 1])
    found = reliability([a, b, c])
    assert found.mean_r == pytest.approx((1 + 0.5 + 0.5) / 3)
    assert found.reliability == pytest.approx(3 * (2 / 3) / (1 + 2 * (2 / 3)))
    assert found.ceiling == pytest.approx(np.sqrt(found.reliability))


def test_one_seed_has_no_reliability_and_seeds_that_disagree_have_none_to_give():
    assert reliability([np.arange(3.0)]).reason == "needs two seeds or more"
    opposed = reliability([np.array([0.0, 1, 2, 0]), np.array([0.0, 0, 0.5, 1])])
    assert opposed.mean_r < 0
    assert (opposed.reliability, opposed.ceiling) == (0, 0)
