"""From a request to chains of jobs: which tasks, trainings, evaluations and estimates it takes."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from lodo.benchmark.jobs import (
    MethodChoice,
    PreparedInfo,
    Work,
    estimate_job,
    evaluation_job,
    forgetting_job,
    inventory_job,
    prepared_job,
    training_job,
)
from lodo.benchmark.scheduler import Chain
from lodo.benchmark.sources import open_source
from lodo.benchmark.store import Job, Store
from lodo.tasks.errors import InputError
from lodo.tasks.family import FAMILIES
from lodo.tasks.registry import did_you_mean
from lodo.tasks.spec import Definition, Runtime, Scale, Task


@dataclass(frozen=True)
class Request:
    """What a command asks for, validated as far as it can be without reading any text."""

    scale: Scale
    folder: str | None
    tasks: tuple[str, ...]
    definition: Definition
    seeds: int
    runs: int
    methods: tuple[MethodChoice, ...]
    runtime: Runtime
    changes: Mapping[str, str]

    @property
    def source_kind(self) -> str:
        return "generated" if self.folder is None else "folder"


@dataclass(frozen=True)
class Inventory:
    """What a source holds: characters of text per corpus, its test sets, and warnings about them."""

    corpora: Mapping[str, int]
    tests: tuple[str, ...]
    warnings: tuple[str, ...]


def inventory_chain(request: Request) -> Chain:
    job = inventory_job(open_source(request.folder))
    return Chain((Work(job, "reading the text", {"source": request.folder}, cost=0.2),))


def read_inventory(store: Store, job: Job) -> Inventory:
    data = json.loads((store.open(job) / "inventory.json").read_text())
    return Inventory(data["corpora"], tuple(data["tests"]), tuple(data["warnings"]))


def choose_tasks(request: Request, inventory: Inventory) -> tuple[Task, ...]:
    """The tasks by name; if none is named, those of the default families. Raises InputError for an unknown one."""
    known = [f"{family}/{test}" for family in FAMILIES.names() for test in inventory.tests]
    default = [name for name in known if FAMILIES.get(name.partition("/")[0]).default]
    tasks = []
    for name in request.tasks or default:
        family, _, test = name.partition("/")
        if name not in known:
            raise InputError(
                f"--task {name}: no such task{did_you_mean(name, known)}; this source has {', '.join(known)}"
            )
        tasks.append(
            FAMILIES.get(family).task(test, request.scale, request.source_kind, inventory.corpora, request.changes)
        )
    return tuple(tasks)


def prepared_chains(request: Request, tasks: tuple[Task, ...], inventory: Inventory) -> dict[Task, Chain]:
    """The chain that prepares each task's mixture; tasks on the same text share one, with all its test sets."""
    source = open_source(request.folder)
    chains: dict[str, Chain] = {}
    found = {}
    for task in tasks:
        test_sets = [task.test_set.model_copy(update={"name": name}) for name in inventory.tests]
        job = prepared_job(
            source, task.mixture, task.tokenizer, test_sets, task.recipe.sequence_length, task.model.positions
        )
        inputs = {"source": request.folder, "mixture": task.mixture}
        chains.setdefault(job.key, Chain((Work(job, f"preparing the text of {task.name}", inputs, cost=0.3),)))
        found[task] = chains[job.key]
    return found


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
    """

    task: Task
    seed: int
    base: Job
    left_out: Mapping[str, Job]
    losses: Mapping[tuple[str | None, str], Job]
    untrained: Mapping[str, Job]
    forgetting: Mapping[str | None, Job]
    estimates: Mapping[tuple[int, int], Job]


@dataclass(frozen=True)
class Plan:
    """All chains of a request, most urgent first, and where each number of the tables will come from."""

    request: Request
    inventory: Inventory
    tasks: tuple[Task, ...]
    infos: Mapping[Task, PreparedInfo]
    cells: tuple[Cell, ...]
    chains: tuple[Chain, ...]

    @cached_property
    def producers(self) -> dict[str, Chain]:
        return {work.job.key: chain for chain in self.chains for work in chain.works}

    @property
    def keys(self) -> frozenset[str]:
        return frozenset(self.producers)


def make_plan(
    request: Request,
    inventory: Inventory,
    tasks: tuple[Task, ...],
    prepared: Mapping[Task, Chain],
    infos: Mapping[Task, PreparedInfo],
) -> Plan:
    """Lay out every job. Raises InputError where a dataset has too few examples for what a run shows."""
    trainings: dict[str, list[Work]] = {}
    estimates: dict[tuple[int, str], dict[str, tuple[int, Work]]] = {}
    cells = []
    for seed in range(request.seeds):
        for task in tasks:
            info, root = infos[task], prepared[task].works[0]
            _enough_examples(task, info)
            cell = _cell(request, task, info, seed)
            cells.append(cell)
            subsets = info.subsets[task.test_set.name]
            for name, job in [(None, cell.base), *cell.left_out.items()]:
                label = f"training, seed {seed}, {'all datasets' if name is None else f'without {name}'}"
                chain = trainings.setdefault(
                    job.key, [Work(job, label, {"prepared": root.job}, (root.job.key,), cost=1.0)]
                )
                evaluations = [(subset, cell.losses[name, subset]) for subset in subsets]
                if name is None:
                    evaluations += [(subset, cell.untrained[subset]) for subset in subsets]
                known = {work.job.key for work in chain}
                for subset, evaluation in evaluations:
                    if evaluation.key not in known:
                        inputs = {
                            "prepared": root.job,
                            "training": job,
                            "test": task.test_set.name,
                            "subset": subset,
                        }
                        chain.append(Work(evaluation, label, inputs, (job.key,), cost=0.004))
                forgot = cell.forgetting[name]
                if forgot.key not in known:
                    inputs = {"prepared": root.job, "training": job, "base": cell.base, "pools": info.pools}
                    chain.append(Work(forgot, label, inputs, (job.key,), cost=0.02))
            for (index, run), job in cell.estimates.items():
                choice = request.methods[index]
                # One process does all of a method's estimates on a model: they have much in common.
                estimates.setdefault((index, cell.base.key), {}).setdefault(
                    job.key,
                    (
                        run,
                        Work(
                            job,
                            f"{choice.name} on {task.name}, seed {seed}, run {run}",
                            {
                                "prepared": root.job,
                                "training": cell.base,
                                "test": task.test_set.name,
                                "pools": info.pools,
                                "reference": choice.reference,
                            },
                            (root.job.key, cell.base.key),
                            cost=_typical_cost(task, info),
                            method=True,
                        ),
                    ),
                )
    chains = [*dict.fromkeys(prepared.values()), *(Chain(tuple(works)) for works in trainings.values())]
    for _, works in sorted(estimates.items(), key=lambda item: item[0][0]):
        # Run by run: what belongs to a run's examples is remembered for all test sets until the next one.
        ordered = sorted(works.values(), key=lambda pair: pair[0])
        chains.append(Chain(tuple(work for _, work in ordered)))
    return Plan(request, inventory, tasks, infos, tuple(cells), tuple(chains))


def _typical_cost(task: Task, info: PreparedInfo) -> float:
    """Cost of a method's run, in trainings: one and a half passes over what it sees, as the suite's methods average."""
    recipe = task.recipe
    shown = len(task.mixture.datasets) * task.examples * recipe.sequence_length
    shown += sum(int(subset["tokens"]) for subset in info.subsets[task.test_set.name].values())
    return 1.5 * shown / (recipe.steps * recipe.batch_size * recipe.sequence_length)


def _enough_examples(task: Task, info: PreparedInfo) -> None:
    for dataset in task.mixture.datasets:
        own = min(dataset.slots, info.available[dataset.name])
        if own < task.examples:
            raise InputError(
                f"{task.name}: a run shows {task.examples} examples of each dataset but '{dataset.name}' has {own} in "
                f"the mixture; give it more text or set --set task.examples={own}"
            )


def _cell(request: Request, task: Task, info: PreparedInfo, seed: int) -> Cell:
    runtime = request.runtime
    base = training_job(task, info, seed, None, request.definition, runtime)
    left_out = {name: training_job(task, info, seed, name, request.definition, runtime) for name in task.mixture.names}
    subsets: Mapping[str, Mapping[str, Any]] = info.subsets[task.test_set.name]
    losses = {
        (name, subset): evaluation_job(job, content["hash"], runtime)
        for name, job in [(None, base), *left_out.items()]
        for subset, content in subsets.items()
    }
    untrained = {
        subset: evaluation_job(base, content["hash"], runtime, initial=True) for subset, content in subsets.items()
    }
    forgetting = {
        name: forgetting_job(task, job, base, task.mixture.names if name is None else (name,), runtime)
        for name, job in [(None, base), *left_out.items()]
    }
    estimates = {
        (index, run): estimate_job(task, info, base, choice, run, request.definition, runtime)
        for index, choice in enumerate(request.methods)
        for run in range(request.runs)
    }
    return Cell(task, seed, base, left_out, losses, untrained, forgetting, estimates)
