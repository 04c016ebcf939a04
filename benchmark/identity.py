"""What a result depends on beside its specification: the code that computes it and the libraries it computes with."""

import functools
import hashlib
import inspect
from collections.abc import Callable, Iterable
from importlib.metadata import PackageNotFoundError, packages_distributions, version
from pathlib import Path
from typing import Any

from lodo.benchmark.reach import Reach, Sources, Target
from lodo.tasks.spec import Frozen

# What keeps, names and finds results and what shows them makes none. A method that a registry finds is a root itself.
BESIDE = frozenset(
    {
        "lodo.benchmark.identity",
        "lodo.benchmark.reach",
        "lodo.benchmark.store",
        "lodo.benchmark.syntax",
        "lodo.tasks.errors",
        "lodo.tasks.registry",
        "lodo.tasks.spec:Frozen",
        "lodo.tasks.spec:canonical_json",
        "lodo.tasks.spec:digest",
        "lodo.methods.base:METHODS",
        "lodo.methods.base:register",
    }
)
# They check, show and find; no number passes through them.
SILENT = frozenset({"platformdirs", "pydantic", "rich", "typer"})

Root = str | Path | Callable[..., Any]


class Code(Frozen):
    """What computes a result.

    Attributes:
        hash: SHA-256 of the definitions that can be reached.
        libraries: (library, version) of each that they import.
    """

    hash: str
    libraries: tuple[tuple[str, str], ...]


@functools.cache
def as_they_are() -> Sources:
    """The source files as this process first read them."""
    return Sources()


def code_of(
    *roots: Root, beside: Iterable[str] = (), libraries: Iterable[str] = (), sources: Sources | None = None
) -> Code:
    """All that roots can reach, as `lodo.benchmark.reach` finds it.

    Args:
        roots: functions or classes, ``module``s, ``module:name``s, files.
        beside: modules and ``module:name``s that cannot change the result although the roots reach them.
        libraries: that matter though no definition imports them.
    """
    sources = sources or as_they_are()
    reach = Reach(sources, BESIDE | frozenset(beside))
    reach.follow(_target(root, sources) for root in roots)
    text = "\n\n".join(sorted(reach.texts.values()))
    known = {*map(_distribution, reach.libraries - SILENT), *libraries}
    return Code(hash=hashlib.sha256(text.encode()).hexdigest(), libraries=versions(sorted(known)))


def root_of(cls: type, locator: str = "") -> Root:
    """What stands for a class that decides a result: of one of lodo's the class, of a stranger's all of its file.

    ``locator`` is the name that it was found by; a ``file.py:NAME`` says which file that is.
    """
    if cls.__module__.startswith("lodo."):
        return cls
    return Path(locator.rpartition(":")[0] if ".py:" in locator else inspect.getfile(cls))


def _target(root: Root, sources: Sources) -> Target:
    if isinstance(root, Path):
        return sources.add(root), None
    if isinstance(root, str):
        module, _, name = root.partition(":")
        return module, name or None
    return root.__module__, root.__qualname__.partition(".")[0]


def code_hash(*roots: Root) -> str:
    """The hash alone of `code_of`."""
    return code_of(*roots).hash


def versions(names: Iterable[str]) -> tuple[tuple[str, str], ...]:
    """(library, version) of each installed library, asked without importing it."""
    return tuple((name, _version(name)) for name in names)


@functools.cache
def _version(name: str) -> str:
    try:
        return version(name)
    except PackageNotFoundError:
        return "absent"


@functools.cache
def _distribution(module: str) -> str:
    """The library that a top-level module comes from: that of its name, else the first that holds it."""
    if _version(module) != "absent":
        return module
    return min(packages_distributions().get(module, [module]))
