"""How far another draw of the text moves the truth: runs that differ in their text alone, compared."""

from collections.abc import Sequence
from itertools import combinations

import numpy as np
import pandas as pd

from lodo.reports.closing import markdown
from lodo.reports.formats import number
from lodo.reports.scoring import correlate
from lodo.reports.tables import ReportError, Tables


def draws_table(runs: Sequence[Tables]) -> str:
    """Agreement of the seed-averaged truths of two runs or more, by task, as Markdown.

    Columns: the mean Pearson correlation over the pairs of runs and the subsets, of each other's datasets' influences;
    what the reliabilities alone would leave of it, the mean over the pairs of the root of R R'; and the first over the
    second, which is the agreement of the draws but for what the seeds add.

    Raises:
        ReportError: fewer than two runs, or no task, dataset and subset that all of them have.
    """
    if len(runs) < 2:
        raise ReportError("--draw: name another run of the same tasks on another draw of the text")
    truths = [_truth(tables) for tables in runs]
    shared = truths[0].index
    for truth in truths[1:]:
        shared = shared.intersection(truth.index)
    if shared.empty:
        raise ReportError("--draw: the runs have no task with the same datasets and subsets; name runs of equal tasks")
    known = [tables.reliability.set_index(["task", "subset"])["reliability"].astype(float) for tables in runs]
    lines = [["task", "r between draws", "what R leaves of it", "ratio"]]
    for task in sorted(shared.unique("task")):
        grids = [truth.loc[shared].loc[task].unstack("subset").sort_index() for truth in truths]
        subsets = list(grids[0].columns)
        pairs = [*combinations(range(len(runs)), 2)]
        agreement = float(np.mean([correlate(grids[i].to_numpy(), grids[j].to_numpy())[0] for i, j in pairs]))
        bounds = [np.sqrt(known[i].loc[task][subsets] * known[j].loc[task][subsets]).mean() for i, j in pairs]
        bound = float(np.mean(bounds))
        lines.append([task, number(agreement), number(bound), number(agreement / bound)])
    return "\n".join(
        [
            f"Truths of {len(runs)} draws of the text, each the average of its seeds, over the datasets of a task:",
            "",
            *markdown(lines, words=1),
        ]
    )


def _truth(tables: Tables) -> pd.Series:
    """The seed-averaged influence, by task, dataset and subset."""
    influence: pd.Series = tables.ground_truth.groupby(["task", "dataset", "subset"])["influence"].mean()
    return influence
