"""Where a command says what: talk, warnings and errors, its last word, or JSON alone; tables are never cut."""

import itertools
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text


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


GAP = 2  # between two columns


def show_table(console: Console, table: Table) -> None:
    """Print a table without lines, as wide as the console, or wider where words would be cut or broken otherwise.

    A column that is ``no_wrap`` has each entry on one line; of the others, which have each word on one line at least,
    the narrowest grow into the room that is left. (Rich's own layout cuts words to make a table fit.)
    """
    columns = [[console.render_str(str(each)) for each in (column.header, *column.cells)] for column in table.columns]
    widths = _widths(table, columns, console.width)
    styles = ["bold", *(row.style or "" for row in table.rows)]
    for cells, style in zip(zip(*columns, strict=True), styles, strict=True):
        parts = [
            [cell] if column.no_wrap else list(cell.wrap(console, width))
            for cell, column, width in zip(cells, table.columns, widths, strict=True)
        ]
        for row in itertools.zip_longest(*parts, fillvalue=Text()):
            line = Text(" " * GAP).join(
                _aligned(part, column.justify, width)
                for part, column, width in zip(row, table.columns, widths, strict=True)
            )
            line.rstrip()
            console.print(line, style=style, highlight=False, soft_wrap=True)


def _widths(table: Table, columns: Sequence[Sequence[Text]], width: int) -> list[int]:
    """Of each column in characters."""
    longest = [max(cell.cell_len for cell in cells) for cells in columns]
    least = [
        most if column.no_wrap else max(column.min_width or 0, *(_longest_word(cell) for cell in cells))
        for most, column, cells in zip(longest, table.columns, columns, strict=True)
    ]
    room = width - sum(least) - GAP * (len(least) - 1)
    while room > 0 and (growing := [index for index, each in enumerate(least) if each < longest[index]]):
        least[min(growing, key=least.__getitem__)] += 1
        room -= 1
    return least


def _longest_word(text: Text) -> int:
    return max((cell_len(word) for word in text.plain.split()), default=0)


def _aligned(text: Text, justify: str, width: int) -> Text:
    space = " " * (width - text.cell_len)
    return Text.assemble(space, text) if justify == "right" else Text.assemble(text, space)
