"""What commands answer with ``--json``, as plain values."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from lodo.benchmark.plan import Plan
from lodo.benchmark.result import Result
from lodo.benchmark.store import Store
from lodo.benchmark.timing import expected_seconds
from lodo.reports.comparison import compare, compared_truth, truth_drift
from lodo.reports.derive import Question
from lodo.reports.summary import summarise
from lodo.reports.tables import Tables


def work_of(plan: Plan, store: Store) -> dict[str, Mapping[str, int]]:
    """By kind, how many jobs a plan takes, how many of them the store has, and the rest."""
    wanted: dict[str, int] = {}
    stored: dict[str, int] = {}
    for chain in plan.chains:
        for work in chain.works:
            kind = work.job.kind
            wanted[kind] = wanted.get(kind, 0) + 1
            stored[kind] = stored.get(kind, 0) + store.has(work.job)
    return {
        kind: {"needed": count, "in_store": stored[kind], "to_do": count - stored[kind]}
        for kind, count in wanted.items()
    }


def plan_content(plan: Plan, store: Store, jobs: int, merged: str) -> dict[str, Any]:
    """What a run would take."""
    guess = expected_seconds(plan, store, jobs)
    return {
        "tasks": [task.name for task in plan.tasks],
        "methods": [choice.name for choice in plan.request.methods],
        "seeds": plan.request.seeds,
        "runs": plan.request.runs,
        "merged": merged,
        "work": work_of(plan, store),
        "seconds": guess.seconds,
        "seconds_by": guess.basis,
        "unknown": guess.unknown,
        "warnings": plan.warnings,
        "lacking": plan.lacking,
    }


def run_content(result: Result, question: Question, store: Store, merged: str) -> dict[str, Any]:
    """What a run came to: the scores that rank, and where the rest lies."""
    return {
        "out": result.page.parent,
        "page": result.page,
        "store": store.root,
        "merged": merged,
        "computed": result.computed,
        "failures": [vars(failed) for failed in result.failures],
        **scores_content(result.tables, question),
    }


def scores_content(tables: Tables, question: Question) -> dict[str, Any]:
    """The scores by which methods rank, and the reliability of the truth that they rank by."""
    summary = summarise(tables, question)
    return {
        "question": question,
        "truth": summary.truth,
        "scores": summary.ranking.to_dict(orient="records"),
        "reliability": summary.reliability.to_dict(orient="records"),
    }


def comparison_content(old: Tables, new: Tables, question: Question) -> dict[str, Any]:
    """What moved between two runs."""
    changes = compare(old, new, question)
    return {
        "question": question,
        "truth": compared_truth(old, new),
        "truth_drift": truth_drift(old, new),
        "worse": sum(change.regression for change in changes),
        "changes": [dataclasses.asdict(change) for change in changes],
    }
