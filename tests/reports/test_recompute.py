"""The lines of Python that the site prints compute its figure from the Parquet files beside it."""

import contextlib
import io
import os
from collections.abc import Callable
from html import unescape
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from lodo.reports.leaderboard import write_leaderboard
from lodo.reports.tables import Tables, write_tables


@pytest.fixture
def printed(make_tables: Callable[..., Tables], tmp_path: Path) -> tuple[Path, list[str]]:
    """A folder with tables and site, and the two blocks that its About page prints."""
    tables = make_tables(seeds=3)
    write_tables(tmp_path, tables)
    write_leaderboard(tables, tmp_path)
    page = (tmp_path / "about.html").read_text(encoding="utf-8")
    blocks = [unescape(part.partition("</pre>")[0]) for part in page.split('<pre class="scroll" tabindex="0">')[1:]]
    return tmp_path, blocks


def test_the_printed_lines_give_the_figure(printed: tuple[Path, list[str]], monkeypatch: pytest.MonkeyPatch) -> None:
    folder, (alone, with_lodo) = printed
    monkeypatch.chdir(folder)
    made: dict[str, object] = {}
    shown = io.StringIO()
    with contextlib.redirect_stdout(shown):
        exec(alone, made)
    figure = pd.read_csv(folder / "figures" / "index-cost.csv").set_index(["method", "hyperparameters"])
    assert len(figure) >= 3
    for column, name in (("score", "score"), ("cost", "cost")):
        again = made[name]
        assert isinstance(again, pd.Series)
        np.testing.assert_allclose(again.reindex(figure.index).to_numpy(), figure[column].to_numpy(), rtol=1e-12)
    assert "score again" in shown.getvalue()
    exec(with_lodo, made)
    intervals = made["intervals"]
    assert isinstance(intervals, dict)
    for row in figure.itertuples():
        low, high = intervals[row.Index]
        assert [low, high] == pytest.approx([row.low, row.high]) or (low is None and np.isnan(row.low))
    assert any(low is not None for low, _ in intervals.values())
    assert os.getcwd() == str(folder)
