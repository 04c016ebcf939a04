"""What the command line shows of result tables: scores of a run, and what moved between two."""

import math
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import pandas as pd
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from lodo.benchmark.voice import show_table
from lodo.reports.comparison import compare, compared_truth, truth_drift
from lodo.reports.derive import Question, Reading
from lodo.reports.formats import number, with_interval
from lodo.reports.leaving import Answered, again_over, answered
from lodo.reports.summary import is_reference, ranked, summarise
from lodo.reports.tables import Tables

SCORE = len("-0.81 [-0.88, -0.72]")


def show_scores(tables: Tables, console: Console, question: Question = "as_in_paper") -> None:
    """The scores that rank, a table for each family of tasks, with the true retraining and R."""
    summary = summarise(tables, question)
    scores = summary.ranking
    known = summary.reliability.set_index("task")["reliability"]
    tasks = sorted(scores["task"].unique())
    against = (
        "the other seeds' truth" if summary.truth == "others" else "the own model's truth, for want of another seed"
    )
    again = "[95 % interval: new seeds and redraws]"
    console.print(f"Pearson with {against} {again} ({question})", markup=False, highlight=False, soft_wrap=True)
    given = answered(tables, question, summary.truth)
    methods = dict.fromkeys(method for method, _ in ranked(scores, tables.manifest))
    names = max(map(len, (*methods, *(task.partition("/")[0] for task in tasks))), default=0)
    for members in _blocks(tasks, console.width - names):
        family = members[0].partition("/")[0]
        table = Table(box=None, pad_edge=False)
        table.add_column(escape(family), no_wrap=True)
        for task in members:
            table.add_column(escape(task.partition("/")[2]), justify="right", no_wrap=True)
        for method in methods:
            rows = (scores[(scores["task"] == task) & (scores["method"] == method)].iloc[0] for task in members)
            style = "dim" if is_reference(method, tables.manifest) else None
            cells = [_score(row, given.get((method, row["hyperparameters"]), {}), summary.truth) for row in rows]
            table.add_row(escape(method), *map(escape, cells), style=style)
        values = [known.get(task) for task in members]
        table.add_row("R", *("—" if pd.isna(value) else f"{value:.2f}" for value in values), style="dim")
        show_table(console, table)
    console.print(
        "retraining: the true leave-out of a seed as an estimate. R: reliability of the seed-averaged truth.",
        highlight=False,
        style="dim",
        soft_wrap=True,
    )


def _blocks(tasks: Sequence[str], width: int) -> Iterator[list[str]]:
    """Tasks that stand beside each other: of one family, as many as a width has room for and one at least."""
    block: list[str] = []
    used = 0
    for task in tasks:
        family, _, test = task.partition("/")
        needed = max(len(test), SCORE) + 2
        if block and (block[0].partition("/")[0] != family or used + needed > width):
            yield block
            block, used = [], 0
        block.append(task)
        used += needed
    if block:
        yield block


def show_speeds(tables: Tables, console: Console) -> None:
    """How fast the trainings' steps are, where that was measured, a line for each task."""
    for task, speed in tables.manifest.get("throughput", {}).items():
        console.print(f"speed of {task}: {_speed(speed)}", markup=False, highlight=False, soft_wrap=True)


def _speed(speed: Mapping[str, Any]) -> str:
    if "cause" in speed:
        return f"not measured: {speed['cause']}"
    mfu, ratio = speed["mfu"], speed["time_ratio"]
    return (
        f"{speed['tokens_per_second']:,.0f} tokens/s on {speed['device']}, "
        f"{f'MFU {mfu:.2f}' if mfu is not None else speed['mfu_absent']}, "
        f"{speed['lodo']['peak_bytes'] / 2**30:.3g} GiB, "
        + (f"{ratio:.2f} of the time that transformers' Trainer takes" if ratio else speed["trainer_absent"])
    )


def _score(row: pd.Series, given: Mapping[str, Answered], truth: Reading) -> str:
    if pd.isna(row["pearson"]):
        return "failed" if row["reason"].startswith("failed") else "undefined"
    interval = again_over([given[row["task"]]], truth)
    return with_interval(row["pearson"], interval.low, interval.high)


def show_comparison(old: Tables, new: Tables, console: Console, question: Question = "as_in_paper") -> bool:
    """`lodo compare`; whether nothing got worse. Raises ReportError if the runs have no task in common."""
    colours = {"worse": "red", "fails": "red", "better": "green"}
    changes = compare(old, new, question)
    moved = [change for change in changes if change.verdict != "same"]
    for task in dict.fromkeys(change.task for change in moved):
        table = Table(box=None, pad_edge=False)
        for column in ("method", "before", "after", "95 % interval", "seeds", "drift", ""):
            table.add_column(column, justify="left" if column in ("method", "") else "right", no_wrap=True)
        for change in (change for change in moved if change.task == task):
            interval = "–" if math.isnan(change.low) else f"{number(change.low)} to {number(change.high)}"
            colour = colours.get(change.verdict, "yellow")
            table.add_row(
                escape(change.method),
                number(change.old),
                number(change.new),
                interval,
                str(change.seeds),
                "–" if math.isnan(change.drift) else f"{change.drift:.0e}",
                f"[{colour}]{change.verdict}[/]",
            )
        console.print(escape(task), highlight=False, soft_wrap=True)
        show_table(console, table)
    if compared_truth(old, new) == "own":
        console.print(
            "scores are against the own model's truth: one of the runs has one seed only",
            highlight=False,
            soft_wrap=True,
        )
    truth = truth_drift(old, new)
    if truth != 0:
        what = "nothing to compare them by" if math.isnan(truth) else f"by up to {truth:.0e} of the largest influence"
        console.print(
            f"the ground truths differ ({what}): differences of scores are not the methods' alone",
            soft_wrap=True,
        )
    worse = sum(change.regression for change in changes)
    unmoved = len(changes) - len(moved)
    console.print(f"{worse} of {len(changes)} got worse, {unmoved} stayed as they were", highlight=False)
    console.print(
        "95 % interval: of after - before, over the seeds that both have, each the mean of the same runs. Drift: the "
        "largest change of an influence, relative to the largest.",
        highlight=False,
        style="dim",
        soft_wrap=True,
    )
    return not worse
