"""What a plan takes before any of it is done: operations, memory of its processes, space in the store."""

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

from lodo.benchmark.footprint import Peak, Size, method_peaks, stored_bytes, training_bytes
from lodo.benchmark.jobs import Work
from lodo.benchmark.kinds.evaluation import EvaluationInputs
from lodo.benchmark.kinds.training import KIND as TRAINING
from lodo.benchmark.machines import Card
from lodo.benchmark.plan import Plan
from lodo.benchmark.store import Store
from lodo.benchmark.timing import training_operations, training_tokens
from lodo.tasks.memory import GIB, free_memory
from lodo.tasks.spec import Task


@dataclass(frozen=True)
class Costs:
    """What a plan takes, about; operations count a multiplication and an addition as two.

    Attributes:
        free: bytes of memory that are free before it begins.
        sizes: by task, its model's.
        trainings: how many there are.
        tokens: of all trainings.
        training_operations, other_operations: of them, and of all that is measured and estimated of their models, as
            far as it is known.
        left: by task, the operations of what is not yet done.
        training_bytes: of a training's process, the largest.
        peaks: of the methods whose memory is known.
        store: bytes of all trainings' checkpoints.
    """

    free: int
    sizes: Mapping[Task, Size]
    trainings: int
    tokens: int
    training_operations: float
    other_operations: float
    left: Mapping[Task, float]
    training_bytes: int
    peaks: tuple[Peak, ...]
    store: int

    @cached_property
    def dearest(self) -> Peak | None:
        """The method whose process takes most."""
        return max(self.peaks, key=lambda peak: peak.bytes, default=None)

    def seconds_on(self, card: Card) -> float:
        """How long what is not yet done takes on one card, about."""
        return sum(
            card.seconds(operations, self.sizes[task].weights, task.recipe.precision)
            for task, operations in self.left.items()
        )


def costs_of(plan: Plan, store: Store) -> Costs:
    """What a plan takes, about, from its counts alone; of the machine only its free memory is asked."""
    free = free_memory()
    sizes = {task: Size.of(task, plan.infos[task].vocabulary) for task in plan.tasks}
    works = {work.job.key: work for chain in plan.chains for work in chain.works}
    trainings, others = _trainings(plan), _others(plan)
    spent = {
        **{key: (task, _of_training(plan, task, unfilled)) for key, (task, unfilled, _) in trainings.items()},
        **{key: (task, _of_other(plan, task, works[key])) for key, task in others.items()},
    }
    left = dict.fromkeys(plan.tasks, 0.0)
    for key, (task, operations) in spent.items():
        left[task] += 0.0 if store.has(works[key].job) else operations
    return Costs(
        free=free,
        sizes=sizes,
        trainings=len(trainings),
        tokens=sum(training_tokens(task, unfilled) for task, unfilled, _ in trainings.values()),
        training_operations=sum(spent[key][1] for key in trainings),
        other_operations=sum(spent[key][1] for key in others),
        left=left,
        training_bytes=max(training_bytes(task, size) for task, size in sizes.items()),
        peaks=tuple(method_peaks(plan, sizes, free)),
        store=sum(stored_bytes(task, sizes[task], base) for task, _, base in trainings.values()),
    )


def _trainings(plan: Plan) -> dict[str, tuple[Task, str | None, bool]]:
    """By key: a task that it is of, the dataset whose slots nobody fills, and whether it is a base training."""
    unfilled = plan.request.definition == "all-examples"
    trainings: dict[str, tuple[Task, str | None, bool]] = {}
    for cell in plan.cells:
        trainings[cell.base.key] = cell.task, None, True
        for name, job in cell.left_out.items():
            trainings.setdefault(job.key, (cell.task, name if unfilled else None, False))
    return trainings


def _others(plan: Plan) -> dict[str, Task]:
    """By key of what is measured and estimated of trained models, a task that it is of."""
    return {
        job.key: cell.task
        for cell in plan.cells
        for jobs in (cell.losses, cell.untrained, cell.forgetting, cell.estimates, cell.unlearned)
        for job in jobs.values()
    }


def _of_training(plan: Plan, task: Task, unfilled: str | None) -> float:
    return training_operations(task, plan.infos[task].vocabulary, unfilled)


def _of_other(plan: Plan, task: Task, work: Work) -> float:
    """Of an evaluation those of reading its tokens, 2 a weight; of all else what the plan says, in trainings."""
    info = plan.infos[task]
    if isinstance(work.inputs, EvaluationInputs):
        tokens = info.subsets[work.inputs.test][work.inputs.subset].tokens
        return 2.0 * task.model.rough_parameters(info.vocabulary) * tokens
    return training_operations(task, info.vocabulary) * work.cost if work.known else 0.0


def memory_warnings(plan: Plan, costs: Costs, store: Store, jobs: int) -> list[str]:
    """A sentence for each method that would want more memory than is free, or one for all processes together.

    On a graphics card nobody is warned: how much memory it has is not known here.
    """
    if plan.request.runtime.device != "cpu":
        return []
    names = {
        job.key: plan.request.methods[index].name for cell in plan.cells for (index, _), job in cell.estimates.items()
    }
    waiting = {
        names.get(work.job.key, TRAINING.name)
        for chain in plan.chains
        for work in chain.works
        if (work.job.key in names or work.job.kind == TRAINING.name) and not store.has(work.job)
    }
    peaks = [peak for peak in costs.peaks if peak.method in waiting]
    too_large = [peak for peak in peaks if peak.bytes > costs.free]
    there = f"where {gib(costs.free)} are free"
    sentences = [
        f"{peak.method} is likely to take about {gib(peak.bytes)} of memory {there}; "
        f"{peak.lighter or 'take another method'}"
        for peak in too_large
    ]
    if too_large:
        return sentences
    each = [peak.bytes for peak in peaks] + [costs.training_bytes] * (TRAINING.name in waiting)
    if each and max(each) * jobs > costs.free:
        fit = max(1, costs.free // max(each))
        sentences.append(
            f"{jobs} processes at once are likely to take up to {gib(max(each) * jobs)} of memory {there}; set --jobs "
            f"to {fit}"
        )
    return sentences


def gib(count: int) -> str:
    """Bytes as people say them."""
    return f"{count / GIB:.3g} GiB"
