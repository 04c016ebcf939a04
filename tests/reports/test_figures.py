"""What the figures are made of: standardised values, final steps, and charts that survive odd data."""

from typing import Any

import pandas as pd
import pytest

from lodo.reports import figures, sections
from lodo.reports.derive import final_estimates
from lodo.reports.page_values import Rows
from lodo.reports.summary import summarise
from lodo.reports.svg import draw
from lodo.reports.tables import Tables


def test_standardised_within_groups() -> None:
    frame = pd.DataFrame({"subset": list("aabb"), "influence": [1.0, 3.0, 5.0, 5.0]})
    scaled = figures.standardised(frame, ["subset"])
    assert scaled[:2].tolist() == pytest.approx([-1.0, 1.0])
    assert scaled[2:].isna().all()


def test_final_estimates_are_the_last_step_of_each_run(tables: Tables) -> None:
    final = final_estimates(tables.estimates)
    assert set(final.loc[final["method"] == "good", "step"]) == {2}
    assert final.loc[final["method"] == "random", "step"].isna().all()


def test_steps_are_thinned_to_the_ends() -> None:
    steps = figures._thinned(pd.Series(range(1000)).to_numpy())
    assert (len(steps), steps[0], steps[-1]) == (figures.MAX_STEPS, 0, 999)


def test_more_datasets_than_hues_and_a_single_method(tables: Tables) -> None:
    answers = tables.answers("as_in_paper", "others")
    one = answers[(answers["method"] == "good") & (answers["dataset"] == "plain")]
    many = pd.concat([one.assign(dataset=f"${{d}}.[{i}]", influence=float(i), truth=float(i % 5)) for i in range(12)])
    plan = figures.scatter(many.assign(label="only"), ["only"], "t", "k")
    assert plan is not None
    svg = draw(plan).svg
    assert svg.count("${d}.[11]") >= 1
    assert 'id="k-title"' in svg


def test_the_scatter_holds_one_seed_against_the_truth_of_the_others(tables: Tables) -> None:
    answers = tables.answers("as_in_paper", "others")
    retraining = answers[answers["method"] == "retraining"].assign(label="retraining")
    plan = figures.scatter(retraining, ["retraining"], "t", "k")
    assert plan is not None
    (points,) = plan.spec["datasets"].values()
    one = {point["dataset"]: (point["estimate"], point["truth"]) for point in points if point["subset"] == "one"}
    # Seed 0 has 1, 2, 3, 4, the other seed 2, 1, 3, 4: standardised by sqrt(5 / 4).
    assert sorted(one.values()) == [(-1.342, -0.447), (-0.447, -1.342), (0.447, 0.447), (1.342, 1.342)]


def test_the_line_is_where_the_true_retraining_scores(tables: Tables, make_tables: Any) -> None:
    for run, wanted in ((tables, "retraining 0.80"), (make_tables(seeds=1), None)):
        summary = summarise(run)
        answers = run.answers(summary.question, summary.truth)
        sketches = sections.task_figures(Rows.of(run, summary), run, summary, answers, "t", "k")
        texts = [row.get("text") for rows in sketches[0].spec["datasets"].values() for row in rows]
        assert (wanted in texts) if wanted else not any("retraining" in str(text) for text in texts)


def test_nothing_to_draw(tables: Tables) -> None:
    unknown = tables.ground_truth.assign(influence=float("nan"))
    assert figures.truth_heatmap(unknown, "t", "k") is None
    assert (
        figures.step_chart(
            tables.estimates[tables.estimates["method"] == "random"].assign(label="random"), [], "t", "k"
        )
        is None
    )
