"""Aggregates against numbers worked out by hand, and the rule that nobody gains by abstaining."""

from collections.abc import Callable
from typing import Any

import pandas as pd
import pytest

from lodo.reports.schema import DERIVED
from lodo.reports.summary import (
    failures,
    ranked,
    row_labels,
    seed_values,
    summarise,
    summarise_costs,
    summarise_scores,
    uneven_tasks,
)
from lodo.reports.tables import Tables

Row = Callable[..., dict[str, Any]]
FLAT_TRUTH = "truth is the same for every dataset"
FLAT_ESTIMATE = "estimate is the same for every dataset"


NOBODY = Tables.from_rows({}, {}).attempts


def scores(rows: list[dict[str, Any]]) -> pd.DataFrame:
    """A ``scores`` frame."""
    return pd.DataFrame(rows)[DERIVED["scores"].names]


def aggregated(rows: list[dict[str, Any]], failed: list[dict[str, Any]] | None = None) -> pd.DataFrame:
    """Aggregates of rows of ``scores``, and of rows of ``attempts`` for those that failed."""
    attempts = Tables.from_rows({"attempts": failed}, {}).attempts if failed else NOBODY
    return summarise_scores(scores(rows), attempts)


def only(frame: pd.DataFrame, method: str = "m") -> Any:
    """The one row of a method."""
    (scored,) = frame[frame["method"] == method].itertuples()
    return scored


def test_mean_over_subsets_then_seeds_then_runs(row: Row) -> None:
    values = {(0, 0): (0.1, 0.3), (1, 0): (0.4, 0.8), (0, 1): (0.5, 0.7), (1, 1): (0.6, 0.6)}  # (seed, run): subsets
    rows = [
        row(value, seed=seed, run=run, subset=subset)
        for (seed, run), both in values.items()
        for subset, value in zip(("one", "two"), both, strict=True)
    ]
    scored = only(aggregated(rows))
    # runs: (0.2 + 0.6) / 2 = 0.4 and (0.6 + 0.6) / 2 = 0.6; seeds: 0.4 and 0.6
    assert scored.pearson == pytest.approx(0.5)
    assert scored.pearson_std == pytest.approx(0.02**0.5)
    assert scored.pearson_std_seeds == pytest.approx(0.02**0.5)
    assert scored.spearman == pytest.approx(0.5)
    assert (scored.subsets, scored.subsets_all, scored.seeds, scored.runs, scored.reason) == (2, 2, 2, 2, "")


def test_one_run_has_no_deviation(row: Row) -> None:
    scored = only(aggregated([row(0.5)]))
    assert scored.pearson == 0.5
    assert pd.isna(scored.pearson_std)
    assert pd.isna(scored.pearson_std_seeds)


def test_flat_truth_is_left_out_for_every_method(row: Row) -> None:
    rows = [row(0.5), row(None, "undefined", FLAT_TRUTH, subset="two")]
    # Another method claims a score on the subset whose truth is flat: it must not count.
    rows += [row(0.3, method="other"), row(1.0, method="other", subset="two")]
    frame = aggregated(rows)
    assert only(frame).pearson == 0.5
    assert only(frame, "other").pearson == pytest.approx(0.3)
    assert (only(frame, "other").subsets, only(frame, "other").subsets_all) == (1, 2)


def test_own_truth_flat_for_one_seed_only(row: Row) -> None:
    rows = [row(0.2, truth="own"), row(0.4, truth="own", subset="two"), row(0.9, truth="own", seed=1)]
    rows.append(row(None, "undefined", FLAT_TRUTH, truth="own", seed=1, subset="two"))
    assert only(aggregated(rows)).pearson == pytest.approx((0.3 + 0.9) / 2)


def test_constant_estimates_have_no_aggregate(row: Row) -> None:
    rows = [
        row(0.9),
        row(None, "undefined", FLAT_ESTIMATE, subset="two"),
        row(None, "undefined", FLAT_TRUTH, subset="three"),
    ]
    scored = only(aggregated(rows))
    assert pd.isna(scored.pearson)
    assert scored.reason == "estimates are constant on 1 of 2 subsets"


def test_failed_runs_have_no_aggregate(row: Row, attempt: Row) -> None:
    failed = [attempt("out of memory", run=3), attempt("x", method="never"), attempt("x", method="elsewhere", task="u")]
    frame = aggregated([row(0.9, run=run) for run in range(3)], failed)
    assert pd.isna(only(frame).spearman)
    assert only(frame).reason == "failed in 1 of 4 attempts"
    # A method that never gave an estimate is a row all the same.
    assert only(frame, "never").reason == "failed in 1 of 1 attempts"
    listed = failures(Tables.from_rows({"attempts": [*failed, attempt()]}, {}).attempts)
    assert listed[["task", "method", "run", "cause"]].to_numpy().tolist() == [
        ["t", "m", 3, "out of memory"],
        ["t", "never", 0, "x"],
        ["u", "elsewhere", 0, "x"],
    ]


def test_costs_are_those_of_runs_that_finished(attempt: Row) -> None:
    rows = [attempt(seconds=1.0, peak_rss=5), attempt(seconds=3.0, peak_rss=4, run=1), attempt("diverged", run=2)]
    (cost,) = summarise_costs(Tables.from_rows({"attempts": rows}, {}).attempts).itertuples()
    assert (cost.seconds, cost.peak_rss) == (2.0, 5)


@pytest.mark.parametrize("missing", [{"subset": "two"}, {"seed": 1}])
def test_leaving_cells_out_has_no_aggregate(row: Row, missing: dict[str, Any]) -> None:
    rows = [row(0.9), row(0.3, method="other"), row(0.2, method="other", **missing)]
    frame = aggregated(rows)
    assert only(frame).reason == "no scores in 1 of 2 cells of seed and subset"
    assert only(frame, "other").reason == ""


def test_truth_flat_everywhere(row: Row) -> None:
    scored = only(aggregated([row(None, "undefined", FLAT_TRUTH)]))
    assert scored.reason == "the truth is the same for every dataset on all subsets"


def test_one_seed_ranks_by_the_own_truth_and_says_why_the_others_have_none(row: Row, attempt: Row) -> None:
    alone = [row(None, "undefined", "truth needs two seeds or more"), row(0.5, truth="own")]
    frame = aggregated(alone, [attempt("x", method="never")])
    assert set(frame.loc[frame["truth"] == "others", "reason"]) == {"needs two seeds or more"}
    assert only(frame[frame["truth"] == "own"]).pearson == 0.5


def test_which_truth_ranks_and_how_reliable_it_is(make_tables: Callable[..., Tables], tables: Tables) -> None:
    summary = summarise(tables)
    assert summary.truth == "others"
    (known,) = summary.reliability.itertuples()
    # Two seeds that correlate at 0.8: 2 r / (1 + r).
    assert (known.reliability, known.subsets, known.subsets_all) == (pytest.approx(1.6 / 1.8), 2, 3)
    single = summarise(make_tables(seeds=1))
    assert single.truth == "own"
    assert set(single.ranking["truth"]) == {"own"}
    (unknown,) = single.reliability.itertuples()
    assert pd.isna(unknown.reliability)
    assert unknown.reason == "needs two seeds or more"


def test_the_question_that_ranks(make_tables: Callable[..., Tables]) -> None:
    uneven = make_tables(slots=(20, 10, 5, 5))
    by = {question: summarise(uneven, question).ranking for question in ("as_in_paper", "mixture-aware")}
    assert {question: set(frame["question"]) for question, frame in by.items()} == {key: {key} for key in by}
    assert only(by["as_in_paper"], "good").pearson != only(by["mixture-aware"], "good").pearson


def test_sizes_that_differ_by_rounding_alone_are_equal() -> None:
    sizes = {"even": (334, 333, 333), "uneven": (335, 333, 332)}
    rows = [{"task": task, "dataset": str(i), "slots": n} for task, slots in sizes.items() for i, n in enumerate(slots)]
    assert uneven_tasks(pd.DataFrame(rows)) == {"uneven"}


def test_values_of_seeds_are_means_over_subsets_then_runs(row: Row) -> None:
    rows = [row(0.1), row(0.3, subset="two"), row(0.8, run=1), row(None, "undefined", FLAT_TRUTH, run=1, subset="two")]
    (value,) = seed_values(scores([*rows])).itertuples()
    assert value.pearson == pytest.approx((0.2 + 0.8) / 2)


def test_order_and_labels(row: Row, attempt: Row) -> None:
    rows = [row(0.1), row(0.9, method="random"), row(0.5, method="b"), row(1.0, method="retraining")]
    frame = aggregated([*rows, row(0.2, hyperparameters='{"lr":1}')], [attempt("x", method="a")])
    order = ranked(frame, {})
    assert [method for method, _ in order] == ["b", "m", "m", "a", "retraining", "random"]
    labels = row_labels(frame)
    assert labels["m", '{"lr":1}'] == 'm {"lr":1}'
    assert labels["b", "{}"] == "b"


def test_nothing_to_summarise() -> None:
    summary = summarise(Tables.from_rows({}, {}))
    assert all(frame.empty for frame in (summary.scores, summary.reliability, summary.costs, summary.failures))
