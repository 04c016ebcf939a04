"""What the figures are made of: standardised values, final steps, and charts that survive odd data."""

import pandas as pd
import pytest

from lodo.reports import figures
from lodo.reports.svg import draw
from lodo.reports.tables import Tables


def test_standardised_within_groups() -> None:
    frame = pd.DataFrame({"subset": list("aabb"), "influence": [1.0, 3.0, 5.0, 5.0]})
    found = figures.standardised(frame, ["subset"])
    assert found[:2].tolist() == pytest.approx([-1.0, 1.0])
    assert found[2:].isna().all()


def test_final_estimates_are_the_last_step_of_each_run(tables: Tables) -> None:
    final = figures.final_estimates(tables.estimates)
    assert set(final.loc[final["method"] == "good", "step"]) == {2}
    assert final.loc[final["method"] == "random", "step"].isna().all()


def test_steps_are_thinned_to_the_ends() -> None:
    steps = figures._thinned(pd.Series(range(1000)).to_numpy())
    assert (len(steps), steps[0], steps[-1]) == (figures.MAX_STEPS, 0, 999)


def test_more_datasets_than_hues_and_a_single_method(tables: Tables) -> None:
    truth = pd.concat([tables.ground_truth.assign(dataset=f"${{d}}.[{i}]", influence=float(i)) for i in range(12)])
    truth = truth.assign(influence=truth["influence"] + 0.1 * truth["seed"])
    final = truth.assign(label="only")
    plan = figures.scatter(truth, final, ["only"], "t", "k")
    assert plan is not None
    svg = draw(plan).svg
    assert svg.count("${d}.[11]") >= 1
    assert 'id="k-title"' in svg


def test_nothing_to_draw(tables: Tables) -> None:
    unknown = tables.ground_truth.assign(influence=float("nan"))
    assert figures.truth_heatmap(unknown, "t", "k") is None
    assert (
        figures.step_chart(
            tables.estimates[tables.estimates["method"] == "random"].assign(label="random"), [], "t", "k"
        )
        is None
    )
