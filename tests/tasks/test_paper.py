"""The paper's figures stand as they are printed, and by the tasks that they are of."""

import pytest

from lodo.methods.base import METHODS
from lodo.tasks.family import FAMILIES
from lodo.tasks.paper import PEARSON, STANDARDISED, TASKS, figures_of


@pytest.mark.parametrize("family", STANDARDISED)
def test_a_standardised_row_has_mean_zero_and_deviation_one(family):
    for row in STANDARDISED[family].values():
        assert sum(row) == pytest.approx(0, abs=0.0025)
        assert sum(value**2 for value in row) / 4 == pytest.approx(1, abs=0.003)


def test_a_task_finds_its_own_column():
    assert figures_of("opt-equal/toxigen").rows["untrac"] == (0.419, 0.063)
    assert figures_of("opt-equal/truthfulqa").rows["tracin"] == (0.591, 0.014)
    assert figures_of("opt-different/toxigen").rows["hif-lissa"] == (0.071, 0.091)
    assert figures_of("opt-different/winobias").rows["untrac-inv"] == (0.275, 0.125)
    assert figures_of("opt-different/truthfulqa").rows["graddot"] == (-0.524, 0.003)
    assert figures_of("synthetic-b/remainder").rows["the truth"] == (1.150, 0.837, -1.025, -0.962)
    for task in (*TASKS, *STANDARDISED):
        figures = figures_of(task)
        assert {len(row) for row in figures.rows.values()} == {len(figures.columns)}


def test_other_tasks_have_none():
    for task in ("opt-tuning/toxigen", "opt-equal/mine", "convex-ridge/toxigen", "synthetic", "mine/toxigen"):
        assert figures_of(task) is None


def test_families_and_methods_go_by_lodos_names():
    families = {name.partition("/")[0] for name in (*TASKS, *STANDARDISED)}
    assert families <= set(FAMILIES.names())
    methods = {*PEARSON, *(name for rows in STANDARDISED.values() for name in rows)} - {"the truth"}
    assert methods <= set(METHODS.names())
