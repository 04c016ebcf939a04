"""The folder source: a user's corpora and test sets as jsonl, csv, parquet or text files."""

import hashlib
import json
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from lodo.tasks.errors import InputError
from lodo.tasks.layout import LAYOUT, check_columns, read_layout, read_licence, recognised
from lodo.tasks.source import NOT_STATED, Example, Record
from lodo.tasks.spec import TestFile, TextKind
from lodo.tasks.subsets import RULES

Rows = list[dict[str, Any]]
LOADERS = {".jsonl": "json", ".csv": "csv", ".parquet": "parquet", ".txt": "text"}
LICENCES = ("LICENSE", "LICENCE")
NO_DATA = ("README", *LICENCES)
FEWEST = 3


@dataclass(frozen=True)
class FolderSource:
    """``ROOT/corpora/NAME.{jsonl,csv,parquet,txt}`` and ``ROOT/tests/NAME.{jsonl,csv,parquet}``.

    A corpus has a column ``text``, and ``prompt`` where it gives pairs, whose documents are both; a .txt corpus holds
    documents separated by blank lines. Which rule reads a test file is said in ``ROOT/lodo.toml``, else by its columns
    (`lodo.tasks.layout`).
    """

    root: Path

    @property
    def kind(self) -> str:
        return "folder"

    @property
    def text(self) -> TextKind:
        return "natural"

    @property
    def licence(self) -> str:
        """What lodo.toml says, else which files or folders at the root have the licence in their name."""
        stated = read_licence(self.root)
        if stated or not self.root.is_dir():
            return stated or NOT_STATED
        names = sorted(path.name for path in self.root.iterdir() if path.name.upper().startswith(LICENCES))
        return f"see {' and '.join(names)} in its folder" if names else NOT_STATED

    def fingerprint(self) -> str:
        """SHA-256 over the names and bytes of the files; raises InputError where there are none to read."""
        digest = hashlib.sha256()
        for part in ("corpora", "tests"):
            for name, path in self._files(part).items():
                digest.update(f"{part}/{name}{path.suffix}\0".encode())
                digest.update(hashlib.sha256(path.read_bytes()).digest())
        layout = self.root / LAYOUT
        if layout.is_file():
            digest.update(f"{LAYOUT}\0".encode() + layout.read_bytes())
        return digest.hexdigest()

    def corpora(self) -> dict[str, Sequence[str]]:
        return {name: _texts(path) for name, path in self._corpora().items()}

    def pairs(self) -> dict[str, Sequence[Example]]:
        return {name: _pairs(path) for name, path in self._corpora().items()}

    def _corpora(self) -> dict[str, Path]:
        """The corpora's files by name, sorted. Raises InputError where there are too few."""
        files = self._files("corpora")
        if len(files) < FEWEST:
            raise InputError(
                f"{self.root / 'corpora'}: {len(files)} training datasets, at least {FEWEST} are needed to correlate "
                "over; add corpora"
            )
        return files

    def tests(self) -> dict[str, Sequence[Record]]:
        return {name: self._test(name, path, _rows(path)) for name, path in self._files("tests").items()}

    def test_files(self) -> dict[str, TestFile]:
        return {name: self._test_file(name, path, _rows(path)) for name, path in self._files("tests").items()}

    def _test(self, name: str, path: Path, rows: Rows) -> tuple[Record, ...]:
        """The records of a test file, with what its rule reads filled."""
        file = self._test_file(name, path, rows)
        rule, renamed = RULES[file.rule], dict(file.columns)
        types = {renamed.get(column, column): list if column in rule.lists else str for column in rule.columns}
        return _filled(path, rows, types)

    def _test_file(self, name: str, path: Path, rows: Rows) -> TestFile:
        """The rule and columns by which a test file is read: those of lodo.toml, else those that fit it."""
        columns = dict.fromkeys(column for row in rows for column in row)
        file = read_layout(self.root, self._files("tests")).get(name)
        if file is None:
            return recognised(path, columns)
        check_columns(file, path, columns)
        return file

    def _files(self, part: str) -> dict[str, Path]:
        """Data files of a part by name, sorted."""
        folder = self.root / part
        if not self.root.is_dir():
            raise InputError(f"--data {self.root}: no such folder")
        if not folder.is_dir():
            raise InputError(f"--data {self.root}: it has no folder {part}/; see the layout in the README")
        paths: dict[str, Path] = {}
        for path in sorted(folder.iterdir()):
            if path.name.startswith(".") or path.stem.upper() in NO_DATA:
                continue
            allowed = [suffix for suffix in LOADERS if part == "corpora" or suffix != ".txt"]
            if path.suffix not in allowed:
                raise InputError(f"{path}: {path.suffix or 'no suffix'} is not read here; use {', '.join(allowed)}")
            if not path.stem.isprintable() or "/" in path.stem:
                raise InputError(f"{folder}: the file name {path.name!r} has unprintable characters; rename it")
            if path.stem in paths:
                raise InputError(f"{path}: {paths[path.stem].name} has the same name; rename or remove one of them")
            paths[path.stem] = path
        if not paths:
            raise InputError(f"{folder}: it holds no {', '.join(LOADERS)} file; see the layout in the README")
        return paths


def _texts(path: Path) -> tuple[str, ...]:
    """The documents of a corpus file."""
    if path.suffix == ".txt":
        _check_lines(path, json_lines=False)
        documents = tuple(block.strip() for block in path.read_text(encoding="utf-8").split("\n\n") if block.strip())
        if not documents:
            raise InputError(f"{path}: it is empty; put text into it or remove it")
        return documents
    rows = _rows(path)
    columns = ("prompt", "text") if _has_prompts(rows) else ("text",)
    records = _filled(path, rows, dict.fromkeys(columns, str))
    return tuple(" ".join(record[column] for column in columns) for record in records)


def _pairs(path: Path) -> tuple[Example, ...]:
    """The prompts and answers of a corpus file. Raises InputError for one that has no prompts."""
    rows = [] if path.suffix == ".txt" else _rows(path)
    if not _has_prompts(rows):
        raise InputError(
            f"{path}: it has no column 'prompt', so it is no dataset of prompts and answers; add the column, or name "
            "tasks that train on documents"
        )
    return tuple(
        Example(record["prompt"], record["text"]) for record in _filled(path, rows, {"prompt": str, "text": str})
    )


def _has_prompts(rows: Rows) -> bool:
    return any("prompt" in row for row in rows)


def _rows(path: Path) -> Rows:
    """The rows of a file. Raises InputError for one that is empty or cannot be read."""
    if path.suffix in (".jsonl", ".csv"):
        _check_lines(path, json_lines=path.suffix == ".jsonl")
    rows = _load(path)
    if not rows:
        raise InputError(f"{path}: it is empty; put records into it or remove it")
    return rows


def _filled(path: Path, rows: Rows, types: Mapping[str, type]) -> tuple[Record, ...]:
    """A file's rows with the columns filled that have a type here. Raises InputError naming the line or record."""
    where = list(_line_numbers(path)) if path.suffix == ".jsonl" else None
    for number, row in enumerate(rows):
        place = f"line {where[number]}" if where else f"record {number + 1}"
        for column, wanted in types.items():
            if wanted is list:
                row[column] = _as_list(row.get(column))
            value = row.get(column)
            if not isinstance(value, wanted) or not value or (isinstance(value, str) and not value.strip()):
                what = (
                    "is missing or empty" if value in (None, "", []) or value != value else f"is no {wanted.__name__}"
                )
                if isinstance(value, str):
                    what = "is missing or empty"
                raise InputError(f"{path}, {place}: '{column}' {what}; fill it or remove the record")
    return tuple(rows)


def _load(path: Path) -> Rows:
    """A file's rows through the datasets library, without its cache."""
    import datasets

    datasets.disable_progress_bars()
    if path.stat().st_size == 0:
        return []
    with tempfile.TemporaryDirectory() as cache:
        try:
            table = datasets.load_dataset(LOADERS[path.suffix], data_files=str(path), split="train", cache_dir=cache)
            return [dict(row) for row in table]
        except Exception as error:
            cause = error.__cause__ or error
            text = (" ".join(str(cause).split()) or type(cause).__name__)[:200]
            raise InputError(f"{path}: it cannot be read as {path.suffix[1:]} ({text}); mend or remove it") from error


def _check_lines(path: Path, json_lines: bool) -> None:
    """Raise InputError for the first line that is not UTF-8 or, of a jsonl file, not a JSON object."""
    for number, line in enumerate(path.read_bytes().split(b"\n"), start=1):
        try:
            text = line.decode("utf-8")
        except UnicodeDecodeError as error:
            raise InputError(
                f"{path}, line {number}: byte {error.start + 1} is not UTF-8; save the file as UTF-8"
            ) from None
        if not json_lines or not text.strip():
            continue
        try:
            value = json.loads(text)
        except ValueError as error:
            raise InputError(f"{path}, line {number}: invalid JSON ({error}); write one JSON object a line") from None
        if not isinstance(value, dict):
            raise InputError(
                f'{path}, line {number}: a JSON {type(value).__name__}, not an object; write {{"text": …}}'
            )


def _line_numbers(path: Path) -> Iterator[int]:
    """The line of each record of a jsonl file; blank lines hold none."""
    for number, line in enumerate(path.read_bytes().split(b"\n"), start=1):
        if line.strip():
            yield number


def _as_list(value: object) -> object:
    """A list column of a csv file: JSON, or parts separated by semicolons."""
    if not isinstance(value, str):
        return value
    try:
        parsed = json.loads(value)
        return parsed if isinstance(parsed, list) else [value]
    except ValueError:
        return [part.strip() for part in value.split(";") if part.strip()]
