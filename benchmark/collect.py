"""From the store's entries to result tables: truth, estimates, scores, costs, reliability, trainings."""

import dataclasses
from collections import defaultdict
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from lodo.benchmark.kinds.estimate import ANSWER, COST, OBSERVED_RUN
from lodo.benchmark.kinds.evaluation import LOSS
from lodo.benchmark.kinds.forgetting import FIGURES
from lodo.benchmark.kinds.kind import FAILURE
from lodo.benchmark.kinds.training import LOG
from lodo.benchmark.plan import Cell, Plan
from lodo.benchmark.scoring import reliability, score
from lodo.benchmark.store import Job, Store
from lodo.tasks.spec import canonical_json

Frames = dict[str, pd.DataFrame]
Rows = dict[str, list[dict[str, Any]]]


def collect(store: Store, plan: Plan) -> Rows:
    """Rows of every result table. Everything that the plan names must be in the store."""
    rows: Rows = defaultdict(list)
    truths: dict[str, dict[int, np.ndarray]] = defaultdict(dict)
    for cell in plan.cells:
        truths[cell.task.name][cell.seed] = _truth(store, plan, cell, rows)
        _forgetting(store, cell, rows)
    for task in plan.tasks:
        _reliability(plan, task.name, list(plan.infos[task].subsets[task.test_set.name]), truths[task.name], rows)
        for subset, content in plan.infos[task].subsets[task.test_set.name].items():
            rows["subsets"].append(
                {
                    "task": task.name,
                    "subset": subset,
                    "examples": content.examples,
                    "wanted": content.wanted,
                    "tokens": content.scored,
                }
            )
    for cell in plan.cells:
        _estimates(store, plan, cell, truths[cell.task.name], rows)
    return rows


def _loss(store: Store, job: Job) -> float:
    return LOSS.read(store.open(job)).loss


def _truth(store: Store, plan: Plan, cell: Cell, rows: Rows) -> np.ndarray:
    """The ground truth (K, S) of one task and seed, and its rows."""
    subsets = list(plan.infos[cell.task].subsets[cell.task.test_set.name])
    names = cell.task.mixture.names
    base = {subset: _loss(store, cell.losses[None, subset]) for subset in subsets}
    truth = np.empty((len(names), len(subsets)))
    means: dict[str | None, float] = {None: float(np.mean(list(base.values())))}
    for i, name in enumerate(names):
        losses = {subset: _loss(store, cell.losses[name, subset]) for subset in subsets}
        means[name] = float(np.mean(list(losses.values())))
        for j, subset in enumerate(subsets):
            truth[i, j] = losses[subset] - base[subset]
            rows["ground_truth"].append(
                {
                    "task": cell.task.name,
                    "definition": plan.request.definition,
                    "seed": cell.seed,
                    "dataset": name,
                    "subset": subset,
                    "base_loss": base[subset],
                    "counterfactual_loss": losses[subset],
                    "influence": truth[i, j],
                }
            )
    untrained = float(np.mean([_loss(store, cell.untrained[subset]) for subset in subsets]))
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
                "test_loss": means[left_out],
                "first_loss": losses_seen[0],
                "last_loss": sum(tail) / len(tail),
            }
        )
    return truth


def _forgetting(store: Store, cell: Cell, rows: Rows) -> None:
    """What the base model and the truly retrained ones know of each dataset's text."""
    for left_out, job in cell.forgetting.items():
        found = FIGURES.read(store.open(job))
        model = "trained" if left_out is None else "retrained"
        for dataset, figures in found.items():
            key = {"task": cell.task.name, "model": model, "hyperparameters": "", "seed": cell.seed}
            rows["forgetting"].append({**key, "dataset": dataset, **figures})


def _reliability(plan: Plan, task: str, subsets: list[str], truths: Mapping[int, np.ndarray], rows: Rows) -> None:
    for j, subset in enumerate(subsets):
        found = reliability([truth[:, j] for truth in truths.values()])
        rows["reliability"].append(
            {
                "task": task,
                "definition": plan.request.definition,
                "subset": subset,
                "seeds": len(truths),
                "mean_r": found.mean_r,
                "reliability": found.reliability,
                "ceiling": found.ceiling,
                "reason": found.reason,
            }
        )


def _estimates(store: Store, plan: Plan, cell: Cell, truths: Mapping[int, np.ndarray], rows: Rows) -> None:
    subsets = list(plan.infos[cell.task].subsets[cell.task.test_set.name])
    references = {"mean": np.mean(list(truths.values()), axis=0), "own": truths[cell.seed]}
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
            cause = FAILURE.read(folder).cause
            for truth in references:
                for subset in subsets:
                    rows["scores"].append(
                        {**key, "truth": truth, "subset": subset, "pearson": None, "spearman": None}
                        | {"status": "failed", "reason": cause}
                    )
            continue
        answer = ANSWER.read(folder)
        influence = np.array(answer.influence)
        steps = answer.steps
        layers = [(None, influence)] if steps is None else list(zip(steps, influence, strict=True))
        for step, layer in layers:
            for i, dataset in enumerate(cell.task.mixture.names):
                for j, subset in enumerate(subsets):
                    rows["estimates"].append(
                        {**key, "step": step, "dataset": dataset, "subset": subset, "influence": layer[i, j]}
                    )
        final = layers[-1][1]
        for name, truth in references.items():
            for subset, found in zip(subsets, score(final, truth), strict=True):
                rows["scores"].append(
                    {**key, "truth": name, "subset": subset, "pearson": found.pearson, "spearman": found.spearman}
                    | {"status": found.status, "reason": found.reason}
                )
        unlearned = store.open(cell.unlearned[index]) if run == OBSERVED_RUN else None
        if unlearned and not FAILURE.lies_in(unlearned):
            for dataset, figures in FIGURES.read(unlearned).items():
                about = {name: key[name] for name in ("task", "hyperparameters", "seed")}
                rows["forgetting"].append({**about, "model": method.name, "dataset": dataset, **figures})
        cost = dataclasses.asdict(COST.read(folder))
        del key["hyperparameters"]
        rows["costs"].append({**key, **cost})
