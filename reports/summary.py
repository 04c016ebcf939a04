"""From result tables to the numbers that pages show: aggregated scores, ceilings, costs, failures."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from lodo.reports.tables import Tables

METRICS = ("pearson", "spearman")
GROUP = ["task", "method", "hyperparameters", "truth"]
REFERENCES = ("random", "dataset-size")


@dataclass(frozen=True)
class Summary:
    """What the pages show, one frame each; the columns are those of the functions of the same name."""

    scores: pd.DataFrame
    ceilings: pd.DataFrame
    costs: pd.DataFrame
    failures: pd.DataFrame


def summarise(tables: Tables) -> Summary:
    """All summaries of a run's tables."""
    return Summary(
        summarise_scores(tables.scores),
        summarise_reliability(tables.reliability),
        summarise_costs(tables.costs),
        failures(tables.scores),
    )


def summarise_scores(scores: pd.DataFrame) -> pd.DataFrame:
    """One row for each (task, method, hyperparameters, truth).

    A correlation is averaged over the subsets, then over the seeds; that is a run's value. ``pearson`` and
    ``spearman`` are the means over the runs, ``*_std`` the standard deviations over the runs (ddof 1, NaN for one run),
    ``*_std_seeds`` those over the seeds, each seed's value averaged over the runs. ``subsets`` counts the subsets
    used, ``subsets_all`` all of them, ``seeds`` and ``runs`` what was averaged.

    Subsets whose truth has no variance are left out for every method. A method that is constant, failed or absent
    where another was scored has no aggregate (NaN) and a ``reason``: nobody gains by abstaining.
    """
    marked = _mark_truth(scores)
    rows = []
    for _, cells in marked.groupby(["task", "truth"], sort=True):
        wanted = cells.loc[~cells["no_truth"], ["seed", "subset"]].drop_duplicates()
        total = cells["subset"].nunique()
        for key, own in cells.groupby(GROUP, sort=True):
            rows.append(dict(zip(GROUP, key, strict=True)) | _aggregate(own, wanted, total))
    columns = [*GROUP, *(f"{metric}{part}" for metric in METRICS for part in ("", "_std", "_std_seeds"))]
    return pd.DataFrame(rows, columns=[*columns, "subsets", "subsets_all", "seeds", "runs", "reason"])


def _mark_truth(scores: pd.DataFrame) -> pd.DataFrame:
    """Scores with flags for strings: ``failed``, ``flat`` (estimate without variance), ``ok``, and ``no_truth``.

    ``no_truth``: no method can be scored on this subset with this seed's truth.
    """
    undefined = scores["status"] == "undefined"
    no_truth = undefined & scores["reason"].str.startswith("truth")
    # The averaged truth is one for all seeds, a seed's own truth is flat for that seed only.
    seed = scores["seed"].where(scores["truth"] == "own", -1)
    return scores.drop(columns=["status", "reason"]).assign(
        subset=pd.factorize(scores["subset"])[0],
        failed=scores["status"] == "failed",
        flat=undefined & ~no_truth,
        ok=(scores["status"] == "ok") & scores[list(METRICS)].notna().all(axis=1),
        no_truth=no_truth.groupby([scores["task"], scores["truth"], seed, scores["subset"]]).transform("any"),
    )


def _aggregate(own: pd.DataFrame, wanted: pd.DataFrame, total: int) -> dict[str, Any]:
    used = own[~own["no_truth"]]
    counts = {
        "subsets": used["subset"].nunique(),
        "subsets_all": total,
        "seeds": own["seed"].nunique(),
        "runs": own["run"].nunique(),
    }
    reason = _why_undefined(used, wanted)
    if reason:
        empty = {f"{metric}{part}": np.nan for metric in METRICS for part in ("", "_std", "_std_seeds")}
        return {**empty, **counts, "reason": reason}
    cells = used.groupby(["run", "seed"])[list(METRICS)].mean()
    over_seeds, over_runs = cells.groupby("run").mean(), cells.groupby("seed").mean()
    values: dict[str, Any] = {}
    for metric in METRICS:
        values[metric] = float(over_seeds[metric].mean())
        values[f"{metric}_std"] = float(over_seeds[metric].std(ddof=1))
        values[f"{metric}_std_seeds"] = float(over_runs[metric].std(ddof=1))
    return {**values, **counts, "reason": ""}


def _why_undefined(used: pd.DataFrame, wanted: pd.DataFrame) -> str:
    """Why there is no aggregate over the cells in which the truth varies; "" if there is one."""
    if wanted.empty:
        return "the truth is the same for every dataset on all subsets"
    attempts = used.groupby(["seed", "run"])["failed"].any()
    if attempts.any():
        return f"failed in {attempts.sum()} of {len(attempts)} attempts"
    subsets = wanted["subset"].nunique()
    flat = used.loc[used["flat"], "subset"].nunique()
    if flat:
        return f"estimates are constant on {flat} of {subsets} subsets"
    lost = used.loc[~used["ok"], "subset"].nunique()
    if lost:
        return f"scores are not numbers on {lost} of {subsets} subsets"
    fewest = int(used.groupby("run").size().min()) if len(used) else 0
    return (
        f"no scores in {len(wanted) - fewest} of {len(wanted)} cells of seed and subset" if fewest < len(wanted) else ""
    )


def summarise_reliability(reliability: pd.DataFrame) -> pd.DataFrame:
    """One row for each task: ``reliability`` R and ``ceiling`` sqrt(R), means over the subsets that have them.

    ``subsets`` counts these, ``subsets_all`` all; without any, R is NaN and ``reason`` tells why.
    """
    rows = []
    for task, found in reliability.groupby("task", sort=True):
        defined = found.dropna(subset=["reliability"])
        reasons = found.loc[found["reliability"].isna(), "reason"]
        rows.append(
            {
                "task": task,
                "definition": found["definition"].iloc[0],
                "seeds": int(found["seeds"].max()),
                "mean_r": defined["mean_r"].mean(),
                "reliability": defined["reliability"].mean(),
                "ceiling": defined["ceiling"].mean(),
                "subsets": len(defined),
                "subsets_all": len(found),
                "reason": "" if len(defined) else str(reasons.iloc[0]),
            }
        )
    names = ["task", "definition", "seeds", "mean_r", "reliability", "ceiling", "subsets", "subsets_all", "reason"]
    return pd.DataFrame(rows, columns=names)


def summarise_costs(costs: pd.DataFrame) -> pd.DataFrame:
    """One row for each (task, method): mean ``seconds`` and ``training_equivalents``, largest ``peak_rss`` (bytes)."""
    return (
        costs.groupby(["task", "method"], sort=True)
        .agg(
            seconds=("seconds", "mean"),
            peak_rss=("peak_rss", "max"),
            tokens=("tokens", "mean"),
            training_equivalents=("training_equivalents", "mean"),
        )
        .reset_index()
    )


def failures(scores: pd.DataFrame) -> pd.DataFrame:
    """One row for each failed attribution: task, method, hyperparameters, seed, run, its cause as ``reason``."""
    key = ["task", "method", "hyperparameters", "seed", "run"]
    found = scores.loc[scores["status"] == "failed", [*key, "reason"]]
    return found.drop_duplicates(key).sort_values(key).reset_index(drop=True)


def row_labels(scores: pd.DataFrame) -> dict[tuple[str, str], str]:
    """What to call each (method, hyperparameters): its name, with the hyperparameters where the name is not unique."""
    pairs = scores[["method", "hyperparameters"]].drop_duplicates()
    shared = set(pairs.loc[pairs["method"].duplicated(), "method"])
    return {(m, h): f"{m} {h}" if m in shared else m for m, h in pairs.itertuples(index=False)}


def is_reference(method: str, manifest: Mapping[str, Any]) -> bool:
    """Whether a method is a reference row: what must be beaten without looking at the model."""
    methods = manifest.get("methods")
    about = methods.get(method) if isinstance(methods, Mapping) else None
    return method in REFERENCES or bool(isinstance(about, Mapping) and about.get("reference"))


def ranked(scores: pd.DataFrame, manifest: Mapping[str, Any]) -> list[tuple[str, str]]:
    """(method, hyperparameters) in the order of rows: by mean Pearson over tasks; undefined and references last."""
    against_mean = scores[scores["truth"] == "mean"]
    found = against_mean.groupby(["method", "hyperparameters"], sort=True)["pearson"].agg(["mean", "size", "count"])

    def place(key: tuple[str, str]) -> tuple[bool, bool, float, tuple[str, str]]:
        row: Any = found.loc[key]
        mean = -np.inf if np.isnan(row["mean"]) else float(row["mean"])
        return is_reference(key[0], manifest), row["count"] < row["size"], -mean, key

    return sorted(found.index.tolist(), key=place)
