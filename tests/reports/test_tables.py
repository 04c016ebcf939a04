"""Tables survive the disk, give equal bytes for equal content, and say plainly what is wrong with them."""

from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from lodo.reports.schema import DERIVED, FACTS, SCHEMAS, VERSION_KEY
from lodo.reports.tables import ReportError, Tables, read_tables, write_tables


def test_round_trip(tables: Tables, tmp_path: Path) -> None:
    write_tables(tmp_path, tables)
    copy = read_tables(tmp_path)
    for name in SCHEMAS:
        pd.testing.assert_frame_equal(copy.frame(name), tables.frame(name))
    assert copy.manifest == tables.manifest
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(
        ["manifest.json", *(f"{name}.parquet" for name in SCHEMAS)]
    )


def test_equal_content_gives_equal_bytes(tables: Tables, tmp_path: Path) -> None:
    shuffled = {name: tables.frame(name).sample(frac=1, random_state=3) for name in FACTS}
    reversed_manifest = dict(reversed(list(tables.manifest.items())))
    write_tables(tmp_path / "a", tables)
    write_tables(tmp_path / "b", Tables.of(shuffled, reversed_manifest))
    write_tables(tmp_path / "c", Tables(**shuffled, manifest=tables.manifest))
    for path in (tmp_path / "a").iterdir():
        assert path.read_bytes() == (tmp_path / "b" / path.name).read_bytes()
        assert path.read_bytes() == (tmp_path / "c" / path.name).read_bytes()


def test_no_rows_at_all(tmp_path: Path) -> None:
    write_tables(tmp_path, Tables.from_rows({}, {}))
    assert all(read_tables(tmp_path).frame(name).empty for name in SCHEMAS)


def test_missing_folder_and_file(tables: Tables, tmp_path: Path) -> None:
    with pytest.raises(ReportError, match="nowhere: no such folder; name the out directory"):
        read_tables(tmp_path / "nowhere")
    for name in ("attempts.parquet", "manifest.json"):
        write_tables(tmp_path, tables)
        (tmp_path / name).unlink()
        with pytest.raises(ReportError, match=rf"{name}: no such file; finish the run"):
            read_tables(tmp_path)


def test_another_version(tables: Tables, tmp_path: Path) -> None:
    write_tables(tmp_path, tables)
    path = tmp_path / "attempts.parquet"
    written = pq.read_table(path)
    pq.write_table(written.replace_schema_metadata({VERSION_KEY: "7"}), path)
    with pytest.raises(
        ReportError, match=r"attempts\.parquet: schema version 7, this lodo reads 3; use the lodo that wrote it"
    ):
        read_tables(tmp_path)
    pq.write_table(written.replace_schema_metadata({}), path)
    with pytest.raises(ReportError, match=r"attempts\.parquet: carries no lodo_schema_version"):
        read_tables(tmp_path)


def test_a_folder_of_version_2_is_refused(tables: Tables, tmp_path: Path) -> None:
    write_tables(tmp_path, tables)
    for path in tmp_path.glob("*.parquet"):
        pq.write_table(pq.read_table(path).replace_schema_metadata({VERSION_KEY: "2"}), path)
    (tmp_path / "attempts.parquet").rename(tmp_path / "costs.parquet")
    with pytest.raises(
        ReportError, match="schema version 2, this lodo reads 3; use the lodo that wrote it, or run again"
    ):
        read_tables(tmp_path)
    write_tables(tmp_path, tables)
    assert not (tmp_path / "costs.parquet").exists()


def test_what_follows_from_the_facts_is_derived_and_never_read(tables: Tables, tmp_path: Path) -> None:
    write_tables(tmp_path, tables)
    for name in DERIVED:
        path = tmp_path / f"{name}.parquet"
        written = pq.read_table(path)
        zeros = pa.array([0.0] * written.num_rows)
        column = {"scores": "pearson", "reliability": "reliability"}[name]
        pq.write_table(written.set_column(written.column_names.index(column), column, zeros), path)
    early = read_tables(tmp_path)
    (tmp_path / "scores.parquet").write_bytes(b"rot")
    (tmp_path / "reliability.parquet").unlink()
    for again in (early, read_tables(tmp_path)):
        for name in DERIVED:
            pd.testing.assert_frame_equal(again.frame(name), tables.frame(name))


def test_damaged_files(tables: Tables, tmp_path: Path) -> None:
    write_tables(tmp_path, tables)
    (tmp_path / "manifest.json").write_text("{")
    with pytest.raises(ReportError, match="not readable as JSON"):
        read_tables(tmp_path)
    (tmp_path / "estimates.parquet").write_bytes(b"PAR1 no")
    with pytest.raises(ReportError, match=r"estimates\.parquet: not readable as Parquet"):
        read_tables(tmp_path)


def test_wrong_columns_and_types(tables: Tables, tmp_path: Path) -> None:
    write_tables(tmp_path, tables)
    path = tmp_path / "subsets.parquet"
    written = pq.read_table(path)
    pq.write_table(written.drop_columns(["wanted"]), path)
    with pytest.raises(ReportError, match=r"subsets\.parquet: lacks column 'wanted'; a subsets table has task, subset"):
        read_tables(tmp_path)
    words = pa.array(["many"] * written.num_rows)
    index = written.column_names.index("wanted")
    pq.write_table(written.set_column(index, "wanted", words), path)
    with pytest.raises(ReportError, match="column 'wanted' is not int64"):
        read_tables(tmp_path)
    with pytest.raises(ReportError, match="table datasets: has the unknown column 'colour'"):
        Tables.of({"datasets": tables.datasets.assign(colour="red")}, {})
    with pytest.raises(ReportError, match="'prices' is no result table"):
        Tables.of({"prices": tables.datasets}, {})
    with pytest.raises(ReportError, match="'scores' follows from the facts"):
        Tables.of({"scores": tables.scores}, {})
    empty = tables.ground_truth.assign(influence=float("nan"))
    with pytest.raises(ReportError, match="column 'influence' has 24 empty values"):
        Tables.of({"ground_truth": empty}, {})
