"""From the store's entries to the facts of the result tables: losses, estimates, attempts, trainings, sizes."""

import dataclasses
from collections import defaultdict
from typing import Any

import numpy as np

from lodo.benchmark.kinds.estimate import ANSWER, COST
from lodo.benchmark.kinds.evaluation import LOSS
from lodo.benchmark.kinds.forgetting import FIGURES
from lodo.benchmark.kinds.kind import FAILURE, SPENT
from lodo.benchmark.kinds.throughput import THROUGHPUT
from lodo.benchmark.kinds.training import LOG
from lodo.benchmark.plan import Cell, Plan
from lodo.benchmark.specifications import OBSERVED_RUN
from lodo.benchmark.store import Job, Store
from lodo.reports.schema import RETRAINING
from lodo.tasks.spec import Task, canonical_json

Rows = dict[str, list[dict[str, Any]]]
NO_HYPERPARAMETERS = canonical_json({})


def collect(store: Store, plan: Plan) -> Rows:
    """Rows of every table of facts. Everything that the plan names must be in the store."""
    rows: Rows = defaultdict(list)
    for task in plan.tasks:
        _sizes(plan, task, rows)
    for cell in plan.cells:
        losses = _losses(store, cell, _subsets(plan, cell.task))
        _truth(plan, cell, losses, rows)
        _trainings(store, cell, losses, rows)
        _retraining(store, cell, losses, rows)
        _forgetting(store, cell, rows)
        _attempts(store, plan, cell, rows)
    return rows


def _subsets(plan: Plan, task: Task) -> list[str]:
    return list(plan.infos[task].subsets[task.test_set.name])


def speeds(store: Store, plan: Plan) -> dict[str, Any]:
    """What the manifest says of the trainings' speed: under ``throughput`` by task its figures, or why there are none.

    Nothing where none was asked for.
    """
    figures: dict[str, Any] = {}
    for task, job in plan.throughput.items():
        folder = store.open(job)
        failed = FAILURE.lies_in(folder)
        figures[task.name] = dataclasses.asdict(FAILURE.read(folder) if failed else THROUGHPUT.read(folder))
    return {"throughput": figures} if figures else {}


def _sizes(plan: Plan, task: Task, rows: Rows) -> None:
    """How large the training datasets and the test subsets are."""
    rows["datasets"] += [
        {"task": task.name, "dataset": item.name, "slots": item.slots} for item in task.mixture.datasets
    ]
    rows["subsets"] += [
        {
            "task": task.name,
            "subset": subset,
            "examples": content.examples,
            "wanted": content.wanted,
            "tokens": content.scored,
        }
        for subset, content in plan.infos[task].subsets[task.test_set.name].items()
    ]


def _loss(store: Store, job: Job) -> float:
    return LOSS.read(store.open(job)).loss


def _losses(store: Store, cell: Cell, subsets: list[str]) -> dict[str | None, dict[str, float]]:
    """Test losses by left-out dataset (None: nothing was left out) and subset, nats per token."""
    return {
        name: {subset: _loss(store, cell.losses[name, subset]) for subset in subsets}
        for name in (None, *cell.task.mixture.names)
    }


def _truth(plan: Plan, cell: Cell, losses: dict[str | None, dict[str, float]], rows: Rows) -> None:
    base = losses[None]
    rows["ground_truth"] += [
        {
            "task": cell.task.name,
            "definition": plan.request.definition,
            "seed": cell.seed,
            "dataset": name,
            "subset": subset,
            "base_loss": base[subset],
            "counterfactual_loss": losses[name][subset],
            "influence": losses[name][subset] - base[subset],
        }
        for name in cell.task.mixture.names
        for subset in base
    ]


def _trainings(store: Store, cell: Cell, losses: dict[str | None, dict[str, float]], rows: Rows) -> None:
    untrained = float(np.mean([_loss(store, cell.untrained[subset]) for subset in losses[None]]))
    trained: list[tuple[str | None, Job]] = [(None, cell.base), *cell.left_out.items()]
    for left_out, job in trained:
        log = LOG.read(store.path(job))
        losses_seen = log.losses
        tail = losses_seen[-max(1, len(losses_seen) // 20) :]
        rows["trainings"].append(
            {
                "task": cell.task.name,
                "seed": cell.seed,
                "left_out": left_out,
                "steps": len(losses_seen),
                "tokens": log.tokens,
                "repeats": log.repeats,
                "untrained_loss": untrained if left_out is None else None,
                "test_loss": float(np.mean(list(losses[left_out].values()))),
                "first_loss": losses_seen[0],
                "last_loss": sum(tail) / len(tail),
            }
        )


def _retraining(store: Store, cell: Cell, losses: dict[str | None, dict[str, float]], rows: Rows) -> None:
    """The truth of this seed given as an estimate, at what its K counterfactual trainings cost."""
    key = {
        "task": cell.task.name,
        "method": RETRAINING,
        "hyperparameters": NO_HYPERPARAMETERS,
        "seed": cell.seed,
        "run": 0,
    }
    rows["estimates"] += [
        {**key, "step": None, "dataset": name, "subset": subset, "influence": losses[name][subset] - base}
        for name in cell.task.mixture.names
        for subset, base in losses[None].items()
    ]
    tokens = sum(LOG.read(store.path(job)).tokens for job in cell.left_out.values())
    seconds = sum(SPENT.read(store.path(job)) for job in cell.left_out.values())
    rows["attempts"].append(
        {
            **key,
            "status": "ok",
            "cause": "",
            "seconds": seconds,
            "peak_rss": None,  # a training's memory is not measured
            "tokens": tokens,
            "training_equivalents": tokens / LOG.read(store.path(cell.base)).tokens,
        }
    )


def _forgetting(store: Store, cell: Cell, rows: Rows) -> None:
    """What the base model and the truly retrained ones know of each dataset's text."""
    for left_out, job in cell.forgetting.items():
        by_dataset = FIGURES.read(store.open(job))
        model = "trained" if left_out is None else "retrained"
        for dataset, figures in by_dataset.items():
            key = {"task": cell.task.name, "model": model, "hyperparameters": "", "seed": cell.seed}
            rows["forgetting"].append({**key, "dataset": dataset, **figures})


def _attempts(store: Store, plan: Plan, cell: Cell, rows: Rows) -> None:
    """What the runs of the methods came to: estimates, costs, what was forgotten, or why there is none."""
    subsets = _subsets(plan, cell.task)
    for (index, run), job in cell.estimates.items():
        method = plan.request.methods[index].method
        key = {
            "task": cell.task.name,
            "method": method.name,
            "hyperparameters": canonical_json(method.hyperparameters),
            "seed": cell.seed,
            "run": run,
        }
        folder = store.open(job)
        if FAILURE.lies_in(folder):
            costs = dict.fromkeys(("seconds", "peak_rss", "tokens", "training_equivalents"))
            rows["attempts"].append({**key, "status": "failed", "cause": FAILURE.read(folder).cause, **costs})
            continue
        answer = ANSWER.read(folder)
        influence = np.array(answer.influence)
        steps = answer.steps
        layers = [(None, influence)] if steps is None else list(zip(steps, influence, strict=True))
        rows["estimates"] += [
            {**key, "step": step, "dataset": dataset, "subset": subset, "influence": layer[i, j]}
            for step, layer in layers
            for i, dataset in enumerate(cell.task.mixture.names)
            for j, subset in enumerate(subsets)
        ]
        observed = run == OBSERVED_RUN and index in cell.unlearned
        unlearned = store.open(cell.unlearned[index]) if observed else None
        if unlearned and not FAILURE.lies_in(unlearned):
            for dataset, figures in FIGURES.read(unlearned).items():
                about = {name: key[name] for name in ("task", "hyperparameters", "seed")}
                rows["forgetting"].append({**about, "model": method.name, "dataset": dataset, **figures})
        rows["attempts"].append({**key, "status": "ok", "cause": "", **dataclasses.asdict(COST.read(folder))})
