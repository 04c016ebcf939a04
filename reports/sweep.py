"""Sweeps as values: from the tables of every point to rows, to a curve for each method, to a Markdown table."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from scipy import stats

from lodo.reports.formats import number
from lodo.reports.tables import ReportError, Tables

RUN = ["task", "method", "hyperparameters", "truth", "seed", "run"]
# The reading of the truth that ranks: the first of these that gives scores.
READINGS = ("others", "own")
EXAMPLES = "task.examples"
LIMITED = (
    " ↑: the method is limited by what it sees there; where most is shown it scores higher, by a 95 % interval of the "
    "difference over seeds."
)


def point_rows(tables: Tables, swept: Mapping[str, Mapping[str, str]], examples: str, shown: float) -> pd.DataFrame:
    """One row for each run of a method at one point of a sweep.

    Args:
        tables: the point's, with one setting of each method.
        swept: by method, the swept keys and their values, e.g. ``{"task.examples": "48"}``.
        examples: what ``task.examples`` was at the point, a number or ``all``.
        shown: sequences of a dataset that a run saw, mean over datasets and tasks.

    Returns:
        Columns task, method, hyperparameters (canonical JSON), truth (the reading), seed, run; pearson and spearman
        (mean over the test subsets whose truth varies, NaN unless all are ok), status, reason; seconds and
        training_equivalents (NaN where the run failed); swept (JSON), examples, shown.
    """
    scores = tables.scores[tables.scores["method"].isin(list(swept)) & (tables.scores["question"] == "as_in_paper")]
    counted = scores[~((scores["status"] == "undefined") & scores["reason"].str.startswith("truth"))]
    means = counted.groupby(RUN)[["pearson", "spearman"]].agg(_mean)
    bad = counted[counted["status"] != "ok"].groupby(RUN)[["status", "reason"]].first()
    rows = means.join(bad).fillna({"status": "ok", "reason": ""}).reset_index()
    attempts = tables.attempts[tables.attempts["method"].isin(list(swept))]
    # A run that failed has no estimate, hence no score: it is a row all the same, against every reading.
    failed = attempts[attempts["status"] == "failed"].rename(columns={"cause": "reason"})
    lost = [failed.assign(truth=reading, pearson=np.nan, spearman=np.nan) for reading in READINGS]
    rows = pd.concat([rows, *(each[[*rows.columns]] for each in lost if len(each))], ignore_index=True)
    key = ["task", "method", "hyperparameters", "seed", "run"]
    rows = rows.merge(attempts[[*key, "seconds", "training_equivalents"]], on=key, how="left")
    texts = {name: json.dumps(dict(values), sort_keys=True) for name, values in swept.items()}
    return rows.assign(swept=rows["method"].map(texts), examples=examples, shown=shown)


def _mean(values: pd.Series) -> float:
    """NaN unless all are numbers: nobody gains by abstaining."""
    return float(values.mean(skipna=False))


def forgetting_rows(tables: Tables, swept: Mapping[str, Mapping[str, str]]) -> pd.DataFrame:
    """The forgetting table of one point of a sweep, with the column ``swept``, null for trainings."""
    texts = {name: json.dumps(dict(values), sort_keys=True) for name, values in swept.items()}
    forgetting = tables.forgetting
    return forgetting.assign(swept=forgetting["model"].map(texts))


def ranking(rows: pd.DataFrame) -> pd.DataFrame:
    """The rows of the reading that ranks. Raises ReportError where there are none."""
    for reading in READINGS:
        chosen = rows[rows["truth"] == reading]
        if len(chosen) and (chosen["pearson"].notna().any() or reading == READINGS[-1]):
            return chosen
    raise ReportError("the sweep holds no score; name a method that runs")


def curves(rows: pd.DataFrame, axis: str) -> pd.DataFrame:
    """One row for each method and point, in the order of the sweep, against the truth that ranks.

    Args:
        axis: the swept key that is drawn along x; other swept keys become part of a line's name.

    Returns:
        Columns method, swept (as in the rows); label; value (of the axis as text, "" where the method has none), x (the
        same as a number; the sequences shown for ``task.examples``; NaN if it is none); pearson, low, high, error (see
        `mean_and_interval`); trainings, seconds (means over the runs that finished); cause (why there is no score);
        limited (of ``task.examples``: whether the method scores higher where most is shown, by a 95 % interval of the
        difference, paired by seed, above 0).
    """
    points, means = [], []
    for (method, text), group in ranking(rows).groupby(["method", "swept"], sort=False):
        swept = json.loads(str(text))
        value = str(swept.pop(axis, ""))
        others = ", ".join(f"{key.removeprefix(f'{method}.')}={each}" for key, each in swept.items())
        means.append(seed_means(group))
        points.append(
            {
                "method": str(method),
                "swept": str(text),
                "label": f"{method} {others}".strip(),
                "value": value,
                "x": float(group["shown"].mean()) if axis == EXAMPLES and value else _number(value),
                **mean_and_interval(group),
                "trainings": group["training_equivalents"].mean(),
                "seconds": group["seconds"].mean(),
            }
        )
    table = pd.DataFrame(points)
    most = table.fillna({"x": 0.0}).groupby("label")["x"].transform("idxmax") if axis == EXAMPLES else table.index
    limited = [surely_higher(means[top], own) for top, own in zip(most, means, strict=True)]
    return table.assign(limited=limited)


def surely_higher(one: pd.Series, other: pd.Series) -> bool:
    """Whether the first of two scores by seed is higher: Student's 95 % interval of the difference lies above 0.

    False with fewer than two seeds in common.
    """
    differences = (one - other).dropna().to_numpy()
    if len(differences) < 2 or not differences.any():
        return False
    return _mean_and_half(differences)[0] > _mean_and_half(differences)[1]


def seed_means(group: pd.DataFrame) -> pd.Series:
    """Each seed's mean score over tasks and runs; tasks count alike, whatever their number of runs."""
    means: pd.Series = group.groupby(["seed", "task"])["pearson"].agg(_mean).groupby("seed").agg(_mean)
    return means


def _mean_and_half(values: np.ndarray) -> tuple[float, float]:
    """The mean of two values or more, and half of its 95 % interval."""
    return float(values.mean()), float(stats.t.ppf(0.975, len(values) - 1) * stats.sem(values))


def mean_and_interval(group: pd.DataFrame) -> dict[str, Any]:
    """``pearson``, the mean over tasks, runs and seeds, or the ``cause`` why there is none.

    Beside it Student's 95 % interval over the seeds, ``low`` to ``high``, and the standard ``error``, NaN with one.
    """
    empty = {"pearson": np.nan, "low": np.nan, "high": np.nan, "error": np.nan}
    bad = group[group["status"] != "ok"]
    if len(bad):
        what = f"{bad['status'].iloc[0]} in {len(bad)} of {len(group)} attempts"
        return {**empty, "cause": f"{what}: {bad['reason'].iloc[0]}"}
    values = seed_means(group).to_numpy()
    if len(values) < 2:
        return {**empty, "pearson": float(values.mean()), "cause": ""}
    mean, half = _mean_and_half(values)
    return {"pearson": mean, "low": mean - half, "high": mean + half, "error": float(stats.sem(values)), "cause": ""}


def markdown(curve_rows: pd.DataFrame, axis: str, tasks: Sequence[str]) -> str:
    """Two Markdown tables of `curves`: scores, with half of their interval, and costs, methods × values of the axis.

    What the axis does not touch is the same at each of its values.
    """
    values = [value for value in dict.fromkeys(curve_rows["value"]) if value] or [""]
    heads = " | ".join(f"{value} ({_shown(curve_rows, value)})" if value == "all" else value or "–" for value in values)
    cells = {(row.label, row.value): row for row in curve_rows.itertuples()}
    labels = list(dict.fromkeys(curve_rows.sort_values("pearson", ascending=False, na_position="last")["label"]))

    def table(title: str, text: Any) -> str:
        lines = [f"| {title} \\ {axis} | {heads} |", "|---" * (len(values) + 1) + "|"]
        for label in labels:
            there = [(label, value) if (label, value) in cells else (label, "") for value in values]
            line = [text(cells[cell]) if cell in cells else "" for cell in there]
            lines.append(f"| `{label}` | {' | '.join(line)} |")
        return "\n".join(lines)

    said = (
        f"Mean Pearson correlation with the truth over {', '.join(tasks)}; ± is half of a 95 % interval (Student's) "
        f"over the seeds.{LIMITED if curve_rows['limited'].any() else ''}"
    )
    why = "".join(
        f"\n- `{label}`: {'; '.join(dict.fromkeys(' '.join(cause.split()) for cause in group['cause']))}"
        for label, group in curve_rows[curve_rows["cause"] != ""].groupby("label", sort=False)
    )
    lacking = f"\n\nNo score:\n{why}" if why else ""
    costs = table("trainings", lambda row: number(row.trainings))
    return f"{said}\n\n{table('Pearson', _score)}{lacking}\n\nCost of an attribution, in trainings.\n\n{costs}\n"


def _score(row: Any) -> str:
    if row.cause:
        return str(row.cause).partition(" ")[0]
    half = "" if np.isnan(row.high) else f" ± {number(row.high - row.pearson)}"
    return number(row.pearson) + half + (" ↑" if row.limited else "")


def _shown(curve_rows: pd.DataFrame, value: str) -> str:
    return number(curve_rows.loc[curve_rows["value"] == value, "x"].mean(), 0)


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return float("nan")
