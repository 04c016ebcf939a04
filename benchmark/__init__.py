"""The harness: trains, leaves out, runs methods, scores, stores; the command line."""

if __name__ != "lodo.benchmark":
    raise ImportError(
        "import this package as lodo.benchmark, not as a top-level package: take the repository root off sys.path"
    )

import importlib
from typing import Any

LATE = {
    "evaluate": "lodo.benchmark.evaluating",
    "check_method": "lodo.benchmark.checks",
    "parametrize_with_checks": "lodo.benchmark.checks",
}


def __getattr__(name: str) -> Any:
    # Late, so that `lodo --help` need not wait for what these import.
    if name in LATE:
        return getattr(importlib.import_module(LATE[name]), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
