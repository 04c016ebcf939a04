"""`lodo show`: all that there is to say of one method; a task is described."""

from collections.abc import Iterator
from pathlib import Path

from rich.console import Console

from lodo.benchmark.choosing import split_task
from lodo.benchmark.describing import describe_command
from lodo.benchmark.listing import values_of, when_of
from lodo.methods.base import METHODS, AttributionMethod
from lodo.methods.select import method_class
from lodo.tasks.errors import InputError
from lodo.tasks.family import FAMILIES, Family
from lodo.tasks.registry import did_you_mean
from lodo.tasks.spec import Scale


def show_command(what: str, data: Path | None, scale: Scale | None, store: Path | None, console: Console) -> None:
    """`lodo show`. Raises InputError for what is neither a method nor a task."""
    if is_method(what):
        for line in lines_of(method_class(what), what, scale or "mini"):
            console.print(line, markup=False, highlight=False, soft_wrap=True)
    else:
        describe_command(what, data, scale, None, None, (), 1, store, console)


def is_method(what: str) -> bool:
    """Whether a name or file is a method's, else it is a task's. Raises InputError where it is neither."""
    family = split_task(what)[0]
    if ".py:" in what:
        return not isinstance(FAMILIES.get(family), Family)
    if what in METHODS.names():
        return True
    if family in FAMILIES.names():
        return False
    near = did_you_mean(what, [*METHODS.names(), *FAMILIES.names()])
    raise InputError(f"{what}: no such method or task{near}; `lodo list methods` and `lodo list tasks` show all")


def lines_of(cls: type[AttributionMethod], locator: str, scale: str) -> Iterator[str]:
    """All that a method says of itself, line by line."""
    yield cls.name
    yield f"  what      {cls.summary or 'it does not say'}"
    yield f"  source    {cls.paper or 'none: no equation of a paper stands behind it'}"
    yield f"  answers   {_answers(cls)}"
    yield f"  cost      {cost_of(cls)}"
    yield f"  runs      {when_of(cls)}"
    if cls.lighter:
        yield f"  lighter   {cls.lighter}"
    for check, reason in cls.exempt.items():
        yield f"  exempt    from '{check}': {reason}"
    settings = dict(values_of(cls, locator, scale))
    yield f"  values    at scale {scale}" if settings else "  values    it has no hyperparameters"
    for name, setting in settings.items():
        yield f"    {name} = {setting.value}  ({setting.why.reason}: {setting.why.detail})"


def _answers(cls: type[AttributionMethod]) -> str:
    if cls.reference:
        return "for comparison: a method must beat it"
    return "for whole datasets in their mixture" if cls.whole else "per unit of a dataset"


def cost_of(cls: type[AttributionMethod]) -> str:
    """What a method says of its own cost."""
    if cls.rough_trainings is None:
        return "unknown: it does not say, so a plan does not count it before it has run once"
    once = f", and {cls.rough_once:g} more once a base training" if cls.rough_once else ""
    return f"about {cls.rough_trainings:g} trainings a run that shows a quarter of each dataset{once}"
