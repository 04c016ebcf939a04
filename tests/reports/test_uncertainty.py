"""Intervals of scores against hand-made correlations, naive leaving-out, and how often they hold on drawn data."""

import numpy as np
import pytest
from scipy import stats

from lodo.reports.coverage import Cell, measure_again, measure_elsewhere, standard
from lodo.reports.uncertainty import Interval, again, elsewhere, generator, score

RAMP, BEND = np.array([-1.0, 0, 1]) / np.sqrt(2), np.array([1.0, -2, 1]) / np.sqrt(6)


def at(correlation):
    """Three datasets' values with a given correlation with `RAMP`, (3, 1)."""
    return (correlation * RAMP + np.sqrt(1 - correlation**2) * BEND)[:, None]


def drawn(seeds=3, runs=2, datasets=6, subsets=3):
    """Estimates (n, R, K, S) and truths (n, K, S) that share a signal."""
    rng = generator("test", seeds, runs, datasets, subsets)
    signal = rng.standard_normal((datasets, subsets)) + rng.standard_normal((datasets, 1))
    truth = signal + 0.5 * rng.standard_normal((seeds, datasets, subsets))
    return truth[:, None] + rng.standard_normal((seeds, runs, datasets, subsets)), truth


def ends(interval):
    assert interval.reason == ""
    return np.array([interval.low, interval.high])


def naive_score(estimates, truth):
    """The score by one call of numpy for every correlation."""
    values = []
    for seed, run, subset in np.ndindex(*estimates.shape[:2], estimates.shape[3]):
        others = np.mean([truth[other] for other in range(len(truth)) if other != seed], axis=0)
        values.append(np.corrcoef(estimates[seed, run, :, subset], others[:, subset])[0, 1])
    return np.mean(values)


def naive_variance(estimates, truth, axis):
    """Jackknife variance of z by leaving out one place of an axis of the truth, (n, K, S)."""
    places = range(truth.shape[axis])
    # The estimates' axes from the end are the truth's, but for seeds, with the redraws between.
    own = (0, 2, 3)[axis]
    z = [np.arctanh(naive_score(np.delete(estimates, place, own), np.delete(truth, place, axis))) for place in places]
    return (len(z) - 1) / len(z) * np.sum((z - np.mean(z)) ** 2)


def test_two_seeds_have_student_s_interval_of_their_two_z():
    # t_1 = 12.706; the standard error of the mean of two z is half of their distance.
    truth, estimates = np.stack([RAMP[:, None]] * 2), np.stack([at(0.5), at(0.7)])[:, None]
    half = 12.7062 * (np.arctanh(0.7) - np.arctanh(0.5)) / 2
    by_hand = np.tanh(np.arctanh(0.6) + np.array([-half, half]))
    assert ends(again(estimates, truth, "own")) == pytest.approx(by_hand, abs=1e-5)
    assert ends(again(estimates, truth, "others")) == pytest.approx(by_hand, abs=1e-5)


def test_three_seeds_with_one_truth_by_hand():
    # Without a seed the score is the mean of the other two: 0.7, 0.6 and 0.5; t_2 = 4.3027.
    truth, estimates = np.stack([RAMP[:, None]] * 3), np.stack([at(0.4), at(0.6), at(0.8)])[:, None]
    half = 4.30265 * np.sqrt(2 / 3 * np.sum((np.arctanh([0.7, 0.6, 0.5]) - np.arctanh([0.7, 0.6, 0.5]).mean()) ** 2))
    by_hand = np.tanh(np.arctanh(0.6) + np.array([-half, half]))
    assert ends(again(estimates, truth, "own")) == pytest.approx(by_hand, abs=1e-5)
    assert ends(again(estimates, truth, "others")) == pytest.approx(by_hand, abs=1e-5)


def test_a_seed_is_left_out_of_the_truth_as_well():
    estimates, truth = drawn()
    half = 4.30265 * np.sqrt(naive_variance(estimates, truth, 0))
    by_hand = np.tanh(np.arctanh(naive_score(estimates, truth)) + np.array([-half, half]))
    assert ends(again(estimates, truth)) == pytest.approx(by_hand, abs=1e-5)


def test_elsewhere_adds_up_datasets_subsets_and_seeds_with_satterthwaite_s_degrees_of_freedom():
    estimates, truth = drawn()
    parts = np.array([naive_variance(estimates, truth, axis) for axis in range(3)])
    freedom = parts.sum() ** 2 / np.sum(parts**2 / np.array([2, 5, 2]))
    half = stats.t.ppf(0.975, freedom) * np.sqrt(parts.sum())
    by_hand = np.tanh(np.arctanh(naive_score(estimates, truth)) + np.array([-half, half]))
    assert ends(elsewhere(estimates, truth)) == pytest.approx(by_hand)


@pytest.mark.parametrize("interval", [again, elsewhere])
@pytest.mark.parametrize("reading", ["own", "others"])
def test_units_and_order_do_not_matter(interval, reading):
    estimates, truth = drawn()
    before = ends(interval(estimates, truth, reading))
    units = np.array([1e-6, 3, 50])[:, None, None, None]
    changes = {
        "units": (units * estimates + 7, 20 * truth - 1),
        "seeds": (estimates[[2, 0, 1]], truth[[2, 0, 1]]),
        "redraws": (estimates[:, ::-1], truth),
        "datasets": (estimates[:, :, ::-1], truth[:, ::-1]),
        "subsets": (estimates[..., [1, 2, 0]], truth[..., [1, 2, 0]]),
    }
    for change, (new, true) in changes.items():
        assert ends(interval(new, true, reading)) == pytest.approx(before), change
    assert ends(interval(-estimates, truth, reading)) == pytest.approx(-before[::-1])
    assert before[0] < score(estimates, truth, reading) < before[1]


@pytest.mark.parametrize("interval", [again, elsewhere])
def test_what_has_no_interval_says_why(interval):
    estimates, truth = drawn()
    flat, hole, one = estimates.copy(), estimates.copy(), truth.copy()
    flat[1, 0, :, 2], hole[0, 0, 0, 0], one[:, :, 1] = 0.1, np.nan, 4.0
    cases = [
        (estimates[:1], truth[:1], "needs two seeds or more"),
        (flat, truth, "estimate is the same for every dataset"),
        (estimates, one, "truth is the same for every dataset"),
        (hole, truth, "estimates or truth lack numbers"),
        (np.stack([truth[0]] * 3)[:, None], np.stack([truth[0]] * 3), "every correlation is 1, or every one is -1"),
    ]
    for given, true, reason in cases:
        assert interval(given, true) == Interval(None, None, reason)
    assert again(estimates[:, :, :2], truth[:, :2]).reason == "needs 3 datasets or more"
    assert elsewhere(estimates[:, :, :3], truth[:, :3]).reason == "needs 4 datasets or more"
    assert elsewhere(estimates[..., :1], truth[..., :1]).reason == "needs 2 subsets or more"


def test_an_estimate_of_one_dataset_alone_has_no_score_without_it():
    estimates, truth = drawn()
    estimates[..., 1:, :] = 0.25
    interval = elsewhere(estimates, truth)
    assert interval == Interval(None, None, "without one dataset, estimate or truth is the same for every dataset")
    assert again(estimates, truth).reason == ""


def test_an_estimate_wrong_on_one_dataset_alone_is_beyond_fisher_s_scale_without_it():
    truth = np.stack([drawn()[1][0]] * 3)
    estimates = truth[:, None].copy()
    estimates[:, :, 0] += np.array([5.0, 6, 7])[:, None, None]
    assert elsewhere(estimates, truth).reason == "without one dataset, every correlation is 1 or -1"
    assert again(estimates, truth).reason == ""


def test_the_true_retraining_of_two_seeds_has_one_correlation():
    _, truth = drawn(seeds=2)
    assert again(truth[:, None], truth).reason == "two seeds that are each other's truth have one correlation"
    same = np.stack([truth[0]] * 2)
    estimates = np.stack([drawn()[0][0, :1]] * 2)
    # Seeds that move nothing agree, and the score does come out again.
    low, high = ends(again(estimates, same))
    assert high - low < 1e-6


def test_again_holds_as_often_as_it_says():
    # With the normal quantile for t_2 some 80 %, without what the truths' seeds do 92 % or less: five seeds, score 0.
    three = measure_again(Cell(8, 4, 3, 1, False, 0.6), 2000)
    assert 0.93 < three.share < 0.98
    five = measure_again(Cell(8, 4, 5, 1, False, 0.0), 2000)
    assert 0.93 < five.share < 0.98


def test_elsewhere_holds_at_least_as_often_as_it_says():
    wide = measure_elsewhere(Cell(8, 4, 3, 1, False, 0.6), 1000)
    assert wide.share > 0.96
    # Noise that moves all datasets at once shows in no dataset's jackknife: without the seeds' it is some 86 %.
    tied = measure_elsewhere(Cell(50, 13, 2, 1, False, 0.0, tied=0.9), 300)
    assert tied.share > 0.91


def test_drawn_scores_are_as_strong_as_they_are_called():
    for strength in (0.0, 0.3, 0.6, 0.9, 0.97):
        assert measure_elsewhere(Cell(50, 4, 5, 1, False, strength), 30).expected == pytest.approx(strength, abs=0.06)


def test_heavy_tails_are_student_s_with_three_degrees_of_freedom():
    for heavy, law in ((False, stats.norm()), (True, stats.t(3, scale=1 / np.sqrt(3)))):
        numbers = standard(generator("tails"), Cell(8, 4, 3, 1, heavy, 0.6), (20000,))
        assert stats.kstest(numbers, law.cdf).pvalue > 0.01
