"""From a request to its tasks: which families are asked for, whose text that takes, and how it is prepared."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import get_args

from lodo.benchmark.jobs import Work
from lodo.benchmark.kinds.inventory import INVENTORY, Inventory, InventoryInputs, inventory_job
from lodo.benchmark.kinds.prepared import PreparedInputs, prepared_job
from lodo.benchmark.request import Request
from lodo.benchmark.scheduler import Chain
from lodo.benchmark.sources import OwnText
from lodo.benchmark.store import Job, Store
from lodo.tasks.errors import InputError
from lodo.tasks.family import FAMILIES, Family
from lodo.tasks.registry import asked_by, did_you_mean
from lodo.tasks.source import Source
from lodo.tasks.spec import Scale, Task, TestSet


def split_task(name: str) -> tuple[str, str]:
    """Family and test set of ``family/test``; the test set is "" where none is named, which means all of them."""
    file, suffix, rest = name.rpartition(".py:")
    family, _, test = rest.partition("/")
    return f"{file}{suffix}{family}", test


def load_families(locators: Sequence[str], option: str) -> tuple[tuple[str, ...], dict[str, str]]:
    """Tasks and families by their names, and by family the ``file.py:NAME`` that it was loaded from.

    Raises InputError for a file that cannot give it, or gives what is no family.
    """
    names, files = [], {}
    known = FAMILIES.names()  # before any file is: a name that is taken is then the file's fault
    for locator in locators:
        family, test = split_task(locator)
        if ".py:" in family:
            with asked_by(option, "task"):
                loaded = FAMILIES.get(family)
            if not isinstance(loaded, Family):
                raise InputError(
                    f"{option} {locator}: {family.rpartition(':')[2]} is no task family; put "
                    "@register_family('name', settings=…) above the function that builds its tasks"
                )
            files[loaded.name], family = family, loaded.name
        elif option == "--add-task" and family not in known:
            with asked_by(option, "task"):
                FAMILIES.get(family)  # raises
        names.append(f"{family}/{test}" if test else family)
    return tuple(dict.fromkeys(names)), files


def smallest_scale(names: Sequence[str]) -> Scale:
    """The smallest scale at which the families of all named tasks have settings, mini where there is none."""
    families = [split_task(name)[0] for name in names]
    known = [FAMILIES.get(family) for family in families if family in FAMILIES.names()]
    shared = [scale for scale in get_args(Scale) if all(scale in family.scales for family in known)]
    return shared[0] if shared else "mini"


@dataclass(frozen=True)
class Text:
    """What tasks are made of.

    Attributes:
        source: as planning sees it.
        sent: as a worker is told of it.
        file: where the family that brings it along was loaded from, "" for the request's source.
    """

    source: Source
    sent: Source | OwnText
    file: str = ""


def owner_of(family: str) -> str | None:
    """Whose text a family's tasks are made of: its own, by its name, or None for the request's source."""
    return family if family in FAMILIES.names() and FAMILIES.get(family).own_text else None


def text_of(request: Request, owner: str | None) -> Text:
    """The text of an `owner_of`. Raises InputError where a family has none at the request's scale."""
    if owner is None:
        return Text(request.source, request.source)
    locator = request.files.get(owner, owner)
    return Text(FAMILIES.get(owner).source(request.scale), OwnText(locator, request.scale), locator)


def asked(request: Request) -> tuple[str, ...]:
    """What a request is for, as ``family`` or ``family/test``: what it names, and what it adds.

    If it names nothing, lodo's own families that run by default, or for tuning all that are not scored; of those with
    text of their own the ones that have it at the request's scale.
    """
    families = [FAMILIES.get(name) for name in FAMILIES.names()]
    default = [
        family.name
        for family in families
        if family.is_lodos and family.scored != request.tuning and (family.default or request.tuning)
        if not family.own_text or request.scale in family.scales
    ]
    return tuple(dict.fromkeys([*(request.tasks or default), *request.added]))


def owners(request: Request) -> tuple[str | None, ...]:
    """Whose text a request must read; a name that nobody knows is looked for in the request's source."""
    return tuple(sorted({owner_of(split_task(name)[0]) for name in asked(request)}, key=lambda owner: owner or ""))


def inventory_chain(request: Request, owner: str | None = None) -> Chain:
    """The chain that reads a text."""
    text = text_of(request, owner)
    label = f"reading the text of {owner}" if owner else "reading the text"
    return Chain((Work(inventory_job(text.source, text.file), label, InventoryInputs(text.sent), cost=0.2),))


def read_inventory(store: Store, job: Job) -> Inventory:
    """What a text holds, once its chain is done."""
    return INVENTORY.read(store.open(job))


def choose_tasks(request: Request, inventories: Mapping[str | None, Inventory]) -> tuple[Task, ...]:
    """The tasks that are asked for, each once.

    Args:
        inventories: of the `owners` of all their text.

    Raises InputError for an unknown task, or one that may not be scored (or, for tuning, one that is).
    """
    families = [name for name in FAMILIES.names() if FAMILIES.get(name).scored != request.tuning]
    tests = {family: inventories[owner_of(family)].tests for family in families if owner_of(family) in inventories}
    # Of a text that nobody asked for it is not known which tests it has: all of them go by the family's name.
    known = [
        name for family in families for name in ([f"{family}/{test}" for test in tests.get(family, ())] or [family])
    ]
    tasks: dict[str, Task] = {}
    for name in asked(request):
        family, test = split_task(name)
        if family in FAMILIES.names() and family not in families:
            raise InputError(
                f"--task {name}: {family} is scored, so nothing is tuned on it; name one of {', '.join(known)}"
                if request.tuning
                else f"--task {name}: hyperparameters are tuned on {family}, so it is never scored; use lodo tune"
            )
        if family not in families or (test and test not in tests[family]):
            raise InputError(
                f"--task {name}: no such task{did_you_mean(name, known)}; this source has {', '.join(known)}"
            )
        source, inventory = text_of(request, owner_of(family)).source, inventories[owner_of(family)]
        for each in [test] if test else inventory.tests:
            file = inventory.tests[each]
            task = FAMILIES.get(family).task(each, file, request.scale, source, inventory.corpora, request.changes)
            tasks[task.name] = task
    return tuple(tasks.values())


def prepared_chains(
    request: Request, tasks: tuple[Task, ...], inventories: Mapping[str | None, Inventory]
) -> dict[Task, Chain]:
    """The chain that prepares each task's mixture; tasks on the same text share one, with all its test sets."""
    chains: dict[str, Chain] = {}
    by_task = {}
    for task in tasks:
        owner, own = owner_of(split_task(task.name)[0]), task.test_set
        text = text_of(request, owner)
        test_sets = [
            own if name == own.name else TestSet.of(name, file, own.subset_size, own.min_pairs)
            for name, file in inventories[owner].tests.items()
        ]
        job = prepared_job(text.source, task, test_sets, text.file)
        inputs = PreparedInputs(text.sent, task.mixture)
        chains.setdefault(job.key, Chain((Work(job, f"preparing the text of {task.name}", inputs, cost=0.3),)))
        by_task[task] = chains[job.key]
    return by_task
