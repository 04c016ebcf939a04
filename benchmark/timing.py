"""How long work is likely to take: from like work in the store, else from a rough count of operations."""

import json
from statistics import median

from lodo.benchmark.plan import Plan
from lodo.benchmark.scheduler import Chain
from lodo.benchmark.store import Store
from lodo.tasks.spec import Task

# Multiply-adds a second that one CPU thread has been seen to reach on models this small; only for a first guess.
OPERATIONS_PER_SECOND = 3.5e10


def rough_training_seconds(task: Task) -> float:
    """A training's length from 6 operations per parameter and token (Kaplan et al. 2020)."""
    model = task.model
    per_layer = 4 * model.width**2 + 2 * model.width * model.feedforward
    parameters = model.layers * per_layer + task.tokenizer.vocabulary * model.width
    tokens = task.recipe.steps * task.recipe.batch_size * task.recipe.sequence_length
    return 6 * parameters * tokens / OPERATIONS_PER_SECOND


def expected_seconds(plan: Plan, store: Store, jobs: int) -> tuple[float, str]:
    """Seconds that the work not yet in the store is likely to take, and on what the guess rests."""
    missing = [chain for chain in plan.chains if not all(store.has(work.job) for work in chain.works)]
    cost = sum(chain.cost for chain in missing)
    known = _recorded(store, plan.chains)
    rough = median(rough_training_seconds(task) for task in plan.tasks)
    seconds, basis = (known, "as trainings of this run took so far") if known else (rough, "a rough guess")
    return cost * seconds / max(1, min(jobs, len(missing) or 1)), basis


def _recorded(store: Store, chains: tuple[Chain, ...]) -> float | None:
    """Median seconds that trainings of the plan in the store took, if there are any."""
    found = []
    for chain in chains:
        for work in chain.works:
            path = store.path(work.job) / "seconds.json"
            if work.job.kind == "training" and path.exists():
                found.append(float(json.loads(path.read_text())))
    return median(found) if found else None
