"""The parts of a task's section below its scores: subsets, failures, trainings, scores by subset, figures."""

from collections.abc import Iterable

import numpy as np
import pandas as pd

from lodo.reports import figures, formats
from lodo.reports.page_values import Rows, Values, records
from lodo.reports.schema import RETRAINING
from lodo.reports.summary import Summary
from lodo.reports.svg import Sketch
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


def failure_rows(rows: Rows, summary: Summary, task: str) -> list[Values]:
    """Attributions that failed, and why; equal causes of a method share a row."""
    failures = rows.label(of_task(summary.failures, task))
    return [
        {
            "label": label,
            "reason": cause,
            "where": [f"{seed}/{run}" for seed, run in zip(group["seed"], group["run"], strict=True)],
        }
        for (label, cause), group in failures.groupby(["label", "cause"], sort=True)
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


def subset_scores(rows: Rows, tables: Tables, summary: Summary, task: str) -> Values:
    """Pearson with the truth that ranks by subset and method, mean over seeds and runs; a dash unless all are ok."""
    scores = of_task(tables.scores, task)
    scores = rows.label(scores[(scores["question"] == summary.question) & (scores["truth"] == summary.truth)])
    grouped = scores.assign(ok=scores["status"] == "ok").groupby(["subset", "label"])
    values = grouped["pearson"].mean().where(grouped["ok"].all())
    shown = [label for label in rows.order if label in set(scores["label"])]
    table = values.unstack("label").reindex(columns=shown)
    return {
        "labels": shown,
        "rows": [
            (subset, [formats.number(value) for value in line])
            for subset, line in zip(table.index, table.to_numpy(), strict=True)
        ],
    }


def task_figures(
    rows: Rows, tables: Tables, summary: Summary, answers: pd.DataFrame, task: str, key: str
) -> list[Sketch]:
    """The figures of a task that have something to show; ``key`` is unique to the task on the page.

    ``answers`` are those of all tasks to the question that ranks.
    """
    scores = rows.label(of_task(summary.ranking, task))
    made: Iterable[Sketch | None] = (
        figures.score_chart(scores, _ceiling(scores, summary), rows.order, task, f"{key}-scores"),
        figures.scatter(rows.label(of_task(answers, task)), rows.order, task, f"{key}-scatter"),
        figures.truth_heatmap(of_task(tables.ground_truth, task), task, f"{key}-truth"),
        figures.step_chart(rows.label(of_task(tables.estimates, task)), rows.order, task, f"{key}-steps"),
    )
    return [figure for figure in made if figure is not None]


def _ceiling(scores: pd.DataFrame, summary: Summary) -> float | None:
    """What the true retraining scores against the other seeds' truth; against its own it says nothing."""
    ceilings = scores.loc[scores["method"] == RETRAINING, "pearson"].dropna()
    return float(ceilings.iloc[0]) if len(ceilings) and summary.truth == "others" else None
