"""`lodo list`: the tasks of a source, the methods, why their values are what they are, the suites."""

from collections.abc import Iterable, Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from lodo.benchmark.choosing import asked, owner_of, text_of
from lodo.benchmark.opening import open_store
from lodo.benchmark.pipeline import make_request, read_texts
from lodo.benchmark.request import Request
from lodo.benchmark.store import Store
from lodo.methods.base import METHODS, AttributionMethod
from lodo.methods.provenance import Setting
from lodo.methods.select import SUITES, build_method, explain, scaled_values, suite, suites_of
from lodo.tasks.architecture import Architecture
from lodo.tasks.family import FAMILIES, Family


def list_command(
    what: str,
    data: Path | None,
    store: Path | None,
    scale: str,
    console: Console,
    add_tasks: Sequence[str] = (),
) -> None:
    """`lodo list`."""
    table = Table(box=None, pad_edge=False)
    if what == "methods":
        for column in ("method", "what it is", "source", f"hyperparameters at {scale}", "runs"):
            table.add_column(column, no_wrap=column == "method")
        for name in METHODS.names():
            cls = METHODS.get(name)
            texts = ", ".join(f"{key}={setting.value} ({setting.why.reason})" for key, setting in values(cls, scale))
            table.add_row(name, cls.summary, cls.paper, texts, _when(cls))
    elif what == "values":
        for column in ("method", "hyperparameter", f"value at {scale}", "", "why"):
            table.add_column(column, no_wrap=column != "why")
        for name in METHODS.names():
            for key, setting in values(METHODS.get(name), scale):
                table.add_row(name, key, str(setting.value), setting.why.reason, setting.why.detail)
    elif what == "suites":
        table.add_column("suite", no_wrap=True)
        table.add_column("methods")
        for name in SUITES:
            table.add_row(name, ", ".join(suite(name)))
        table.add_row("in both", ", ".join(name for name in METHODS.names() if METHODS.get(name).reference))
    else:
        _list_tasks(table, make_request(data=data, add_tasks=add_tasks), open_store(store), console)
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
    families = [family for family in map(FAMILIES.get, FAMILIES.names()) if _offers(family, request)]
    inventories = read_texts(request, {owner_of(family.name) for family in families}, store, 1, console)
    for family in families:
        source, inventory = text_of(request, owner_of(family.name)).source, inventories[owner_of(family.name)]
        for test, file in inventory.tests.items():
            task = family.task(test, file, request.scale, source, inventory.corpora, {})
            table.add_row(
                task.name,
                str(len(task.mixture.datasets)),
                task.test_set.name,
                str(sum(item.slots for item in task.mixture.datasets)),
                _model(task.model),
                _when_of(family, request),
            )


def _offers(family: Family, request: Request) -> bool:
    """Whether it has tasks on its own text, or on the request's, at the request's scale."""
    if family.own_text and request.scale not in family.scales:
        return False
    return family.offers(request.scale, text_of(request, owner_of(family.name)).source.text)


def _model(model: Architecture) -> str:
    """A model in a few words: its kind, and of its sizes those that it has."""
    size = model.model_dump()
    words = [form.format(size[name]) for name, form in (("width", "d={}"), ("layers", "{} layers")) if name in size]
    return f"{model.kind} {', '.join([*words, *(['solved exactly'] if model.solvable else [])])}".strip()


def _when_of(family: Family, request: Request) -> str:
    if not family.scored:
        return "for lodo tune, never scored"
    return "by default" if family.name in asked(request) else "on request"
