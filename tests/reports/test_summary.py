"""Aggregates against numbers worked out by hand, and the rule that nobody gains by abstaining."""

from collections.abc import Callable
from typing import Any

import pandas as pd
import pytest

from lodo.reports.summary import failures, ranked, row_labels, summarise, summarise_scores
from lodo.reports.tables import Tables

Row = Callable[..., dict[str, Any]]
FLAT_TRUTH = "truth is the same for every dataset"
FLAT_ESTIMATE = "estimate is the same for every dataset"


def scores(rows: list[dict[str, Any]]) -> pd.DataFrame:
    """A conforming ``scores`` frame."""
    return Tables.from_rows({"scores": rows}, {}).scores


def only(frame: pd.DataFrame, method: str = "m") -> Any:
    """The one row of a method."""
    (found,) = frame[frame["method"] == method].itertuples()
    return found


def test_mean_over_subsets_then_seeds_then_runs(row: Row) -> None:
    values = {(0, 0): (0.1, 0.3), (1, 0): (0.4, 0.8), (0, 1): (0.5, 0.7), (1, 1): (0.6, 0.6)}  # (seed, run): subsets
    rows = [
        row(value, seed=seed, run=run, subset=subset)
        for (seed, run), both in values.items()
        for subset, value in zip(("one", "two"), both, strict=True)
    ]
    found = only(summarise_scores(scores(rows)))
    # runs: (0.2 + 0.6) / 2 = 0.4 and (0.6 + 0.6) / 2 = 0.6; seeds: 0.4 and 0.6
    assert found.pearson == pytest.approx(0.5)
    assert found.pearson_std == pytest.approx(0.02**0.5)
    assert found.pearson_std_seeds == pytest.approx(0.02**0.5)
    assert found.spearman == pytest.approx(0.5)
    assert (found.subsets, found.subsets_all, found.seeds, found.runs, found.reason) == (2, 2, 2, 2, "")


def test_one_run_has_no_deviation(row: Row) -> None:
    found = only(summarise_scores(scores([row(0.5)])))
    assert found.pearson == 0.5
    assert pd.isna(found.pearson_std)
    assert pd.isna(found.pearson_std_seeds)


def test_flat_truth_is_left_out_for_every_method(row: Row) -> None:
    rows = [row(0.5), row(None, "undefined", FLAT_TRUTH, subset="two")]
    # Another method claims a score on the subset whose truth is flat: it must not count.
    rows += [row(0.3, method="other"), row(1.0, method="other", subset="two")]
    found = summarise_scores(scores(rows))
    assert only(found).pearson == 0.5
    assert only(found, "other").pearson == pytest.approx(0.3)
    assert (only(found, "other").subsets, only(found, "other").subsets_all) == (1, 2)


def test_own_truth_flat_for_one_seed_only(row: Row) -> None:
    rows = [row(0.2, truth="own"), row(0.4, truth="own", subset="two"), row(0.9, truth="own", seed=1)]
    rows.append(row(None, "undefined", FLAT_TRUTH, truth="own", seed=1, subset="two"))
    assert only(summarise_scores(scores(rows))).pearson == pytest.approx((0.3 + 0.9) / 2)


def test_constant_estimates_have_no_aggregate(row: Row) -> None:
    rows = [
        row(0.9),
        row(None, "undefined", FLAT_ESTIMATE, subset="two"),
        row(None, "undefined", FLAT_TRUTH, subset="three"),
    ]
    found = only(summarise_scores(scores(rows)))
    assert pd.isna(found.pearson)
    assert found.reason == "estimates are constant on 1 of 2 subsets"


def test_failed_runs_have_no_aggregate(row: Row) -> None:
    rows = [row(0.9, run=run) for run in range(3)] + [row(None, "failed", "out of memory", run=3)]
    found = only(summarise_scores(scores(rows)))
    assert pd.isna(found.spearman)
    assert found.reason == "failed in 1 of 4 attempts"
    assert failures(scores(rows))[["run", "reason"]].to_numpy().tolist() == [[3, "out of memory"]]


@pytest.mark.parametrize("missing", [{"subset": "two"}, {"seed": 1}])
def test_leaving_cells_out_has_no_aggregate(row: Row, missing: dict[str, Any]) -> None:
    rows = [row(0.9), row(0.3, method="other"), row(0.2, method="other", **missing)]
    found = summarise_scores(scores(rows))
    assert only(found).reason == "no scores in 1 of 2 cells of seed and subset"
    assert only(found, "other").reason == ""


def test_truth_flat_everywhere(row: Row) -> None:
    found = only(summarise_scores(scores([row(None, "undefined", FLAT_TRUTH)])))
    assert found.reason == "the truth is the same for every dataset on all subsets"


def test_reliability_and_costs(tables: Tables, make_tables: Callable[..., Tables]) -> None:
    found = summarise(tables)
    (ceiling,) = found.ceilings.itertuples()
    assert (ceiling.reliability, ceiling.subsets, ceiling.subsets_all) == (pytest.approx(0.8), 2, 3)
    cost: Any = found.costs.set_index("method").loc["good"]
    assert (cost["seconds"], cost["peak_rss"], cost["training_equivalents"]) == (1.5, 2 * 10**9, 0.5)
    (single,) = summarise(make_tables(seeds=1)).ceilings.itertuples()
    assert pd.isna(single.ceiling)
    assert single.reason == "needs two seeds or more"


def test_order_and_labels(row: Row) -> None:
    rows = [row(0.1), row(0.9, method="random"), row(None, "failed", "x", method="a"), row(0.5, method="b")]
    frame = scores([*rows, row(0.2, hyperparameters='{"lr":1}')])
    order = ranked(summarise_scores(frame), {})
    assert [method for method, _ in order] == ["b", "m", "m", "a", "random"]
    labels = row_labels(frame)
    assert labels["m", '{"lr":1}'] == 'm {"lr":1}'
    assert labels["b", "{}"] == "b"


def test_nothing_to_summarise() -> None:
    found = summarise(Tables.from_rows({}, {}))
    assert all(frame.empty for frame in (found.scores, found.ceilings, found.costs, found.failures))
