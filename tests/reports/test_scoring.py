"""Correlations and reliability against numbers computed by hand."""

import numpy as np
import pytest

from lodo.reports.scoring import correlate, reliability, varies


def one(estimate, truth):
    pearson, spearman = correlate(estimate[:, None], truth[:, None])
    return float(pearson[0]), float(spearman[0])


def test_pearson_and_spearman_by_hand():
    pearson, spearman = one(np.array([1.0, 2.0, 3.0, 10.0]), np.array([1.0, 3.0, 2.0, 4.0]))
    # Deviations: (-3, -2, -1, 6) and (-1.5, 0.5, -0.5, 1.5): 13 / sqrt(50 * 5); ranks: 1 - 6 * 2 / (4 * 15).
    assert pearson == pytest.approx(13 / np.sqrt(250))
    assert spearman == pytest.approx(0.8)


def test_equal_values_share_their_rank():
    # Ranks 1, 2.5, 2.5, 4 against 1, 2, 3, 4: 4.5 / sqrt(4.5 * 5).
    assert one(np.array([1.0, 2.0, 2.0, 9.0]), np.arange(4.0))[1] == pytest.approx(np.sqrt(0.9))


def test_the_truth_scores_one_and_its_negative_minus_one():
    truth = np.array([0.3, -0.1, 0.2, 0.9])
    assert one(5 * truth + 2, truth)[0] == pytest.approx(1)
    assert one(-truth, truth)[1] == pytest.approx(-1)
    assert one(2 - 3 * truth, truth)[0] == pytest.approx(-1)


def test_no_variance_has_no_correlation():
    flat, ramp = np.full(4, 0.1), np.arange(4.0)
    for pair in ((ramp, flat), (flat, ramp), (flat * (1 + 1e-15 * ramp), ramp)):
        assert np.isnan(one(*pair)).all()


def test_every_subset_and_every_attempt_is_scored_by_itself():
    truth = np.array([[1.0, 4, 7], [2, 6, 7], [3, 5, 7]])
    estimates = np.stack([truth[:, [0, 1, 1]], truth[:, [1, 0, 0]]])
    pearson, spearman = correlate(estimates, truth)
    assert pearson.shape == (2, 3)
    np.testing.assert_allclose(pearson[:, :2], [[1, 1], [0.5, 0.5]])
    np.testing.assert_allclose(spearman[:, :2], [[1, 1], [0.5, 0.5]])
    assert np.isnan(pearson[:, 2]).all()
    assert varies(truth).tolist() == [True, True, False]


def test_reliability_by_hand():
    a, b, c = np.array([0.0, 1, 2]), np.array([0.0, 1, 2]), np.array([0.0, 2, 1])
    agreement = reliability([a, b, c])
    assert agreement.mean_r == pytest.approx((1 + 0.5 + 0.5) / 3)
    assert agreement.reliability == pytest.approx(3 * (2 / 3) / (1 + 2 * (2 / 3)))


def test_one_seed_has_no_reliability_and_seeds_that_disagree_have_none_to_give():
    assert reliability([np.arange(3.0)]).reason == "needs two seeds or more"
    opposed = reliability([np.array([0.0, 1, 2, 0]), np.array([0.0, 0, 0.5, 1])])
    assert opposed.mean_r < 0
    assert opposed.reliability == 0
