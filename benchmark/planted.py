"""Does the truth of a run on generated text come out as it was planted?"""

import numpy as np

from lodo.reports.closing import markdown
from lodo.reports.formats import number
from lodo.reports.page_values import mapping
from lodo.reports.scoring import correlate
from lodo.reports.tables import Tables
from lodo.tasks.errors import InputError
from lodo.tasks.generated import GeneratedSource


def planted_table(tables: Tables) -> str:
    """Spearman correlation of the seed-averaged truth with what was planted, by task, mean over subsets, as Markdown.

    Raises InputError where nothing is planted, or where it is not known what comes of it.
    """
    tasks = mapping(tables.manifest.get("tasks"))
    generated = {name for name, task in tasks.items() if mapping(task).get("source") == "generated"}
    if not generated:
        raise InputError("--planted: in this run's text nothing is planted; name a run on generated text")
    if set(tables.ground_truth["definition"]) != {"fixed-steps"}:
        raise InputError("--planted: what is planted is known for refilled slots alone; name a run by fixed-steps")
    lines = [["task", "Spearman with what was planted"]]
    for task, rows in tables.ground_truth.groupby("task", sort=True):
        if task not in generated:
            continue
        truth = rows.groupby(["dataset", "subset"])["influence"].mean().unstack("subset")
        sizes = tables.datasets[tables.datasets["task"] == task]
        weights = dict(zip(sizes["dataset"], sizes["slots"], strict=True))
        planted = GeneratedSource().planted(str(task).partition("/")[2], weights)
        wanted = np.array([[planted[subset][name] for subset in truth.columns] for name in truth.index])
        _, spearman = correlate(truth.to_numpy(), wanted)
        lines.append([str(task), number(float(spearman.mean()))])
    return "\n".join(markdown(lines, words=1))
