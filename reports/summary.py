"""From result tables to the numbers that pages show: aggregated scores, reliability, costs, failures."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from lodo.reports.derive import Question, Reading
from lodo.reports.schema import RETRAINING
from lodo.reports.scoring import NEEDS_SEEDS
from lodo.reports.tables import Tables

METRICS = ["pearson", "spearman"]
GROUP = ["task", "question", "method", "hyperparameters", "truth"]
REFERENCES = ("random", "dataset-size", RETRAINING)


@dataclass(frozen=True)
class Summary:
    """What the pages show, one frame each; the columns are those of the functions of the same name.

    Attributes:
        question: the task's question that ranks.
        truth: the reading of the truth that ranks: "others", or "own" where there is one seed only.
        scores: under all questions, against both readings.
    """

    question: Question
    truth: Reading
    scores: pd.DataFrame
    reliability: pd.DataFrame
    costs: pd.DataFrame
    failures: pd.DataFrame

    @property
    def ranking(self) -> pd.DataFrame:
        """The rows of ``scores`` that rank."""
        return self.of(self.question, self.truth)

    def of(self, question: Question, truth: Reading) -> pd.DataFrame:
        """The rows of ``scores`` under a question, against a reading of the truth."""
        return self.scores[(self.scores["question"] == question) & (self.scores["truth"] == truth)]


def summarise(tables: Tables, question: Question = "as_in_paper") -> Summary:
    """All summaries of a run's tables."""
    return Summary(
        question,
        ranking_truth(tables.scores),
        summarise_scores(tables.scores, tables.attempts),
        summarise_reliability(tables.reliability),
        summarise_costs(tables.attempts),
        failures(tables.attempts),
    )


def ranking_truth(scores: pd.DataFrame) -> Reading:
    """Which reading of the truth ranks: the other seeds' average, or the own truth where no task has another seed."""
    reasons = scores.loc[scores["truth"] == "others", "reason"]
    return "own" if len(reasons) and (reasons == f"truth {NEEDS_SEEDS}").all() else "others"


def uneven_tasks(datasets: pd.DataFrame) -> set[str]:
    """Tasks whose datasets differ in size by more than rounding: there the two questions are two."""
    slots = datasets.groupby("task")["slots"]
    spread = slots.max() - slots.min()
    return set(spread.index[spread > 1])


def summarise_scores(scores: pd.DataFrame, attempts: pd.DataFrame) -> pd.DataFrame:
    """One row for each (task, question, method, hyperparameters, truth).

    A correlation is averaged over the subsets, then over the seeds; that is a run's value. ``pearson`` and
    ``spearman`` are the means over the runs, ``*_std`` the standard deviations over the runs (ddof 1, NaN for one run),
    ``*_std_seeds`` those over the seeds, each seed's value averaged over the runs. ``subsets`` counts the subsets
    used, ``subsets_all`` all of them, ``seeds`` and ``runs`` what was averaged.

    Subsets whose truth has no variance are left out for every method. A method that is constant, failed or absent
    where another was scored has no aggregate (NaN) and a ``reason``: nobody gains by abstaining.
    """
    marked = _marked(scores, attempts)
    used = marked[~marked["no_truth"]]
    reasons = _reasons(marked, used)
    cells = used.groupby([*GROUP, "run", "seed"])[METRICS].mean()
    over_seeds = cells.groupby([*GROUP, "run"]).mean().groupby(GROUP)
    over_runs = cells.groupby([*GROUP, "seed"]).mean().groupby(GROUP)
    values = pd.concat([over_seeds.mean(), over_seeds.std().add_suffix("_std")], axis=1)
    values = pd.concat([values, over_runs.std().add_suffix("_std_seeds")], axis=1).reindex(reasons.index)
    order = [f"{metric}{part}" for metric in METRICS for part in ("", "_std", "_std_seeds")]
    values = values[order].astype(float)
    values.loc[reasons != ""] = np.nan
    counts = {
        "subsets": used.groupby(GROUP)["subset"].nunique().reindex(reasons.index, fill_value=0),
        "subsets_all": _repeated(marked.groupby(["task", "question", "truth"])["subset"].nunique(), reasons.index),
        "seeds": marked.groupby(GROUP)["seed"].nunique(),
        "runs": marked.groupby(GROUP)["run"].nunique(),
    }
    return pd.DataFrame({**values, **counts, "reason": reasons}).reset_index()


def seed_values(scores: pd.DataFrame) -> pd.DataFrame:
    """Scores that are ok by (task, method, hyperparameters, seed): means over the subsets, then over the runs."""
    ok = scores[scores["status"] == "ok"]
    key = ["task", "method", "hyperparameters", "seed"]
    return ok.groupby([*key, "run"])[METRICS].mean().groupby(key).mean().reset_index()


def _marked(scores: pd.DataFrame, attempts: pd.DataFrame) -> pd.DataFrame:
    """Scores and, for each failed attempt, a row where it would have had a score, with flags instead of reasons.

    ``failed``, ``flat`` (estimate without variance), ``ok``, ``lone`` (no other seed) and ``no_truth``: no method can
    be scored on this subset with this truth.
    """
    failed = attempts.loc[attempts["status"] == "failed", ["task", "method", "hyperparameters", "seed", "run"]]
    places = scores[["task", "question", "truth", "subset"]].drop_duplicates()
    lost = failed.merge(places, on="task").assign(status="failed", reason="")
    rows = pd.concat([scores, lost], ignore_index=True) if len(lost) else scores
    undefined = rows["status"] == "undefined"
    no_truth = undefined & rows["reason"].str.startswith("truth")
    place = [rows[name] for name in ("task", "truth", "seed", "subset")]
    return rows.drop(columns=["status", "reason"]).assign(
        failed=rows["status"] == "failed",
        flat=undefined & (rows["reason"] == "estimate is the same for every dataset"),
        ok=(rows["status"] == "ok") & rows[METRICS].notna().all(axis=1),
        lone=(rows["reason"] == f"truth {NEEDS_SEEDS}").groupby(place).transform("any"),
        no_truth=no_truth.groupby(place).transform("any"),
    )


def _repeated(by_task: pd.Series, index: pd.Index) -> pd.Series:
    """Values by (task, question, truth) for every row of a frame indexed by `GROUP`."""
    keys = index.to_frame(index=False)[["task", "question", "truth"]]
    return pd.Series(by_task.reindex(pd.MultiIndex.from_frame(keys), fill_value=0).to_numpy(), index=index)


def _reasons(marked: pd.DataFrame, used: pd.DataFrame) -> pd.Series:
    """By `GROUP`, why there is no aggregate over the cells in which the truth varies; "" where there is one."""
    groups = marked.groupby(GROUP)
    index = groups.size().index
    table = ["task", "question", "truth"]
    cells = used[[*table, "seed", "subset"]].drop_duplicates()
    attempts = marked.groupby([*GROUP, "seed", "run"])["failed"].any().groupby(GROUP)
    figures = pd.DataFrame(
        {
            "cells": _repeated(cells.groupby(table).size(), index),
            "subsets": _repeated(cells.groupby(table)["subset"].nunique(), index),
            "lone": groups["lone"].any(),
            "attempts": attempts.size(),
            "failed": attempts.sum(),
            "flat": used[used["flat"]].groupby(GROUP)["subset"].nunique(),
            "lost": used[~used["ok"]].groupby(GROUP)["subset"].nunique(),
            "fewest": used.groupby([*GROUP, "run"]).size().groupby(GROUP).min(),
        },
        index=index,
    )
    counts = figures.fillna(0).astype(int)
    return pd.Series([_reason(row) for row in counts.itertuples()], index=index, dtype=object)


def _reason(row: Any) -> str:
    if not row.cells:
        return NEEDS_SEEDS if row.lone else "the truth is the same for every dataset on all subsets"
    if row.failed:
        return f"failed in {row.failed} of {row.attempts} attempts"
    if row.flat:
        return f"estimates are constant on {row.flat} of {row.subsets} subsets"
    if row.lost:
        return f"estimates cannot be scored on {row.lost} of {row.subsets} subsets"
    missing = row.cells - row.fewest
    return f"no scores in {missing} of {row.cells} cells of seed and subset" if missing > 0 else ""


def summarise_reliability(reliability: pd.DataFrame) -> pd.DataFrame:
    """One row for each task: ``reliability`` R of the seed-averaged truth, mean over the subsets that have it.

    ``subsets`` counts these, ``subsets_all`` all; without any, R is NaN and ``reason`` tells why.
    """
    rows = []
    for task, cells in reliability.groupby("task", sort=True):
        defined = cells.dropna(subset=["reliability"])
        reasons = cells.loc[cells["reliability"].isna(), "reason"]
        rows.append(
            {
                "task": task,
                "definition": cells["definition"].iloc[0],
                "seeds": int(cells["seeds"].max()),
                "mean_r": defined["mean_r"].mean(),
                "reliability": defined["reliability"].mean(),
                "subsets": len(defined),
                "subsets_all": len(cells),
                "reason": "" if len(defined) else str(reasons.iloc[0]),
            }
        )
    names = ["task", "definition", "seeds", "mean_r", "reliability", "subsets", "subsets_all", "reason"]
    return pd.DataFrame(rows, columns=names)


def summarise_costs(attempts: pd.DataFrame) -> pd.DataFrame:
    """One row for each (task, method): mean ``seconds`` and ``training_equivalents``, largest ``peak_rss`` (bytes)."""
    return (
        attempts[attempts["status"] == "ok"]
        .groupby(["task", "method"], sort=True)
        .agg(
            seconds=("seconds", "mean"),
            peak_rss=("peak_rss", "max"),
            tokens=("tokens", "mean"),
            training_equivalents=("training_equivalents", "mean"),
        )
        .reset_index()
    )


def failures(attempts: pd.DataFrame) -> pd.DataFrame:
    """One row for each failed attempt: task, method, hyperparameters, seed, run and its ``cause``."""
    key = ["task", "method", "hyperparameters", "seed", "run"]
    return attempts.loc[attempts["status"] == "failed", [*key, "cause"]].sort_values(key).reset_index(drop=True)


def row_labels(scores: pd.DataFrame) -> dict[tuple[str, str], str]:
    """What to call each (method, hyperparameters): its name, with the hyperparameters where the name is not unique."""
    pairs = scores[["method", "hyperparameters"]].drop_duplicates()
    shared = set(pairs.loc[pairs["method"].duplicated(), "method"])
    return {(m, h): f"{m} {h}" if m in shared else m for m, h in pairs.itertuples(index=False)}


def is_reference(method: str, manifest: Mapping[str, Any]) -> bool:
    """Whether a method is a reference row: chance and sizes, which must be beaten, or the true retraining."""
    methods = manifest.get("methods")
    about = methods.get(method) if isinstance(methods, Mapping) else None
    return method in REFERENCES or bool(isinstance(about, Mapping) and about.get("reference"))


def ranked(scores: pd.DataFrame, manifest: Mapping[str, Any]) -> list[tuple[str, str]]:
    """(method, hyperparameters) in the order of rows: by mean Pearson over tasks; undefined and references last.

    Args:
        scores: the rows of `summarise_scores` that rank.
    """
    means = scores.groupby(["method", "hyperparameters"], sort=True)["pearson"].agg(["mean", "size", "count"])

    def place(key: tuple[str, str]) -> tuple[bool, bool, float, tuple[str, str]]:
        row: Any = means.loc[key]
        mean = -np.inf if np.isnan(row["mean"]) else float(row["mean"])
        return is_reference(key[0], manifest), row["count"] < row["size"], -mean, key

    return sorted(means.index.tolist(), key=place)
