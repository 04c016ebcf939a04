"""What a result depends on beside its specification: the code that computes it and number-changing libraries."""

import ast
import functools
import hashlib
import importlib.util
from collections.abc import Iterable
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from lodo.tasks.spec import Runtime

NUMBERS = ("numpy", "safetensors", "tokenizers", "torch", "transformers")


def runtime(device: str, threads: int, compile: bool = False) -> Runtime:
    """The runtime of this process's jobs, with the versions of the libraries that change numbers."""
    return Runtime(device=device, threads=threads, compile=compile, versions=versions(NUMBERS))


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
def _path_of(module: str) -> Path | None:
    """The source file of a ``lodo.`` module, found without importing it; None if the name is no module."""
    _, package, *rest = module.split(".")
    spec = importlib.util.find_spec(f"lodo.{package}")
    if spec is None or not spec.submodule_search_locations:
        return None
    base = Path(spec.submodule_search_locations[0]).joinpath(*rest)
    return next((path for path in (base.with_suffix(".py"), base / "__init__.py") if path.is_file()), None)


@functools.cache
def _imports(path: Path) -> frozenset[str]:
    """The lodo modules that a file names in its imports, wherever they stand in it."""
    names = set()
    for node in ast.walk(ast.parse(path.read_bytes())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module and node.level == 0:
            names |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return frozenset(name for name in names if name.startswith("lodo."))


@functools.cache
def code_hash(*roots: str | Path) -> str:
    """SHA-256 of the given modules or files and of every lodo file that they import, directly or through others."""
    waiting = [root if isinstance(root, Path) else _path_of(root) for root in roots]
    if None in waiting:
        raise ValueError(f"no source file for one of {roots}")
    seen: dict[Path, str] = {}
    while waiting:
        path = waiting.pop()
        if path is None or path in seen:
            continue
        seen[path] = hashlib.sha256(path.read_bytes()).hexdigest()
        waiting.extend(_path_of(name) for name in _imports(path))
    # A file's own hash is the identity, not where it lies.
    return hashlib.sha256("".join(sorted(seen.values())).encode()).hexdigest()
