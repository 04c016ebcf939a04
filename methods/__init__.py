"""HOW it is estimated: attribution methods, a file per family, behind one interface."""

if __name__ != "lodo.methods":
    raise ImportError(
        "import this package as lodo.methods, not as a top-level package: take the repository root off sys.path"
    )

from lodo.methods.base import Attribution, AttributionError, AttributionMethod, register

__all__ = ["Attribution", "AttributionError", "AttributionMethod", "register"]
