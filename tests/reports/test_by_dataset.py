"""What methods say of each dataset, against values worked out by hand."""

import numpy as np
import pytest

from lodo.reports.by_dataset import dataset_table
from lodo.reports.tables import ReportError, Tables


def rows_of(text):
    lines = [line[2:-2].split(" | ") for line in text.splitlines() if line.startswith("|")]
    return {line[0]: line[1:] for line in lines}


@pytest.fixture
def tables(make_facts):
    """Two seeds, one and two subsets that differ; ``m`` says the truth times ten but for one run that swaps."""
    truth = np.array([[[1.0, 3], [2, 2], [3, 10]], [[1.0, 3], [2, 2], [3, 10]]])  # means 2, 2, 6.5
    right = 10 * truth
    wrong = right[:, [2, 1, 0]]
    estimates = {
        "m": np.stack([right, right], axis=1),
        "n": np.stack([right, wrong], axis=1),
        "flat": np.ones((2, 1, 3, 2)),
        "retraining": truth[:, None],
    }
    return Tables.from_rows(make_facts(truth, estimates, slots=(1, 1, 2)), {"methods": {"m": {"whole": True}}})


def test_the_truth_and_a_method_by_hand(tables):
    rows = rows_of(dataset_table(tables))
    # Means 2, 2, 6.5: less 3.5, over the root of (1.5² + 1.5² + 3²) / 3 = 2.1213.
    assert rows["the truth"] == ["−0.71 ± 0.00", "−0.71 ± 0.00", "1.41 ± 0.00"]
    assert rows["`m`"] == rows["the truth"]
    # Averaged over its runs before it is standardised: 42.5, 20, 42.5.
    assert rows["`n`"] == ["0.71 ± 0.00", "−1.41 ± 0.00", "0.71 ± 0.00"]
    assert rows["`flat`"] == ["–", "–", "–"]
    assert "`retraining`" not in rows
    assert rows[""] == ["d0", "d1", "d2"]


def test_seeds_that_disagree_have_an_interval(make_facts):
    truth = np.array([[[0.0], [1], [2]], [[2.0], [1], [0]], [[0.0], [1], [2]]])
    rows = rows_of(dataset_table(Tables.from_rows(make_facts(truth, {"m": truth[:, None]}), {})))
    # ±1.2247 twice one way and once the other: mean -0.41, deviation 1.41, times 4.303 over the root of three.
    assert rows["the truth"] == ["−0.41 ± 3.51", "0.00 ± 0.00", "0.41 ± 3.51"]
    assert rows["`m`"] == rows["the truth"], "each seed's answer is its own"


def test_what_the_paper_says_stands_below(tables):
    published = {"t": {"the truth": (1.0, 2.0, 3.0), "m": (-1.0, 0.5, 0.0), "n": (1.0, 2.0)}}
    rows = rows_of(dataset_table(tables, published=published))
    assert rows["the truth, in the paper"] == ["1.00", "2.00", "3.00"]
    assert rows["`m`, in the paper"] == ["−1.00", "0.50", "0.00"]
    assert "`n`, in the paper" not in rows, "it is of another number of datasets"


def test_the_other_question_is_asked(tables):
    text = dataset_table(tables, "mixture-aware")
    rows = rows_of(text)
    assert rows["`m`"] == rows["the truth"], "it answers for whole datasets"
    # n_k / (N - n_k) times the estimate less the mixture's mean: of 42.5, 20, 42.5 less 36.875.
    plain = np.array([1 / 3, 1 / 3, 1]) * (np.array([42.5, 20, 42.5]) - 36.875)
    wanted = (plain - plain.mean()) / plain.std()
    assert [cell.split(" ")[0].replace("−", "-") for cell in rows["`n`"]] == [f"{value:.2f}" for value in wanted]
    assert "mixture-aware" in text


def test_no_scores_are_said():
    with pytest.raises(ReportError, match="no scores"):
        dataset_table(Tables.from_rows({}, {}))
