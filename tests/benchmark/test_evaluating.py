"""`evaluate` takes text for paths and lone names, says what its parameters are, and a result shows in a line."""

import inspect
import re
import subprocess
import sys

import pandas as pd
import pytest

from lodo.benchmark import evaluate
from lodo.benchmark.pipeline import make_request
from lodo.tasks.errors import InputError

from .conftest import SETTINGS

SETS = [f"{key}={value}" for key, value in SETTINGS.items()]


@pytest.fixture
def result(text, tmp_path, made_up):
    """A function that evaluates the tiny text, names and paths as plain text."""

    def give(**options):
        asked = {"methods": "graddot", **options}
        places = {"data": str(text), "store": str(tmp_path / "store")}
        return evaluate(
            str(tmp_path / "out"), tasks="opt-equal/places", settings=SETS, seeds=1, runs=1, **places, **asked
        )

    return give


def test_paths_and_lone_names_may_be_text(result, tmp_path):
    found = result()
    assert found.page == tmp_path / "out" / "index.html"
    assert set(found.tables.attempts.method) == {"graddot", "random", "dataset-size", "retraining"}


def test_a_result_shows_in_a_line(result, tmp_path):
    assert repr(result()) == f"Result(1 tasks, 4 methods, 1 seeds, page {tmp_path / 'out/index.html'})"
    page = tmp_path / "out/index.html"
    assert result()._repr_html_() == f'<p>1 tasks, 4 methods, 1 seeds: <a href="{page.as_uri()}">{page}</a></p>'


def test_a_result_says_what_failed(result, made_up):
    made_up.fails |= {"graddot"}
    found = result()
    assert "1 failed" in repr(found)
    assert found.failures[0].method == "graddot"
    assert found.failures[0].log.read_text().startswith("graddot on opt-equal/places, seed 0, run 0 failed: Zero")


def test_a_second_call_is_merged_unless_it_is_to_replace(result, tmp_path, capsys):
    result()
    assert "graddot" in set(result(methods="gradcos").tables.attempts.method)
    assert "merged with the run in" in capsys.readouterr().err
    assert "graddot" not in set(result(methods="gradcos", replace=True).tables.attempts.method)


def test_what_cannot_be_merged_is_refused(result):
    result()
    with pytest.raises(InputError, match="definition fixed-steps, now all-examples; name another folder, or give"):
        result(definition="all-examples")


def test_every_parameter_is_named_and_documented():
    parameters = inspect.signature(evaluate).parameters
    assert not [each for each in parameters.values() if each.kind is each.VAR_KEYWORD]
    assert set(inspect.signature(make_request).parameters) <= set(parameters)
    told = re.findall(r"^    (\w+): ", inspect.getdoc(evaluate).partition("Returns:")[0], re.M)
    assert told == list(parameters)


UNGUARDED = """
from lodo.benchmark import evaluate

evaluate({out!r}, tasks="opt-equal/places", methods="graddot", data={data!r}, store={store!r}, settings={sets!r})
"""


def test_a_script_without_a_guard_is_told_what_to_do(text, tmp_path):
    script = tmp_path / "script.py"
    places = {"out": str(tmp_path / "out"), "data": str(text), "store": str(tmp_path / "store")}
    script.write_text(UNGUARDED.format(**places, sets=SETS))
    done = subprocess.run([sys.executable, script], capture_output=True, text=True, timeout=300)
    assert done.returncode == 1
    last = done.stderr.strip().splitlines()[-1]
    assert last.endswith('put the call under if __name__ == "__main__":'), done.stderr
    assert "bootstrapping phase" not in done.stderr


def test_the_tables_of_a_result_are_those_that_are_written(result, tmp_path):
    found = result()
    pd.testing.assert_frame_equal(found.tables.scores, pd.read_parquet(tmp_path / "out/scores.parquet"))
