"""What follows from the facts: readings of the truth, the retraining's row, the mixture's arithmetic, by hand."""

import numpy as np
import pandas as pd
import pytest

from lodo.reports.derive import UNDESCRIBED, mixture_aware, other_seeds
from lodo.reports.tables import Tables

DRAW = np.random.default_rng(4)


def described(**whole):
    return {"methods": {name: {"whole": value} for name, value in whole.items()}}


def score(tables, method, question="as_in_paper", truth="others", seed=0, run=0, subset="s0"):
    rows = tables.scores.query(
        "method == @method and question == @question and truth == @truth and seed == @seed and run == @run "
        "and subset == @subset"
    )
    (row,) = rows.itertuples()
    return row


def test_own_is_the_truth_of_that_seed_and_others_the_average_of_the_rest(make_facts):
    truth = DRAW.normal(size=(3, 5, 2))
    guess = DRAW.normal(size=(3, 2, 5, 2))
    tables = Tables.from_rows(make_facts(truth, {"m": guess}), {})
    for seed, run, j in np.ndindex(3, 2, 2):
        rest = np.mean([truth[other, :, j] for other in range(3) if other != seed], axis=0)
        for reading, wanted in (("own", truth[seed, :, j]), ("others", rest)):
            row = score(tables, "m", truth=reading, seed=seed, run=run, subset=f"s{j}")
            assert row.pearson == pytest.approx(np.corrcoef(guess[seed, run, :, j], wanted)[0, 1])
            assert row.spearman == pytest.approx(
                np.corrcoef(guess[seed, run, :, j].argsort().argsort(), wanted.argsort().argsort())[0, 1]
            )


def test_the_last_step_is_the_estimate(make_facts):
    truth = DRAW.normal(size=(2, 4, 1))
    rows = make_facts(truth, {"m": DRAW.normal(size=(2, 1, 4, 1))})
    first = [{**row, "step": 9, "influence": -row["influence"]} for row in rows["estimates"]]
    last = [{**row, "step": 10} for row in rows["estimates"]]
    alone = Tables.from_rows(rows, {})
    stepped = Tables.from_rows({**rows, "estimates": last + first}, {})
    assert score(stepped, "m").pearson == score(alone, "m").pearson


def test_retraining_is_one_on_its_own_truth_and_the_correlation_of_the_seeds_on_the_others(make_facts):
    truth = DRAW.normal(size=(2, 6, 2))
    tables = Tables.from_rows(make_facts(truth, {"retraining": truth[:, None]}), described(retraining=True))
    for seed, j in np.ndindex(2, 2):
        r = np.corrcoef(truth[0, :, j], truth[1, :, j])[0, 1]
        for question in ("as_in_paper", "mixture-aware"):
            key = {"question": question, "seed": seed, "subset": f"s{j}"}
            assert score(tables, "retraining", truth="own", **key).pearson == pytest.approx(1)
            assert score(tables, "retraining", truth="others", **key).pearson == pytest.approx(r)
        reliability = tables.reliability.set_index("subset").loc[f"s{j}"]
        assert reliability["mean_r"] == pytest.approx(r)
        assert reliability["seeds"] == 2


def test_one_seed_has_no_others(make_facts):
    truth = DRAW.normal(size=(1, 4, 1))
    tables = Tables.from_rows(make_facts(truth, {"m": 2 * truth[:, None]}), {})
    assert score(tables, "m", truth="own").pearson == pytest.approx(1)
    row = score(tables, "m")
    assert (row.status, row.reason) == ("undefined", "truth needs two seeds or more")
    assert pd.isna(row.pearson)
    assert np.isnan(other_seeds(truth)).all()


def test_why_a_score_is_undefined(make_facts):
    truth = DRAW.normal(size=(2, 4, 2))
    truth[1, :, 1] = 3.0
    rows = make_facts(truth, {"flat": np.ones((2, 1, 4, 2)), "part": DRAW.normal(size=(2, 1, 4, 2))})
    rows["estimates"] = [row for row in rows["estimates"] if (row["method"], row["dataset"]) != ("part", "d3")]
    tables = Tables.from_rows(rows, {})
    assert score(tables, "flat").reason == "estimate is the same for every dataset"
    assert score(tables, "part").reason == "estimate lacks some of the datasets"
    # The truth of seed 1 is flat on s1: seed 0 is compared with it by "others", seed 1 by "own".
    for truth_name, seed in (("others", 0), ("own", 1)):
        row = score(tables, "flat", truth=truth_name, seed=seed, subset="s1")
        assert row.reason == "truth is the same for every dataset"
    assert score(tables, "flat", truth="own", subset="s1").reason == "estimate is the same for every dataset"


def test_mixture_aware_by_hand():
    influence = np.array([[1.0, 2.0], [3.0, 0.0], [-2.0, 4.0]])
    slots = np.array([5.0, 3.0, 2.0])
    answered = mixture_aware(influence, slots, "fixed-steps")
    # 0.5 * 1 - 5/5 * (0.3 * 3 + 0.2 * -2); 0.3 * 0 - 3/7 * (0.5 * 2 + 0.2 * 4)
    assert answered[0, 0] == pytest.approx(0.5 - (0.9 - 0.4))
    assert answered[1, 1] == pytest.approx(-3 / 7 * 1.8)
    np.testing.assert_allclose(mixture_aware(influence, slots, "all-examples"), [[0.5, 1.0], [0.9, 0], [-0.4, 0.8]])


@pytest.mark.parametrize("definition", ["fixed-steps", "all-examples"])
def test_mixture_aware_is_magics_arithmetic(definition):
    """With D_ks the derivative by dataset k's weight, a_ks = -D_ks N / n_k per unit of it gives magic's influence."""
    slots, derivative = np.array([7.0, 2.0, 4.0, 3.0]), DRAW.normal(size=(4, 3))
    total = slots.sum()
    wanted = np.empty_like(derivative)
    for k in range(4):
        filled = slots[k] / (total - slots[k]) if definition == "fixed-steps" else 0.0
        wanted[k] = -derivative[k] + filled * sum(derivative[j] for j in range(4) if j != k)
    unit = -derivative * (total / slots)[:, None]
    np.testing.assert_allclose(mixture_aware(unit, slots, definition), wanted)


@pytest.mark.parametrize("definition", ["fixed-steps", "all-examples"])
def test_with_equal_sizes_the_questions_are_the_same_up_to_an_affine_map(definition):
    for _ in range(20):
        count = int(DRAW.integers(3, 9))
        influence = DRAW.normal(size=(count, 1))
        answered = mixture_aware(influence, np.full(count, 40.0), definition)
        slope, offset = np.polyfit(influence[:, 0], answered[:, 0], 1)
        assert slope > 0
        np.testing.assert_allclose(slope * influence + offset, answered, atol=1e-12)


def test_an_estimate_without_variance_stays_without_one():
    """What the sizes' rounding leaves of a constant must not be taken for an order of the datasets."""
    for slots in DRAW.integers(1, 100, (50, 7)).astype(float):
        assert (mixture_aware(np.full((7, 1), 0.1), slots, "fixed-steps") == 0).all()


@pytest.mark.parametrize("definition", ["fixed-steps", "all-examples"])
def test_only_what_is_per_unit_is_adapted_and_what_nobody_describes_is_undefined(make_facts, definition):
    truth, slots = DRAW.normal(size=(2, 4, 1)), (9, 4, 2, 1)
    guess = DRAW.normal(size=(2, 1, 4, 1))
    methods = {"unit": guess, "whole": guess, "unknown": guess}
    rows = make_facts(truth, methods, slots=slots, definition=definition)
    tables = Tables.from_rows(rows, described(unit=False, whole=True))
    adapted = mixture_aware(guess[0, 0], np.array(slots, dtype=float), definition)[:, 0]
    aware = {name: score(tables, name, "mixture-aware") for name in methods}
    assert aware["unit"].pearson == pytest.approx(np.corrcoef(adapted, truth[1, :, 0])[0, 1])
    assert aware["whole"].pearson == score(tables, "whole").pearson != aware["unit"].pearson
    assert aware["unknown"].reason == UNDESCRIBED
    without = Tables.from_rows({**rows, "datasets": []}, described(unit=False))
    assert score(without, "unit", "mixture-aware").reason == UNDESCRIBED
    assert score(without, "unit").status == "ok"


def test_answers_stand_beside_the_truth_they_are_compared_with(make_facts):
    truth, guess, slots = DRAW.normal(size=(2, 3, 2)), DRAW.normal(size=(2, 1, 3, 2)), (3, 2, 1)
    tables = Tables.from_rows(make_facts(truth, {"m": guess}, slots=slots), described(m=False))
    answers = tables.answers("mixture-aware", "others").set_index(["seed", "dataset", "subset"])
    for seed, i, j in np.ndindex(truth.shape):
        row = answers.loc[(seed, f"d{i}", f"s{j}")]
        adapted = mixture_aware(guess[seed, 0], np.array(slots, dtype=float), "fixed-steps")
        assert (row["influence"], row["truth"]) == (pytest.approx(adapted[i, j]), truth[1 - seed, i, j])
