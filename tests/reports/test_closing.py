"""The closing table against values worked out by hand."""

from dataclasses import replace

import numpy as np
import pytest

from lodo.reports.closing import closing_table, half_interval
from lodo.reports.tables import ReportError, Tables

RAMP = np.array([1.0, 2, 3, 4])
SWAP = np.array([2.0, 1, 3, 4])  # correlates with RAMP at 0.8
PAIRS = np.array([2.0, 1, 4, 3])  # at 0.6
LOW = np.array([1.0, 4, 2, 3])  # at 0.4
BACK = np.array([4.0, 3, 2, 1])
PAPER = {"m": {"paper": "Some & One 2020"}, "n": {"paper": "A | B"}}


def table_of(make_facts, truths, estimates):
    """Tables of tasks f/t0, f/t1, … from (n, K) truths and, by method, (n, runs, K) estimates of one subset."""
    rows = {}
    for index, (truth, guesses) in enumerate(zip(truths, estimates, strict=True)):
        more = make_facts(
            np.array(truth)[:, :, None],
            {name: np.array(guess)[..., None] for name, guess in guesses.items()},
            task=f"f/t{index}",
        )
        rows = {name: [*rows.get(name, []), *more_rows] for name, more_rows in more.items()}
    return Tables.from_rows(rows, {"methods": PAPER})


@pytest.fixture
def tables(make_facts):
    """Three seeds of one truth on two tasks; ``m`` is scored .8, .6, .4 and .8, .8, 0 by seed; ``n`` is constant."""
    flat = np.ones((3, 1, 4))
    first = {"m": [[SWAP, SWAP], [PAIRS, PAIRS], [LOW, LOW]], "retraining": [[RAMP]] * 3, "n": flat}
    # Seed 2 of the second task: one run right, one the wrong way round.
    second = {"m": [[SWAP, SWAP], [SWAP, SWAP], [RAMP, BACK]], "retraining": [[RAMP]] * 3, "n": [[RAMP]] * 3}
    return table_of(make_facts, [[RAMP] * 3] * 2, [first, second])


def cells(text, method):
    (line,) = [line for line in text.splitlines() if line.startswith(f"| `{method}` ")]
    return [cell.strip() for cell in line.strip("|").split(" | ")]


def interval(*by_seed):
    """A mean of seeds' scores that share one truth, and Student's interval of the jackknife of z, by hand."""
    n, mean = len(by_seed), np.mean(by_seed)
    z = np.arctanh([(sum(by_seed) - own) / (n - 1) for own in by_seed])
    point = {2: 12.706205, 3: 4.302653}[n]  # Student's 97.5 % point of n - 1 degrees of freedom
    half = point * np.sqrt((n - 1) / n * np.sum((z - z.mean()) ** 2))
    ends = np.tanh(np.arctanh(mean) + np.array([-half, half]))
    return f"{mean:.2f} [{', '.join(f'{end:.2f}'.replace('-', '−') for end in ends)}]"


def test_a_table_by_hand(tables):
    text = closing_table(tables)
    # By seed, mean of the tasks: (.8 + .8) / 2, (.6 + .8) / 2, (.4 + 0) / 2: 0.8, 0.7, 0.2.
    shown = interval(0.8, 0.7, 0.2)
    assert cells(text, "m") == ["`m`", "Some & One 2020", "0.50", shown, shown]
    undefined = "undefined on 1 of 2 tasks: estimates are constant on 1 of 1 subsets"
    assert cells(text, "n")[3:] == [undefined, undefined]
    assert r"A \| B" in text
    order = [line.split("`")[1] for line in text.splitlines() if line.startswith("| `")]
    assert order == ["m", "n", "retraining"]
    assert "mean over 2 tasks" in text
    assert "new seeds and redraws (here 3 seeds, at most 2 runs each)" in text
    assert "| f/t0 | 1.00 |\n| f/t1 | 1.00 |" in text


def test_a_column_for_each_task(tables):
    text = closing_table(tables, by_task=True)
    assert cells(text, "m")[3] == interval(0.8, 0.6, 0.4)
    assert "| method | source | cost, in trainings | Pearson f/t0 | Pearson f/t1 | Spearman f/t0 |" in text
    assert cells(text, "n")[3:5] == ["undefined: estimates are constant on 1 of 1 subsets", "1.00"]


def test_a_run_that_shows_more_stands_beside_and_marks_what_was_limited(make_facts):
    def shown(count, m, n):
        run = table_of(make_facts, [[RAMP] * 3], [{"m": m, "n": n, "retraining": [[RAMP]] * 3}])
        return replace(run, manifest={**run.manifest, "tasks": {"f/t0": {"examples": count}}})

    less = shown(4, m=[[SWAP]] * 3, n=[[PAIRS], [SWAP], [SWAP]])
    more = shown("all", m=[[RAMP]] * 3, n=[[SWAP]] * 3)
    text = closing_table(less, more=more)
    assert "| cost, in trainings | Pearson | Spearman | cost, all shown | Pearson, all shown |" in text
    assert cells(text, "m")[3:] == ["0.80 [0.80, 0.80] ↑", "0.80 [0.80, 0.80]", "0.50", "1.00"]
    # The differences 0.2, 0, 0 may come of chance.
    assert cells(text, "n")[3] == interval(0.6, 0.8, 0.8)
    assert "↑: the method is limited by what it sees there" in text
    assert cells(closing_table(more, more=less), "m")[3] == "1.00"
    assert "↑" not in closing_table(less)
    with pytest.raises(ReportError, match="--more: that run is of f/t0, f/t1; name one of f/t0"):
        closing_table(less, more=table_of(make_facts, [[RAMP] * 3] * 2, [{"m": [[SWAP]] * 3}] * 2))
    del more.manifest["tasks"]
    assert "Pearson, more shown" in closing_table(less, more=more)


def test_a_method_that_the_other_run_lacks_has_no_score_there(make_facts):
    less = table_of(make_facts, [[RAMP] * 3], [{"m": [[SWAP]] * 3}])
    more = table_of(make_facts, [[RAMP] * 3], [{"n": [[SWAP]] * 3}])
    assert cells(closing_table(less, more=more), "m")[3:] == ["0.80 [0.80, 0.80]"] * 2 + ["–", "undefined: not run"]


def test_one_seed_is_scored_by_its_own_truth_without_an_interval(make_facts):
    text = closing_table(table_of(make_facts, [[RAMP]], [{"m": [[SWAP]]}]))
    assert cells(text, "m")[3:] == ["0.80", "0.80"]
    assert "the truth of the very model that was attributed" in text
    assert "| f/t0 | undefined: needs two seeds or more |" in text
    asked = closing_table(table_of(make_facts, [[RAMP]], [{"m": [[SWAP]]}]), truth="others")
    assert cells(asked, "m")[3] == "undefined: needs two seeds or more"


def test_two_seeds_are_one_correlation_of_retrainings_not_two(make_facts):
    # Against the other seed's truth, `m` has 0.4 and, of PAIRS with SWAP, 0.8.
    guesses = {"retraining": [[RAMP], [SWAP]], "m": [[PAIRS], [LOW]]}
    text = closing_table(table_of(make_facts, [[RAMP, SWAP]], [guesses]))
    assert cells(text, "retraining")[3] == "0.80"
    assert cells(text, "m")[3] == interval(0.4, 0.8)
    own = closing_table(table_of(make_facts, [[RAMP, SWAP]], [guesses]), truth="own")
    assert cells(own, "retraining")[3] == "1.00"


def test_the_question_is_asked(make_tables):
    uneven = make_tables(slots=(20, 10, 5, 5))
    asked = {
        question: cells(closing_table(uneven, question), "good")[3] for question in ("as_in_paper", "mixture-aware")
    }
    assert asked["as_in_paper"] != asked["mixture-aware"]


def test_half_of_an_interval():
    # 12.706205 is Student's 97.5 % point of one degree of freedom.
    assert half_interval(np.array([0.0, 1.0])) == pytest.approx(12.706205 * np.sqrt(0.5) / np.sqrt(2), rel=1e-6)
    assert np.isnan(half_interval(np.array([0.3])))


def test_nothing_to_print():
    with pytest.raises(ReportError, match="no scores; give those of a finished run"):
        closing_table(Tables.from_rows({}, {}))
