"""`lodo list`: the tasks of a source, the methods, why their values are what they are, the suites."""

from collections.abc import Iterable
from pathlib import Path

from rich.console import Console
from rich.table import Table

from lodo.benchmark.kinds.inventory import Inventory
from lodo.benchmark.opening import open_store
from lodo.benchmark.pipeline import do_missing, make_request
from lodo.benchmark.plan import Request, inventory_chain, read_inventory
from lodo.benchmark.store import Store
from lodo.methods.base import METHODS, AttributionMethod
from lodo.methods.provenance import Setting
from lodo.methods.select import SUITES, build_method, explain, scaled_values, suite, suites_of
from lodo.tasks.family import FAMILIES


def list_command(what: str, data: Path | None, store: Path | None, scale: str, console: Console) -> None:
    """`lodo list`."""
    table = Table(box=None, pad_edge=False)
    if what == "methods":
        for column in ("method", "what it is", "source", f"hyperparameters at {scale}", "runs"):
            table.add_column(column, no_wrap=column == "method")
        for name in METHODS.names():
            cls = METHODS.get(name)
            texts = ", ".join(f"{key}={found.value} ({found.why.reason})" for key, found in values(cls, scale))
            table.add_row(name, cls.summary, cls.paper, texts, _when(cls))
    elif what == "values":
        for column in ("method", "hyperparameter", f"value at {scale}", "", "why"):
            table.add_column(column, no_wrap=column != "why")
        for name in METHODS.names():
            for key, found in values(METHODS.get(name), scale):
                table.add_row(name, key, str(found.value), found.why.reason, found.why.detail)
    elif what == "suites":
        table.add_column("suite", no_wrap=True)
        table.add_column("methods")
        for name in SUITES:
            table.add_row(name, ", ".join(suite(name)))
        table.add_row("in both", ", ".join(name for name in METHODS.names() if METHODS.get(name).reference))
    else:
        _list_tasks(table, make_request(data=data), open_store(store), console)
    console.print(table)


def values(cls: type[AttributionMethod], scale: str) -> Iterable[tuple[str, Setting]]:
    """The hyperparameters that a method runs with at a scale, whether its packages are there or not."""
    return explain(build_method(cls.name, scaled_values(cls, scale)), scale).items()


def _when(cls: type[AttributionMethod]) -> str:
    """When a method runs: always, in which suites, on request, or not before a package is installed."""
    missing = cls.missing()
    if missing:
        return "; ".join(f"needs {module}: {how}" for module, how in missing.items())
    if cls.reference:
        return "always"
    if cls.on_request:
        return f"on request: {cls.on_request}"
    suites = suites_of(cls)
    return f"in suite {' and '.join(suites)}" if suites else "on request"


def _list_tasks(table: Table, request: Request, store: Store, console: Console) -> None:
    for column in ("task", "datasets", "test set", "training sequences", "model", "runs"):
        table.add_column(column, no_wrap=column == "task")
    inventory = _inventory(request, store, console)
    families = map(FAMILIES.get, FAMILIES.names())
    for family in (family for family in families if family.offers(request.scale, request.source.text)):
        for test, file in inventory.tests.items():
            task = family.task(test, file, request.scale, request.source, inventory.corpora, {})
            model = f"OPT d={task.model.width}, {task.model.layers} layers"
            if task.model.kind != "opt":
                model = f"{task.model.kind} d={task.model.width}, solved exactly"
            table.add_row(
                task.name,
                str(len(task.mixture.datasets)),
                task.test_set.name,
                str(sum(item.slots for item in task.mixture.datasets)),
                model,
                "by default" if family.default else "on request" if family.scored else "for lodo tune, never scored",
            )


def _inventory(request: Request, store: Store, console: Console) -> Inventory:
    chain = inventory_chain(request)
    do_missing(store, [chain], {}, 1, 1, console, "Reading")
    return read_inventory(store, chain.works[0].job)
