"""The parts of a task's page that its tables alone tell: subsets, trainings, repeats, what was forgotten."""

import numpy as np
import pandas as pd

from lodo.reports import formats
from lodo.reports.page_values import Rows, Values, records
from lodo.reports.tables import Tables


def of_task(frame: pd.DataFrame, task: str) -> pd.DataFrame:
    """The rows of one task."""
    return frame[frame["task"] == task]


def subset_rows(tables: Tables, task: str) -> list[Values]:
    """Examples used of wanted, tokens and reliability of each test subset."""
    sizes = of_task(tables.subsets, task)
    subsets = sizes.merge(of_task(tables.reliability, task).drop(columns="task"), on="subset", how="outer").sort_values(
        "subset"
    )
    return [
        {
            "subset": row.subset,
            "examples": formats.number(row.examples, 0),
            "wanted": formats.number(row.wanted, 0),
            "short": bool(row.examples < row.wanted),
            "tokens": formats.number(row.tokens, 0),
            "mean_r": formats.number(row.mean_r),
            "r": formats.number(row.reliability),
            "reason": "" if pd.isna(row.reason) else row.reason,
        }
        for row in records(subsets)
    ]


def training_rows(tables: Tables, task: str) -> list[Values]:
    """The base trainings: what the model learned."""
    trainings = of_task(tables.trainings, task)
    return [
        {
            "seed": row.seed,
            "steps": formats.number(row.steps, 0),
            "tokens": formats.number(row.tokens, 0),
            "untrained": formats.number(row.untrained_loss, 3),
            "trained": formats.number(row.test_loss, 3),
            "first": formats.number(row.first_loss, 3),
            "last": formats.number(row.last_loss, 3),
            "learned": formats.missing(row.untrained_loss) or row.test_loss < row.untrained_loss,
        }
        for row in records(trainings[trainings["left_out"].isna()])
    ]


def repeats(tables: Tables, task: str) -> list[Values]:
    """Datasets whose refilled slots showed examples again, with how many (most of any seed)."""
    trainings = of_task(tables.trainings, task)
    most = trainings[trainings["left_out"].notna()].groupby("left_out")["repeats"].max()
    return [{"dataset": name, "count": formats.number(count, 0)} for name, count in most.items() if count > 0]


def forgetting_rows(rows: Rows, tables: Tables, task: str) -> list[Values]:
    """What each model knows of a dataset's text: before, truly retrained, and after each method's unlearning.

    Means over datasets and seeds, perplexities geometric. Without a method that unlearns there is nothing to compare.
    """
    forgetting = of_task(tables.forgetting, task)
    trainings = {"trained": "trained on everything", "retrained": "truly retrained without it"}
    labels = rows.label(forgetting.rename(columns={"model": "method"}))["label"]
    forgetting = forgetting.assign(label=forgetting["model"].map(trainings).fillna(labels))
    figures = [column for column in forgetting.columns if column.endswith(("_perplexity", "_accuracy", "_auc"))]
    for column in figures:
        if column.endswith("_perplexity"):
            forgetting[column] = np.log(forgetting[column])
    means = forgetting.groupby("label")[figures].mean()
    order = [label for label in (*trainings.values(), *rows.order) if label in means.index]
    if set(order) <= set(trainings.values()):
        return []
    return [
        {
            "label": label,
            "training": label in trainings.values(),
            "groups": [
                (_perplexity(row[f"{group}_perplexity"]), formats.number(row[f"{group}_accuracy"], 3))
                for group in ("forgotten", "approximate", "retained")
            ],
            "membership": formats.number(row["membership_auc"], 3),
        }
        for label, row in means.loc[order].iterrows()
    ]


def _perplexity(log: float) -> str:
    """A perplexity from its logarithm; very large ones as a power of ten."""
    if formats.missing(log) or log < np.log(1e5):
        return formats.number(None if formats.missing(log) else np.exp(log), 1)
    return "over 10^300" if log > 690 else f"{np.exp(log):.1e}"
