"""The table of standings says what standings are, and a dash where there are none."""

import pytest

from lodo.reports.standing_table import standing_table
from lodo.reports.standings import standings
from lodo.reports.summary import summarise
from lodo.reports.tables import ReportError, Tables

from .test_standings import tables_of


def lines(text):
    return {
        line.split("`")[1]: [cell.strip() for cell in line.strip("|").split("|")]
        for line in text.splitlines()
        if "| `" in line
    }


def test_a_line_says_what_a_standing_is(make_facts):
    tables = tables_of(make_facts, {"a": 0.3, "b": 0.31, "c": 3.0, "d": 3.1, "random": 1e6}, seeds=6)
    first, *rest = standings(tables, summarise(tables))
    rows = lines(standing_table(tables))
    assert next(iter(rows)) == first.pair[0]
    assert [rows[name][:2] for name in [*rows][:4]] == [["1–2", "1"], ["1–2", "1"], ["3–4", "2"], ["3–4", "2"]]
    cells = rows[first.pair[0]]
    assert cells[3] == f"{first.score:.2f} [{first.again.low:.2f}, {first.again.high:.2f}]"
    assert cells[4] == f"[{first.elsewhere.low:.2f}, {first.elsewhere.high:.2f}]"
    assert cells[5] == "–", "nobody is compared with itself"
    assert cells[6].endswith(f"p = {first.to_chance.p:.3f}")
    assert rows["random"][:2] == ["–", "–"]
    third = rest[1]
    assert third.place.to_best.value < 0
    assert rows[third.pair[0]][5].startswith(f"−{abs(third.place.to_best.value):.2f} [−")
    assert sum(int(rows[name][7]) for name in [*rows][:4]) == pytest.approx(100, abs=2)


def test_what_has_no_score_says_why(make_tables):
    rows = lines(standing_table(make_tables()))
    assert "failed" in rows["crashy"][3]
    assert rows["crashy"][:2] == ["–", "–"]
    with pytest.raises(ReportError, match="no scores"):
        standing_table(Tables.from_rows({}, {}))
