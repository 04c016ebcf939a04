"""What a method is worth to somebody who acts, against figures worked out by hand."""

import numpy as np
import pytest

from lodo.reports.acting import acting_table, found, harm_found, mean_figure, regret, same_sign
from lodo.reports.leaving import answered
from lodo.reports.tables import ReportError, Tables

TRUTH = np.array([0.4, 0.1, -0.3, -0.1])


@pytest.mark.parametrize(
    ("estimate", "first", "three", "worst", "worst_three"),
    [
        ([4, 3, 1, 2], 1, 1, 1, 1),
        ([3, 4, 2, 1], 0, 1, 0, 1),
        ([1, 2, 4, 3], 0, 0, 0, 0),
        # All level: one of four draws would find it, three of four among three.
        ([5, 5, 5, 5], 0.25, 0.75, 0.25, 0.75),
        # Level with one other at the top.
        ([4, 4, 1, 2], 0.5, 1, 1, 1),
    ],
)
def test_the_dataset_that_helps_or_harms_most_is_found(estimate, first, three, worst, worst_three):
    estimate = np.array(estimate, dtype=float)
    assert found(1)(estimate, TRUTH) == first
    assert found(3)(estimate, TRUTH) == three
    assert harm_found(1)(estimate, TRUTH) == worst
    assert harm_found(3)(estimate, TRUTH) == worst_three


def test_signs_and_regret_by_hand():
    assert same_sign(np.array([1.0, -1, -1, 1]), TRUTH) == 0.5
    # It names the fourth dataset (-0.1); the third would have lowered the loss by 0.3.
    assert regret(np.array([1.0, 2, 3, -1]), TRUTH) == pytest.approx(0.2)
    assert regret(TRUTH, TRUTH) == 0
    # Of two that are level either is left out: (-0.3 - 0.1) / 2.
    assert regret(np.array([1.0, 2, -1, -1]), TRUTH) == pytest.approx(0.1)


def tables_of(make_facts, estimates, truth):
    return Tables.from_rows(make_facts(truth[..., None], {"m": estimates[..., None]}, task="f/t"), {})


def test_a_seed_that_is_left_out_takes_its_truth_along(make_facts):
    # The truths' first dataset is the most helpful of seeds 0 and 1, the second by far of seed 2.
    truth = np.array([[3.0, 1, 0], [3.0, 1, 0], [0.0, 9, 1]])
    estimates = np.array([[[5.0, 1, 0]], [[5.0, 1, 0]], [[5.0, 1, 0]]])
    (parts,) = answered(tables_of(make_facts, estimates, truth), "as_in_paper", "others").values()
    leaving = mean_figure([parts["f/t"]], "others", found(1))
    # Others' truths: (1.5, 5, .5), (1.5, 5, .5), (3, 1, 0): found by seed 2 alone.
    assert leaving.value == pytest.approx(1 / 3)
    # Without seed 2 each of the rest has the other's truth; without seed 0, seeds 1 and 2 have each other's.
    assert leaving.ways("seed")[0] == pytest.approx([0.5, 0.5, 1.0])


def test_the_table_has_methods_in_order_with_intervals_within_bounds(make_facts):
    rng = np.random.default_rng(0)
    truth = TRUTH + 0.05 * rng.standard_normal((3, 4))
    rows = make_facts(
        truth[..., None],
        {
            "good": (truth + 0.05 * rng.standard_normal((3, 4)))[:, None, :, None],
            "bad": rng.standard_normal((3, 1, 4, 1)),
            "retraining": truth[:, None, :, None],
        },
        task="f/t",
    )
    text = acting_table(Tables.from_rows(rows, {}))
    lines = [line for line in text.splitlines() if line.startswith("| `")]
    assert [line.split("`")[1] for line in lines] == ["good", "bad", "retraining"]
    assert "| `good` | 1.00 [1.00, 1.00] |" in text
    assert "−" not in "".join(lines)
    assert "regret, 0.001 nats" in text
    with pytest.raises(ReportError, match="no scores; give those of a finished run"):
        acting_table(Tables.from_rows({}, {}))


def test_one_seed_has_figures_and_no_interval(make_facts):
    text = acting_table(tables_of(make_facts, TRUTH[None, None], TRUTH[None]))
    (line,) = [line for line in text.splitlines() if line.startswith("| `m`")]
    assert line == "| `m` | 1.00 | 1.00 | 1.00 | 1.00 | 1.00 | 0.00 |"
