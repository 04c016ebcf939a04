"""`lodo list`: the tasks of a source, the methods, why their values are what they are, the suites."""

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from lodo.benchmark.choosing import asked, owner_of, text_of
from lodo.benchmark.opening import open_store
from lodo.benchmark.pipeline import make_request, read_texts
from lodo.benchmark.request import Request
from lodo.benchmark.store import Store
from lodo.benchmark.voice import Voice, show_table
from lodo.methods.base import METHODS, AttributionMethod
from lodo.methods.provenance import Setting
from lodo.methods.select import SUITES, build_method, explain, scaled_values, suite, suites_of
from lodo.tasks.architecture import Architecture
from lodo.tasks.family import FAMILIES, Family

Rows = list[dict[str, Any]]
# Columns whose entries are sentences, which may be broken.
SENTENCES = frozenset({"summary", "source", "hyperparameters", "why", "runs", "methods", "model"})
TITLES = {"summary": "what it is", "runs": "when it runs"}
SAID = frozenset({"test_set"})  # a part of the task's name


def list_command(
    what: str,
    data: Path | None,
    store: Path | None,
    scale: str,
    voice: Voice,
    add_tasks: Sequence[str] = (),
) -> None:
    """`lodo list`."""
    if what == "tasks":
        rows = _tasks(make_request(data=data, add_tasks=add_tasks), open_store(store), voice.talk)
    else:
        rows = {"methods": _methods, "values": _values, "suites": _suites}[what](scale)
    if voice.json:
        voice.answer(rows)
        return
    table = Table(box=None, pad_edge=False)
    columns = [column for column in rows[0] if column not in SAID]
    for column in columns:
        table.add_column(
            TITLES.get(column, column), no_wrap=column not in SENTENCES, min_width=12 if column in SENTENCES else None
        )
    for row in rows:
        table.add_row(*(escape(_in_words(row[column])) for column in columns))
    if what in ("methods", "values"):
        voice.talk.print(f"values at scale {scale}", style="dim", highlight=False)
    show_table(voice.talk, table)


def _in_words(value: Any) -> str:
    """An entry as people read it: hyperparameters with why they are so, names in a row."""
    if isinstance(value, dict):
        return ", ".join(f"{name}={each['value']} ({each['reason']})" for name, each in value.items())
    return ", ".join(value) if isinstance(value, list) else str(value)


def _methods(scale: str) -> Rows:
    return [
        {
            "method": name,
            "summary": cls.summary,
            "source": cls.paper,
            "hyperparameters": {
                key: {"value": setting.value, "reason": setting.why.reason, "why": setting.why.detail}
                for key, setting in values(cls, scale)
            },
            "runs": when_of(cls),
        }
        for name, cls in ((name, METHODS.get(name)) for name in METHODS.names())
    ]


def _values(scale: str) -> Rows:
    return [
        {
            "method": name,
            "hyperparameter": key,
            "value": setting.value,
            "reason": setting.why.reason,
            "why": setting.why.detail,
        }
        for name in METHODS.names()
        for key, setting in values(METHODS.get(name), scale)
    ]


def _suites(scale: str) -> Rows:
    references = [name for name in METHODS.names() if METHODS.get(name).reference]
    suites = [{"suite": name, "methods": list(suite(name))} for name in SUITES]
    return [*suites, {"suite": "in both", "methods": references}]


def values(cls: type[AttributionMethod], scale: str) -> Iterable[tuple[str, Setting]]:
    """`values_of` a registered method."""
    return values_of(cls, cls.name, scale)


def values_of(cls: type[AttributionMethod], locator: str, scale: str) -> Iterable[tuple[str, Setting]]:
    """The hyperparameters that a method runs with at a scale, whether its packages are there or not."""
    return explain(build_method(locator, scaled_values(cls, scale)), scale).items()


def when_of(cls: type[AttributionMethod]) -> str:
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


def _tasks(request: Request, store: Store, console: Console) -> Rows:
    families = [family for family in map(FAMILIES.get, FAMILIES.names()) if _offers(family, request)]
    inventories = read_texts(request, {owner_of(family.name) for family in families}, store, 1, console)
    rows = []
    for family in families:
        source, inventory = text_of(request, owner_of(family.name)).source, inventories[owner_of(family.name)]
        for test, file in inventory.tests.items():
            task = family.task(test, file, request.scale, source, inventory.corpora, {})
            rows.append(
                {
                    "task": task.name,
                    "datasets": len(task.mixture.datasets),
                    "test_set": task.test_set.name,
                    "sequences": sum(item.slots for item in task.mixture.datasets),
                    "model": _model(task.model),
                    "runs": _when_of(family, request),
                }
            )
    return rows


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
