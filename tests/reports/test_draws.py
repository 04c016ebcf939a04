"""How far another draw of the text moves the truth, from truths of known agreement."""

import numpy as np
import pytest
from typer.testing import CliRunner

from lodo.benchmark.cli import app
from lodo.reports.draws import draws_table
from lodo.reports.scoring import reliability
from lodo.reports.tables import ReportError, Tables, write_tables

BASE = np.array([[1.0, 4.0], [2.0, 3.0], [3.0, 1.0], [4.0, 2.0]])
NOISE = np.array([[0.4, -0.3], [-0.5, 0.2], [0.1, 0.6], [0.2, -0.4]])


@pytest.fixture
def run(make_facts):
    """A function that makes the tables of a run from the truth of each of its seeds."""

    def make(*truths, task="t"):
        return Tables.from_rows(make_facts(np.stack(truths), {}, task=task), {"methods": {}})

    return make


def cells(text):
    return [cell.strip() for cell in text.splitlines()[-1].split("|")[1:-1]]


def test_equal_truths_agree_and_turned_ones_contradict(run):
    one, noisy = run(BASE, BASE), run(BASE + NOISE, BASE - NOISE)
    assert cells(draws_table([one, one])) == ["t", "1.00", "1.00", "1.00"]
    assert cells(draws_table([one, run(-BASE, -BASE)]))[1] == "−1.00"
    # The average of the seeds is what is compared: here their noise cancels, and only R is less than 1.
    _, between, bound, ratio = cells(draws_table([one, noisy]))
    left = [reliability([BASE[:, s] + NOISE[:, s], BASE[:, s] - NOISE[:, s]]).reliability ** 0.5 for s in (0, 1)]
    assert (between, bound, ratio) == ("1.00", f"{np.mean(left):.2f}", f"{1 / np.mean(left):.2f}")


def test_all_pairs_of_draws_count(run):
    turned = run(BASE[::-1], BASE[::-1])
    mean = np.mean([np.corrcoef(BASE[:, s], BASE[::-1, s])[0, 1] for s in (0, 1)])
    row = cells(draws_table([run(BASE, BASE), turned, turned]))
    assert row[1] == f"{(2 * mean + 1) / 3:.2f}".replace("-", "−")


def test_one_seed_leaves_no_reliability_to_divide_by(run):
    assert cells(draws_table([run(BASE), run(BASE)])) == ["t", "1.00", "–", "–"]


def test_runs_without_a_task_in_common_are_refused(run):
    with pytest.raises(ReportError, match="no task with the same datasets"):
        draws_table([run(BASE, BASE), run(BASE, BASE, task="u")])
    with pytest.raises(ReportError, match="name another run"):
        draws_table([run(BASE, BASE)])


def test_the_command_takes_several_draws(run, tmp_path):
    for name, truth in (("a", BASE), ("b", BASE), ("c", -BASE)):
        write_tables(tmp_path / name, run(truth, truth))
    result = CliRunner().invoke(
        app, ["table", str(tmp_path / "a"), "--draw", str(tmp_path / "b"), "--draw", str(tmp_path / "c")]
    )
    assert result.exit_code == 0, result.output
    assert cells(result.stdout)[:2] == ["t", "−0.33"]
    assert "Truths of 3 draws" in result.stdout
