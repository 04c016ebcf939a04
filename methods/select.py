"""Chooses methods and sets their hyperparameters from names, files and options."""

import dataclasses
from collections.abc import Mapping
from typing import Any

from pydantic import TypeAdapter, ValidationError

from lodo.methods.base import METHODS, AttributionMethod
from lodo.tasks.errors import InputError
from lodo.tasks.registry import did_you_mean


def method_class(reference: str) -> type[AttributionMethod]:
    """The class behind a registered name or ``path/to/file.py:Class``. Raises InputError for anything else."""
    found = METHODS.get(reference)
    if not (isinstance(found, type) and issubclass(found, AttributionMethod) and found.name):
        raise InputError(
            f"--method {reference}: {getattr(found, '__name__', found)!r} is no registered method; "
            "derive it from lodo.methods.AttributionMethod and put @register('name') above @dataclass(frozen=True)"
        )
    return found


def build_method(reference: str, hyperparameters: Mapping[str, Any]) -> AttributionMethod:
    """A method with these hyperparameters, validated by their types. Raises InputError naming the bad one."""
    cls = method_class(reference)
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


def default_suite() -> tuple[str, ...]:
    """lodo's own methods that run unless others are named: all that need no extra and are not left for a request."""
    names = (name for name in METHODS.names() if METHODS.get(name).__module__.startswith("lodo.methods."))
    return tuple(name for name in names if in_default_suite(METHODS.get(name)))


def in_default_suite(cls: type[AttributionMethod]) -> bool:
    """Whether a method of lodo's own runs without being named; reference rows always run and are not counted."""
    return not (cls.requires or cls.on_request or cls.reference)


def tuned_method(reference: str, scale: str, changes: Mapping[str, str]) -> AttributionMethod:
    """A method with the paper's values, then those tuned for the scale, then the user's changes.

    Raises InputError for an unknown method, a bad hyperparameter, or a package that the method needs and is missing.
    """
    cls = method_class(reference)
    for module, how in cls.missing().items():
        raise InputError(f"--method {reference}: it needs '{module}', which is not installed; {how}")
    return build_method(reference, {**cls.tuned.get(scale, {}), **changes})
