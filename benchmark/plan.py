"""From a request to chains of jobs: which tasks, trainings, evaluations and estimates it takes."""

import dataclasses
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from lodo.benchmark.devices import name_of
from lodo.benchmark.jobs import Work
from lodo.benchmark.kinds.estimate import estimate_job
from lodo.benchmark.kinds.evaluation import EvaluationInputs, evaluation_job
from lodo.benchmark.kinds.forgetting import ForgettingInputs, UnlearningInputs, forgetting_job, unlearning_job
from lodo.benchmark.kinds.inventory import Inventory
from lodo.benchmark.kinds.prepared import PreparedInfo, SubsetInfo
from lodo.benchmark.kinds.start import StartInputs, start_job
from lodo.benchmark.kinds.throughput import ThroughputInputs, throughput_job
from lodo.benchmark.kinds.training import TrainingInputs, training_job
from lodo.benchmark.request import Request
from lodo.benchmark.scheduler import Chain
from lodo.benchmark.specifications import OBSERVED_RUN, EstimateInputs
from lodo.benchmark.store import Job
from lodo.tasks.errors import InputError
from lodo.tasks.spec import Task


@dataclass(frozen=True)
class Cell:
    """Everything that one task needs under one seed.

    Attributes:
        base: the base training.
        left_out: by dataset, its counterfactual training.
        losses: by (left-out dataset or None, subset), the evaluation after the training.
        untrained: by subset, the evaluation of the untrained model.
        forgetting: by left-out dataset or None, what the trained model knows of that dataset's text, or of all.
        estimates: by (method index, run), the estimate.
        unlearned: by method index, what the models forgot that it unlearned in the run that is observed.
    """

    task: Task
    seed: int
    base: Job
    left_out: Mapping[str, Job]
    losses: Mapping[tuple[str | None, str], Job]
    untrained: Mapping[str, Job]
    forgetting: Mapping[str | None, Job]
    estimates: Mapping[tuple[int, int], Job]
    unlearned: Mapping[int, Job]

    def training(self, left_out: str | None) -> Job:
        """The base training, or the counterfactual without a dataset."""
        return self.base if left_out is None else self.left_out[left_out]


@dataclass(frozen=True)
class Plan:
    """All chains of a request, most urgent first, and where each number of the tables will come from.

    ``inventories``: by family, what the text holds that it brings along; None: what the request's source holds.
    ``lacking``: a sentence that says why it cannot be run, where it was laid out all the same, to be looked at.
    ``throughput``: by task, the measurement of its training's speed, if any is asked for.
    """

    request: Request
    inventories: Mapping[str | None, Inventory]
    tasks: tuple[Task, ...]
    infos: Mapping[Task, PreparedInfo]
    cells: tuple[Cell, ...]
    chains: tuple[Chain, ...]
    lacking: str = ""
    throughput: Mapping[Task, Job] = dataclasses.field(default_factory=dict)

    @cached_property
    def producers(self) -> dict[str, Chain]:
        return {work.job.key: chain for chain in self.chains for work in chain.works}

    @property
    def sources(self) -> str:
        """The kinds of source that the tasks' text comes from, as readers are told."""
        return ", ".join(sorted({task.source for task in self.tasks}))

    @property
    def warnings(self) -> tuple[str, ...]:
        """What is to be said of all texts."""
        of_text = [warning for inventory in self.inventories.values() for warning in inventory.warnings]
        cut = [
            f"{task.name}: {count} examples of '{name}' are longer than the model takes and were cut, prompts from "
            "their beginning; raise recipe.sequence_length (datasets) or model.positions (tests)"
            for task in self.tasks
            for name, count in self.infos[task].cut.items()
        ]
        return (*of_text, *cut, *self._cold)

    @property
    def _cold(self) -> list[str]:
        """Of trainings that end before their learning rate has reached its height, or in that step."""
        return [
            f"{task.name}: the warm-up of {task.recipe.warmup} steps is not over before the last of "
            f"{task.recipe.steps} steps, so the learning rate is never kept; set recipe.warmup below "
            f"{task.recipe.steps}"
            for task in self.tasks
            if task.recipe.warmup >= task.recipe.steps and task.recipe.optimizer != "newton"
        ]

    @property
    def keys(self) -> frozenset[str]:
        return frozenset(self.producers)


@dataclass(frozen=True)
class Share:
    """What time a method's estimates on one base training take, in trainings; see `lodo.benchmark.timing`.

    Attributes:
        first: the first estimate of all.
        run: the first of every other run.
        test: an estimate on another test set of the same run.
        known: False where nobody knows and the numbers only move a progress bar.
    """

    first: float
    run: float
    test: float
    known: bool = True


def make_plan(
    request: Request,
    inventories: Mapping[str | None, Inventory],
    tasks: tuple[Task, ...],
    prepared: Mapping[Task, Chain],
    infos: Mapping[Task, PreparedInfo],
    seen: Sequence[Share | None] = (),
    refuse: bool = True,
) -> Plan:
    """Lay out every job. Raises InputError where a dataset has too few examples for what a run shows.

    Args:
        seen: by method index, what the method took where it has run before, if it has.
        refuse: else what it would raise is said in the plan, which is only to be looked at.
    """
    starts: dict[str, Chain] = {}
    trainings: dict[str, list[Work]] = {}
    estimates: dict[tuple[int, str], dict[str, tuple[int, list[Work]]]] = {}
    shares: dict[tuple[int, str], Share] = {}
    cells = []
    lacking = _too_few_examples(tasks, infos)
    if lacking and refuse:
        raise InputError(lacking)
    for seed in range(request.seeds):
        for task in tasks:
            info, root = infos[task], prepared[task].works[0].job
            cell = _cell(request, task, info, seed)
            cells.append(cell)
            ready = _start_works(request, task)
            for work in ready:
                starts.setdefault(work.job.key, Chain((work,)))
            for name in (None, *task.mixture.names):
                for work in _training_works(cell, name, info, (root, *(work.job for work in ready))):
                    chain = trainings.setdefault(cell.training(name).key, [])
                    chain += [work] * (work.job.key not in {known.job.key for known in chain})
            for (index, run), job in cell.estimates.items():
                # One process does all of a method's estimates on a model: they have much in common.
                place = index, cell.base.key
                works = _estimate_works(request, cell, index, run, info, root)
                estimates.setdefault(place, {}).setdefault(job.key, (run, works))
                shares.setdefault(place, (seen[index] if seen else None) or rough_share(request, index, task, info))
    speeds = _throughput_works(request, cells, infos, prepared)
    chains = [
        *dict.fromkeys(prepared.values()),
        *starts.values(),
        *{work.job.key: Chain((work,)) for work in speeds.values()}.values(),
        *(Chain(tuple(works)) for works in trainings.values()),
    ]
    for place, by_key in sorted(estimates.items(), key=lambda item: item[0][0]):
        chains.append(_in_order(list(by_key.values()), shares[place]))
    throughput = {task: work.job for task, work in speeds.items()}
    return Plan(request, inventories, tasks, infos, tuple(cells), tuple(chains), lacking, throughput)


def _start_works(request: Request, task: Task) -> list[Work]:
    """What must be made before a task's trainings, if anything."""
    recipe, tokens = task.recipe, task.model.priming_tokens
    if not tokens:
        return []
    cost = tokens / (recipe.steps * recipe.batch_size * recipe.sequence_length)
    return [Work(start_job(task, request.runtime), f"priming the model of {task.name}", StartInputs(), cost=cost)]


def _throughput_works(
    request: Request, cells: Sequence[Cell], infos: Mapping[Task, PreparedInfo], prepared: Mapping[Task, Chain]
) -> dict[Task, Work]:
    """By task, the measurement of its training's speed, where one is asked for and the training has steps."""
    device, works = name_of(request.runtime.device, request.cards), {}
    for cell in cells if request.throughput else ():
        task, root = cell.task, prepared[cell.task].works[0].job
        if cell.seed == 0 and task.recipe.optimizer != "newton":
            job = throughput_job(task, infos[task], request.runtime, device)
            needs = (root.key, *(work.job.key for work in _start_works(request, task)))
            # Like a method's, its failure is no end of the run.
            works[task] = Work(job, f"speed of {task.name}", ThroughputInputs(root, cell.base), needs, 0.1, method=True)
    return works


def _training_works(cell: Cell, left_out: str | None, info: PreparedInfo, before: Sequence[Job]) -> list[Work]:
    """A training and what is measured of its model; the first of the jobs ``before`` it is the prepared text."""
    root, task, job = before[0], cell.task, cell.training(left_out)
    label = f"training, seed {cell.seed}, {'all datasets' if left_out is None else f'without {left_out}'}"
    works = [Work(job, label, TrainingInputs(root), tuple(each.key for each in before), cost=1.0)]
    for subset in info.subsets[task.test_set.name]:
        inputs = EvaluationInputs(root, job, task.test_set.name, subset)
        losses = [cell.losses[left_out, subset], *([cell.untrained[subset]] if left_out is None else [])]
        works += [Work(loss, label, inputs, (job.key,), cost=0.004) for loss in losses]
    if left_out in cell.forgetting:
        check = ForgettingInputs(root, job, cell.base, info.pools)
        works.append(Work(cell.forgetting[left_out], label, check, (job.key,), cost=0.02))
    return works


def _estimate_works(request: Request, cell: Cell, index: int, run: int, info: PreparedInfo, root: Job) -> list[Work]:
    """A run of a method, and what the models forgot that it unlearned."""
    choice, job = request.methods[index], cell.estimates[index, run]
    label = f"{choice.name} on {cell.task.name}, seed {cell.seed}, run {run}"
    forgot = cell.unlearned.get(index) if run == OBSERVED_RUN else None
    inputs = EstimateInputs(root, cell.base, cell.task.test_set.name, info.pools, choice.locator, forgot is not None)
    works = [Work(job, label, inputs, (root.key, cell.base.key), method=True)]
    if forgot:
        works.append(Work(forgot, label, UnlearningInputs(job, inputs), (job.key,), cost=0.0, method=True))
    return works


def _in_order(estimates: Sequence[tuple[int, list[Work]]], share: Share) -> Chain:
    """The chain of a method's estimates on one training: run by run, so that all test sets share a run's examples."""
    works: list[Work] = []
    before = None
    for run, (estimate, *rest) in sorted(estimates, key=lambda item: item[0]):
        cost = share.test if run == before else share.run if works else share.first
        works += [dataclasses.replace(estimate, cost=cost, known=share.known), *rest]
        before = run
    return Chain(tuple(works))


# Share of the training's sequences that a run showed when the methods' ``rough_trainings`` were measured.
MEASURED_AT = 0.25


def rough_share(request: Request, index: int, task: Task, info: PreparedInfo) -> Share:
    """What a method says of its own cost, scaled to what a run shows; for further test sets, their part of that."""
    recipe, method = task.recipe, request.methods[index].method
    shown = shown_examples(task, info) * recipe.sequence_length
    tests = sum(subset.tokens for subset in info.subsets[task.test_set.name].values())
    part = shown / (recipe.steps * recipe.batch_size * recipe.sequence_length)
    # One and a half passes over what is shown, where the method says nothing.
    known = method.rough_trainings is not None
    run = 1.5 * part if method.rough_trainings is None else method.rough_trainings * part / MEASURED_AT
    return Share(method.rough_once + run, run, run * tests / (shown + tests), known)


def shown_examples(task: Task, info: PreparedInfo) -> int:
    """How many examples a run shows of all datasets together."""
    return sum(task.shown(own) for own in _own(task, info).values())


def _own(task: Task, info: PreparedInfo) -> dict[str, int]:
    """By dataset, how many different sequences the base training takes of it."""
    return {item.name: min(item.slots, info.available[item.name]) for item in task.mixture.datasets}


def _too_few_examples(tasks: Sequence[Task], infos: Mapping[Task, PreparedInfo]) -> str:
    """What is to be said of the dataset that has fewest examples, where these are fewer than a run shows; else ""."""
    short = [
        (own, task, name) for task in tasks for name, own in _own(task, infos[task]).items() if own < task.shown(own)
    ]
    if not short:
        return ""
    own, task, name = min(short, key=lambda item: item[0])
    return (
        f"{task.name}: a run shows {task.examples} examples of each dataset but '{name}' has {own} in the mixture; "
        f"give it more text, or give --set task.examples={own}"
    )


def _cell(request: Request, task: Task, info: PreparedInfo, seed: int) -> Cell:
    runtime = request.runtime
    base = training_job(task, info, seed, None, request.definition, runtime)
    left_out = {name: training_job(task, info, seed, name, request.definition, runtime) for name in task.mixture.names}
    subsets: Mapping[str, SubsetInfo] = info.subsets[task.test_set.name]
    losses = {
        (name, subset): evaluation_job(job, content.hash, runtime)
        for name, job in [(None, base), *left_out.items()]
        for subset, content in subsets.items()
    }
    untrained = {
        subset: evaluation_job(base, content.hash, runtime, initial=True) for subset, content in subsets.items()
    }
    forgetting = {
        name: forgetting_job(task, job, base, task.mixture.names if name is None else (name,), runtime)
        for name, job in [(None, base), *left_out.items()]
        if request.memory_checks
    }
    estimates = {
        (index, run): estimate_job(task, info, base, choice, run, request.definition, runtime)
        for index, choice in enumerate(request.methods)
        for run in range(request.runs_on(task))
    }
    observed = {index: job for (index, run), job in estimates.items() if run == OBSERVED_RUN and request.memory_checks}
    unlearned = {index: unlearning_job(job) for index, job in observed.items()}
    return Cell(task, seed, base, left_out, losses, untrained, forgetting, estimates, unlearned)
