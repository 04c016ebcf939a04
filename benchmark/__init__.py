"""The harness: trains, leaves out, runs methods, scores, stores; the command line."""

if __name__ != "lodo.benchmark":
    raise ImportError(
        "import this package as lodo.benchmark, not as a top-level package: take the repository root off sys.path"
    )

from typing import Any


def __getattr__(name: str) -> Any:
    # Late, so that `lodo --help` need not wait for what `evaluate` imports.
    if name == "evaluate":
        from lodo.benchmark.pipeline import evaluate

        return evaluate
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
