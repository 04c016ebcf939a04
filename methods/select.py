"""Chooses methods and sets their hyperparameters from names, files and options."""

import dataclasses
from collections.abc import Iterable, Mapping
from typing import Any

from pydantic import TypeAdapter, ValidationError

from lodo.methods.base import METHODS, AttributionMethod
from lodo.methods.provenance import Setting, Why, chosen
from lodo.methods.records import is_own, read_record
from lodo.tasks.errors import InputError
from lodo.tasks.registry import did_you_mean


def method_class(locator: str) -> type[AttributionMethod]:
    """The class behind a registered name or ``path/to/file.py:Class``. Raises InputError for anything else."""
    cls = METHODS.get(locator)
    if not (isinstance(cls, type) and issubclass(cls, AttributionMethod) and cls.name):
        raise InputError(
            f"--method {locator}: {getattr(cls, '__name__', cls)!r} is no registered method; "
            "derive it from lodo.methods.AttributionMethod and put @register('name') above @dataclass(frozen=True)"
        )
    return cls


def build_method(locator: str, hyperparameters: Mapping[str, Any]) -> AttributionMethod:
    """A method with these hyperparameters, validated by their types. Raises InputError naming the bad one."""
    cls = method_class(locator)
    known = sorted(field.name for field in dataclasses.fields(cls))  # type: ignore[arg-type]
    for key in hyperparameters:
        if key not in known:
            has = f"it has {', '.join(known)}" if known else "it has none"
            raise InputError(f"--set {cls.name}.{key}: no such hyperparameter{did_you_mean(key, known)}; {has}")
    try:
        return TypeAdapter(cls).validate_python(dict(hyperparameters))
    except ValidationError as error:
        first = error.errors()[0]
        raise InputError(f"--set {cls.name}.{'.'.join(map(str, first['loc']))}: {first['msg']}") from error


SUITES = ("default", "full")


def suite(name: str) -> tuple[str, ...]:
    """The methods of a suite, without the reference rows, which always run.

    ``full``: all of lodo's own whose packages are there and that are not left for a request; ``default``: those of
    them that say so. Raises InputError for an unknown suite.
    """
    if name not in SUITES:
        raise InputError(f"--suite {name}: no such suite; there are {', '.join(SUITES)}")
    return tuple(each for each in METHODS.names() if name in suites_of(METHODS.get(each)))


def suites_of(cls: type[AttributionMethod]) -> tuple[str, ...]:
    """The suites that hold a method: none for reference rows, for strangers and where a package is missing."""
    if not is_own(cls) or cls.reference or cls.on_request or cls.missing():
        return ()
    return SUITES[SUITES.index(cls.suite) :]


def split_settings(settings: Iterable[str], groups: Iterable[str]) -> tuple[dict[str, dict[str, str]], dict[str, str]]:
    """Options ``OWNER.name=value`` by method name, and those of the groups of settings by key. Raises InputError."""
    by_method: dict[str, dict[str, str]] = {}
    changes: dict[str, str] = {}
    for setting in settings:
        key, equals, value = setting.partition("=")
        owner, _, field = key.rpartition(".")
        if not equals or not owner or not field:
            raise InputError(f"--set {setting}: write it as METHOD.name=value or recipe.name=value")
        if owner in groups:
            changes[key] = value
        else:
            by_method.setdefault(owner, {})[field] = value
    return by_method, changes


def tuned_method(locator: str, scale: str, changes: Mapping[str, str]) -> AttributionMethod:
    """A method with its defaults, then what replaces them at the scale, then its tuning record, then the changes.

    Raises InputError for an unknown method, a bad hyperparameter, or a package that the method needs and is missing.
    """
    cls = method_class(locator)
    for module, how in cls.missing().items():
        raise InputError(f"--method {locator}: it needs '{module}', which is not installed; {how}")
    return build_method(locator, {**scaled_values(cls, scale), **changes})


def scaled_values(cls: type[AttributionMethod], scale: str, recorded: bool = True) -> dict[str, Any]:
    """What replaces a method's defaults at a scale: if ``recorded``, its record's values before those in its class."""
    record = read_record(cls, scale) if recorded else None
    replaced = {name: setting.value for name, setting in _scaled(cls, scale).items()}
    return {**replaced, **(record.values if record else {})}


def explain(method: AttributionMethod, scale: str) -> dict[str, Setting]:
    """For each hyperparameter of a method its value and why it is that at a scale.

    A value that is none of the known ones has been asked for. A default of which nobody says anything is a chosen one.
    """
    cls = type(method)
    record, scaled, whys = read_record(cls, scale), _scaled(cls, scale), _inherited(cls, "defaults")
    settings = {}
    for field in dataclasses.fields(cls):  # type: ignore[arg-type]
        name, value, own = field.name, getattr(method, field.name), _default(field)
        default = whys.get(name, chosen("by the method's author"))
        if record and name in record.values and value == record.values[name]:
            why = Why("tuned", record.summary)
        elif name in scaled and value == scaled[name].value:
            why = scaled[name].why
            if why.reason == "budget":
                owner = "the paper takes" if default.reason == "paper" else "the default is"
                why = Why("budget", f"{why.detail}; {owner} {own}")
        elif value == own:
            why = default
        else:
            why = Why("asked", "set for this run")
        settings[name] = Setting(value, why)
    return settings


def _default(field: "dataclasses.Field[Any]") -> Any:
    """A field's default, ``MISSING`` where it has none."""
    return field.default if field.default_factory is dataclasses.MISSING else field.default_factory()


def _scaled(cls: type[AttributionMethod], scale: str) -> dict[str, Setting]:
    return _inherited(cls, "scaled", scale)


def _inherited(cls: type[AttributionMethod], name: str, key: str | None = None) -> dict[str, Any]:
    """A class variable's mapping (its entry ``key``) merged with those of the classes above, the nearest first."""
    merged: dict[str, Any] = {}
    for each in reversed(cls.__mro__):
        content = vars(each).get(name, {})
        merged |= content if key is None else content.get(key, {})
    return merged
