"""What UnTrac's paper reports (arXiv 2401.15241, Tables 2 and 3) of the tasks that stand for its own: data alone."""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class PaperFigures:
    """Figures of the paper for one task.

    Attributes:
        title: which table, and what its numbers are.
        columns: what the numbers of a row are of.
        rows: by method, under lodo's name of it, a number a column.
    """

    title: str
    columns: tuple[str, ...]
    rows: Mapping[str, tuple[float, ...]]


# Table 2: mean influence of each of the four datasets over four runs, each row standardised over the four.
STANDARDISED: Mapping[str, Mapping[str, tuple[float, ...]]] = {
    "synthetic-a": {
        "graddot": (0.497, 0.930, -1.680, 0.253),
        "gradcos": (0.993, 0.573, -1.637, 0.071),
        "hif-arnoldi": (1.059, 0.566, -0.026, -1.599),
        "hif-lissa": (0.156, -1.674, 0.658, 0.860),
        "tracin": (0.090, 1.575, -1.083, -0.582),
        "untrac": (1.443, 0.344, -0.574, -1.212),
        "untrac-inv": (0.980, 1.014, -1.104, -0.891),
        "the truth": (1.263, 0.692, -1.064, -0.891),
    },
    "synthetic-b": {
        "graddot": (-0.561, 1.730, -0.655, -0.513),
        "gradcos": (1.197, 0.708, -1.307, -0.598),
        "hif-arnoldi": (1.368, 0.015, 0.074, -1.457),
        "hif-lissa": (-0.600, 1.708, -0.785, -0.323),
        "tracin": (-0.174, 1.638, -1.060, -0.404),
        "untrac": (1.492, 0.175, -0.414, -1.253),
        "untrac-inv": (1.056, 0.905, -0.716, -1.245),
        "the truth": (1.150, 0.837, -1.025, -0.962),
    },
}
DATASETS = ("1", "2", "3", "4")

# Table 3: Pearson correlation with the truth, mean and standard deviation over four runs; columns as in `TASKS`.
TASKS = (
    "opt-equal/toxigen",
    "opt-equal/winobias",
    "opt-equal/truthfulqa",
    "opt-different/toxigen",
    "opt-different/winobias",
    "opt-different/truthfulqa",
)
PEARSON: Mapping[str, tuple[tuple[float, float], ...]] = {
    "graddot": (
        (-0.123, 0.008),
        (0.418, 0.018),
        (0.156, 0.022),
        (-0.250, 0.007),
        (0.446, 0.015),
        (-0.524, 0.003),
    ),
    "gradcos": (
        (-0.050, 0.008),
        (0.524, 0.014),
        (0.447, 0.015),
        (-0.337, 0.007),
        (0.496, 0.012),
        (-0.401, 0.004),
    ),
    "hif-arnoldi": (
        (-0.068, 0.023),
        (0.559, 0.010),
        (0.250, 0.024),
        (-0.343, 0.005),
        (0.584, 0.014),
        (-0.362, 0.006),
    ),
    "hif-lissa": (
        (-0.040, 0.328),
        (0.389, 0.117),
        (-0.178, 0.173),
        (0.071, 0.091),
        (-0.092, 0.042),
        (-0.098, 0.058),
    ),
    "tracin": (
        (0.207, 0.010),
        (0.082, 0.013),
        (0.591, 0.014),
        (-0.187, 0.005),
        (0.183, 0.019),
        (0.081, 0.010),
    ),
    "untrac": (
        (0.419, 0.063),
        (0.743, 0.086),
        (0.314, 0.223),
        (0.403, 0.033),
        (0.518, 0.122),
        (0.246, 0.082),
    ),
    "untrac-inv": (
        (0.372, 0.008),
        (0.813, 0.012),
        (0.582, 0.016),
        (0.393, 0.037),
        (0.275, 0.125),
        (0.360, 0.017),
    ),
}


def figures_of(task: str) -> PaperFigures | None:
    """The paper's figures for a task ``family/test set``; None where it has none."""
    family = task.partition("/")[0]
    if family in STANDARDISED:
        return PaperFigures("Table 2, influence standardised over the datasets", DATASETS, STANDARDISED[family])
    if task not in TASKS:
        return None
    column = TASKS.index(task)
    rows = {method: cells[column] for method, cells in PEARSON.items()}
    return PaperFigures("Table 3, Pearson correlation with the truth over four runs", ("mean", "std"), rows)
