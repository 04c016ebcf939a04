"""What the command line shows of result tables: scores of a run, and what moved between two."""

import math

import pandas as pd
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from lodo.reports.comparison import compare, truth_drift
from lodo.reports.formats import number
from lodo.reports.summary import summarise
from lodo.reports.tables import Tables


def show_scores(tables: Tables, console: Console) -> None:
    """The scores against the seed-averaged truth, a table for each family of tasks, with R and its root."""
    summary = summarise(tables)
    scores = summary.scores[summary.scores["truth"] == "mean"]
    means = scores.groupby("method")["pearson"].mean().sort_values(ascending=False, na_position="last")
    ceilings = summary.ceilings.set_index("task")
    tasks = sorted(scores["task"].unique())
    console.print("Pearson with the seed-averaged truth, mean ± std over runs", highlight=False)
    for family in dict.fromkeys(task.partition("/")[0] for task in tasks):
        members = [task for task in tasks if task.partition("/")[0] == family]
        table = Table(box=None, pad_edge=False)
        table.add_column(escape(family))
        for task in members:
            table.add_column(escape(task.partition("/")[2]), justify="right")
        for method in means.index:
            rows = (scores[(scores["task"] == task) & (scores["method"] == method)].iloc[0] for task in members)
            table.add_row(escape(str(method)), *map(_score, rows))
        for label, column in (("R", "reliability"), ("√R", "ceiling")):
            values = [ceilings.loc[task, column] for task in members]
            table.add_row(label, *("—" if pd.isna(value) else f"{value:.2f}" for value in values), style="dim")
        console.print(table)
    console.print("R: reliability of the truth. √R: the most that a method can expect.", highlight=False, style="dim")


def _score(row: pd.Series) -> str:
    if pd.isna(row["pearson"]):
        return "failed" if row["reason"].startswith("failed") else "undefined"
    return f"{row['pearson']:.2f}" + ("" if pd.isna(row["pearson_std"]) else f" ± {row['pearson_std']:.2f}")


def show_comparison(old: Tables, new: Tables, console: Console) -> bool:
    """`lodo compare`; whether nothing got worse. Raises ReportError if the runs have no task in common."""
    colours = {"worse": "red", "fails": "red", "better": "green", "same": "dim"}
    table = Table(box=None, pad_edge=False)
    for column in ("task", "method", "before", "after", "95 % interval", "pairs", "drift", ""):
        table.add_column(
            column, justify="left" if column in ("task", "method", "") else "right", no_wrap=column not in ("task", "")
        )
    found = compare(old, new)
    for change in found:
        interval = "–" if math.isnan(change.low) else f"{number(change.low)} to {number(change.high)}"
        colour = colours.get(change.verdict, "yellow")
        table.add_row(
            escape(change.task),
            escape(change.method),
            number(change.old),
            number(change.new),
            interval,
            str(change.pairs),
            "–" if math.isnan(change.drift) else f"{change.drift:.0e}",
            f"[{colour}]{change.verdict}[/]",
        )
    console.print(table)
    truth = truth_drift(old, new)
    if truth != 0:
        what = "nothing to compare them by" if math.isnan(truth) else f"by up to {truth:.0e} of the largest influence"
        console.print(f"the ground truths differ ({what}): differences of scores are not the methods' alone")
    worse = sum(change.regression for change in found)
    console.print(f"{worse} of {len(found)} got worse", highlight=False)
    console.print(
        "95 % interval: of after - before, over pairs of the same seed and run. Drift: largest change of an influence, "
        "relative to the largest.",
        highlight=False,
        style="dim",
    )
    return not worse
