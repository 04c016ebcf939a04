"""Result tables as values and as Parquet files: facts are read with checks, what follows from them is derived."""

import json
import os
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq

from lodo.reports.derive import Question, Reading, answers, derive_reliability, derive_scores, whole_methods
from lodo.reports.schema import DERIVED, FACTS, SCHEMA_VERSION, SCHEMAS, VERSION_KEY, TableSchema

MANIFEST = "manifest.json"
RETIRED = ("costs",)  # tables of earlier versions: left in a folder they would speak of another run


class ReportError(ValueError):
    """Result tables that cannot be used; the message names the file and the cure in one sentence."""


@dataclass(frozen=True)
class Tables:
    """The facts of a run and its manifest; what follows from them is derived once, when asked for.

    Columns, units and signs are in `lodo.reports.schema`. Build it with `of` or `from_rows`, which check columns and
    types and sort the rows.
    """

    ground_truth: pd.DataFrame
    estimates: pd.DataFrame
    attempts: pd.DataFrame
    datasets: pd.DataFrame
    trainings: pd.DataFrame
    forgetting: pd.DataFrame
    subsets: pd.DataFrame
    manifest: Mapping[str, Any]

    @staticmethod
    def of(frames: Mapping[str, pd.DataFrame], manifest: Mapping[str, Any]) -> "Tables":
        """Tables from frames by name; a missing frame is an empty table. Raises ReportError on wrong columns."""
        for name in frames:
            if name in DERIVED:
                raise ReportError(f"'{name}' follows from the facts; give these: {', '.join(FACTS)}")
            if name not in FACTS:
                raise ReportError(f"'{name}' is no result table; the facts are {', '.join(FACTS)}")
        made = {name: _conform(frames.get(name), table) for name, table in FACTS.items()}
        return Tables(**made, manifest=dict(manifest))

    @staticmethod
    def from_rows(rows: Mapping[str, Sequence[Mapping[str, Any]]], manifest: Mapping[str, Any]) -> "Tables":
        """Tables from lists of rows by table name. Raises ReportError on wrong columns."""
        return Tables.of({name: pd.DataFrame(list(table_rows)) for name, table_rows in rows.items()}, manifest)

    @cached_property
    def scores(self) -> pd.DataFrame:
        """How estimates correlate with the truth, derived."""
        whole = whole_methods(self.manifest)
        return _conform(derive_scores(self.ground_truth, self.estimates, self.datasets, whole), DERIVED["scores"])

    @cached_property
    def reliability(self) -> pd.DataFrame:
        """How well seeds agree on the truth, derived."""
        return _conform(derive_reliability(self.ground_truth), DERIVED["reliability"])

    def answers(self, question: Question, truth: Reading) -> pd.DataFrame:
        """Estimates as a question reads them beside the truth that they are compared with; see `derive.answers`."""
        whole = whole_methods(self.manifest)
        return answers(self.ground_truth, self.estimates, self.datasets, whole, question, truth)

    def frame(self, name: str) -> pd.DataFrame:
        """The frame of a table by its name."""
        frame: pd.DataFrame = getattr(self, name)
        return frame


def write_tables(folder: Path, tables: Tables) -> None:
    """Write every table as ``<name>.parquet`` and the manifest as ``manifest.json``, each atomically.

    Equal content gives equal bytes, whatever the order of the rows. The manifest is written last. Derived tables are
    written for readers of Parquet; `read_tables` derives them anew.
    """
    folder.mkdir(parents=True, exist_ok=True)
    for name in RETIRED:
        (folder / f"{name}.parquet").unlink(missing_ok=True)
    for name, table in SCHEMAS.items():
        buffer = pa.BufferOutputStream()
        pq.write_table(_to_arrow(tables.frame(name), table), buffer, compression="zstd")
        replace_file(folder / f"{name}.parquet", buffer.getvalue().to_pybytes())
    text = json.dumps(tables.manifest, indent=2, sort_keys=True, ensure_ascii=False)
    replace_file(folder / MANIFEST, (text + "\n").encode())


def read_tables(folder: Path) -> Tables:
    """Read the facts that `write_tables` wrote. Raises ReportError if one is missing, damaged or of another version."""
    if not folder.is_dir():
        raise ReportError(f"{folder}: no such folder; name the out directory of a finished run")
    frames = {name: _read(folder / f"{name}.parquet", table) for name, table in FACTS.items()}
    path = folder / MANIFEST
    try:
        manifest = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ReportError(f"{path}: no such file; finish the run that writes it, or copy it here") from None
    except (OSError, ValueError) as error:
        raise ReportError(
            f"{path}: not readable as JSON ({_first_line(error)}); write the run's tables again"
        ) from None
    if not isinstance(manifest, dict):
        raise ReportError(f"{path}: not a JSON object; write the run's tables again")
    return Tables(**frames, manifest=manifest)


def _read(path: Path, table: TableSchema) -> pd.DataFrame:
    try:
        data = pq.read_table(path, partitioning=None)
    except FileNotFoundError:
        raise ReportError(f"{path}: no such file; finish the run that writes it, or copy it here") from None
    except (pa.ArrowException, OSError) as error:
        raise ReportError(
            f"{path}: not readable as Parquet ({_first_line(error)}); write the run's tables again"
        ) from None
    version = (data.schema.metadata or {}).get(VERSION_KEY, b"").decode(errors="replace")
    if not version:
        raise ReportError(f"{path}: carries no {VERSION_KEY.decode()}; write it with lodo")
    if version != str(SCHEMA_VERSION):
        raise ReportError(
            f"{path}: schema version {version}, this lodo reads {SCHEMA_VERSION}; "
            "use the lodo that wrote it, or run again with this one"
        )
    _check_columns(data.column_names, table, str(path))
    return _to_pandas(_cast(data, table, str(path)), table)


def _check_columns(names: Sequence[str], table: TableSchema, where: str) -> None:
    missing = [name for name in table.names if name not in names]
    extra = [name for name in names if name not in table.names]
    if missing or extra or len(names) != len(table.names):
        what = f"lacks column '{missing[0]}'" if missing else f"has the unknown column '{(extra or names)[0]}'"
        raise ReportError(f"{where}: {what}; a {table.name} table has {', '.join(table.names)}")


def _cast(data: pa.Table, table: TableSchema, where: str) -> pa.Table:
    """The columns in order and of the right types, rows sorted. Raises ReportError."""
    columns = []
    for column, field in zip(table.columns, table.arrow, strict=True):
        try:
            values = data.column(column.name).cast(field.type)
        except pa.ArrowException as error:
            raise ReportError(f"{where}: column '{column.name}' is not {column.kind} ({_first_line(error)})") from None
        if values.null_count and not column.nullable:
            raise ReportError(f"{where}: column '{column.name}' has {values.null_count} empty values; fill them")
        columns.append(values.combine_chunks())
    # All columns are sort keys: only rows that are equal throughout can tie, so the order is total.
    return pa.Table.from_arrays(columns, schema=table.arrow).sort_by([(name, "ascending") for name in table.names])


def _to_arrow(frame: pd.DataFrame | None, table: TableSchema) -> pa.Table:
    """A frame as a sorted arrow table of the schema. Raises ReportError."""
    if frame is None or (frame.empty and not len(frame.columns)):
        return table.arrow.empty_table()
    _check_columns([str(name) for name in frame.columns], table, f"table {table.name}")
    arrays = []
    for column, field in zip(table.columns, table.arrow, strict=True):
        try:
            arrays.append(pa.array(frame[column.name], type=field.type, from_pandas=True))
        except pa.ArrowException as error:
            raise ReportError(
                f"table {table.name}: column '{column.name}' is not {column.kind} ({_first_line(error)})"
            ) from None
    return _cast(pa.table(arrays, names=table.names), table, f"table {table.name}")


def _conform(frame: pd.DataFrame | None, table: TableSchema) -> pd.DataFrame:
    """A frame with the schema's columns, types and order of rows. Raises ReportError."""
    return _to_pandas(_to_arrow(frame, table), table)


def _to_pandas(data: pa.Table, table: TableSchema) -> pd.DataFrame:
    frame: pd.DataFrame = data.to_pandas()
    integers = {column.name: "Int64" for column in table.columns if column.nullable and column.kind == "int64"}
    return frame.astype(integers)


def replace_file(path: Path, content: bytes) -> None:
    """Write aside and move into place: a reader sees the old file or the new one, never a part."""
    handle, aside = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
        os.chmod(aside, 0o644)  # mkstemp makes it private; the tables are to be published
        os.replace(aside, path)
    except BaseException:
        os.unlink(aside)
        raise


def _first_line(error: BaseException) -> str:
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
