"""Where a command says what: talk, warnings and errors, its last word, or JSON alone; tables are never cut."""

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.measure import Measurement
from rich.table import Table


@dataclass(frozen=True)
class Voice:
    """The places that a command writes to.

    Attributes:
        talk: what is said on the way.
        last: the final line.
        errors: what is said in any case.
        json: standard output is for JSON alone.
    """

    talk: Console
    last: Console
    errors: Console
    json: bool = False

    @staticmethod
    def of(json: bool = False, quiet: bool = False) -> "Voice":
        """A voice that with ``json`` leaves standard output to JSON; ``quiet`` leaves the talk out."""
        return Voice(
            talk=Console(emoji=False, stderr=json, quiet=quiet),
            last=Console(emoji=False, stderr=json),
            errors=Console(emoji=False, stderr=True),
            json=json,
        )

    def answer(self, content: Any) -> None:
        """Write JSON to standard output, whole whatever the width."""
        print(json.dumps(plain(content), indent=2, ensure_ascii=False, allow_nan=False))


def plain(value: Any) -> Any:
    """A value as JSON has it: numbers that are none are null, paths are whole, arrays' numbers are Python's."""
    if isinstance(value, Mapping):
        return {str(key): plain(each) for key, each in value.items()}
    if isinstance(value, Sequence) and not isinstance(value, str):
        return [plain(each) for each in value]
    if isinstance(value, Path):
        return str(value.resolve())
    if isinstance(value, str | bool | None):
        return value
    if hasattr(value, "item"):
        return plain(value.item())
    if isinstance(value, int | float):
        return value if math.isfinite(value) else None
    return None if repr(value) in ("<NA>", "NaT") else str(value)


def show_table(console: Console, table: Table) -> None:
    """Print a table as wide as the console, or wider where words would be cut or broken otherwise.

    A column that is ``no_wrap`` has each entry on one line, the others each word.
    """
    unlimited = console.options.update(width=100_000)
    for column in table.columns:
        sizes = [Measurement.get(console, unlimited, each) for each in (column.header, *column.cells)]
        needed = max(size.maximum if column.no_wrap else size.minimum for size in sizes)
        column.min_width = max(column.min_width or 0, needed)
    console.print(table, crop=False)
