"""Runs of methods that fail: each has a log with its traceback, and a run in which all of them did ends with 1."""

import json

import pytest

from lodo.benchmark import commands

from .conftest import SETTINGS

ONE = ("--task", "opt-equal/places", "--seeds", "1", "--runs", "1")

RAISES = """
import dataclasses
from lodo.methods import Attribution, AttributionMethod, register


def deeper(trained):
    return 1 / 0


@register("raises-in-a-helper")
@dataclasses.dataclass(frozen=True)
class Raises(AttributionMethod):
    def attribute(self, trained):
        return deeper(trained)
"""


@pytest.fixture
def out(tmp_path):
    return tmp_path / "out"


def test_a_run_in_which_every_method_that_was_asked_for_failed_ends_with_one_and_says_so(run, made_up, out):
    made_up.fails |= {"graddot", "gradcos"}
    said = run(*ONE, "--method", "graddot", "--method", "gradcos", out=out, code=1)
    sentence = f"no method that was asked for has an answer: graddot, gradcos; {out / 'failures'} says why"
    assert said.err == f"failed {sentence}\n"
    assert (out / "index.html").exists(), "the page is written all the same"


def test_a_run_with_one_answer_ends_well(run, made_up, out):
    made_up.fails |= {"graddot"}
    run(*ONE, "--method", "graddot", "--method", "gradcos", out=out)
    run(*ONE, "--method", "graddot", "--replace", out=out, code=1)


def test_a_method_of_the_earlier_run_does_not_make_up_for_those_asked_for(run, made_up, out):
    run(*ONE, "--method", "gradcos", out=out)
    made_up.fails |= {"graddot"}
    run(*ONE, "--method", "graddot", out=out, code=1)


def test_each_failure_has_a_log_with_its_traceback_whose_path_is_printed(run, made_up, out):
    made_up.fails |= {"graddot"}
    said = run("--task", "opt-equal/places", "--seeds", "2", "--runs", "2", "--method", "graddot", out=out, code=1)
    logs = sorted((out / "failures").iterdir())
    assert [path.name for path in logs] == [
        f"graddot-opt-equal-places-seed{seed}-run{run}.log" for seed in (0, 1) for run in (0, 1)
    ]
    assert logs[3].read_text().splitlines() == [
        "graddot on opt-equal/places, seed 1, run 1 failed: ZeroDivisionError: division by zero (in mine.py, line 7)",
        "",
        "Traceback (most recent call last):",
        '  File "mine.py", line 7, in attribute',
        "ZeroDivisionError: division by zero",
    ]
    for path in logs:
        assert f": {path}\n" in said.out


def test_logs_of_what_no_longer_fails_go(run, made_up, out):
    made_up.fails |= {"graddot"}
    run(*ONE, "--method", "graddot", out=out, code=1)
    made_up.fails.clear()
    run(*ONE, "--method", "graddot", "--retry", out=out)
    assert not (out / "failures").exists()


def test_many_failures_are_counted_after_the_first(run, made_up, out, monkeypatch):
    monkeypatch.setattr(commands, "SHOWN_FAILURES", 3)
    made_up.fails |= {"graddot"}
    said = run("--task", "opt-equal/places", "--seeds", "2", "--runs", "4", "--method", "graddot", out=out, code=1)
    assert said.out.count(".log\n") == 3
    assert f"… and 5 more in {out / 'failures'}" in said.out.replace("\n", " ")


def test_a_failure_without_a_traceback_says_so(run, made_up, lodo, out):
    made_up.fails |= {"graddot"}
    run(*ONE, "--method", "graddot", out=out, code=1)
    next((lodo.store / "estimate").glob("*/traceback.json")).unlink()
    for seal in (lodo.store / "estimate").glob("*/manifest.json"):
        content = json.loads(seal.read_text())
        content["files"].pop("traceback.json", None)
        seal.write_text(json.dumps(content))
    run(*ONE, "--method", "graddot", out=out, code=1)
    assert "No traceback: " in (out / "failures/graddot-opt-equal-places-seed0-run0.log").read_text()


def test_check_shows_file_and_line_of_a_failure(command, tmp_path):
    file = tmp_path / "raises_in_a_helper.py"
    file.write_text(RAISES)
    said = command("check", f"{file}:Raises")
    assert said.code == 1
    line = next(line for line in RAISES.splitlines() if "1 / 0" in line)
    number = RAISES.splitlines().index(line) + 1
    text = " ".join(said.out.split())
    assert f"ZeroDivisionError: division by zero ({file}, line {number})" in text.replace("- ", "-")


@pytest.mark.slow
def test_a_worker_keeps_the_traceback(lodo, tmp_path):
    file = tmp_path / "raises_in_a_helper.py"
    file.write_text(RAISES)
    process = lodo.run(*ONE, "--method", f"{file}:Raises", out=tmp_path / "out", code=1, settings=SETTINGS)
    log = (tmp_path / "out/failures/raises-in-a-helper-opt-equal-places-seed0-run0.log").read_text()
    assert f'File "{file}", line 7, in deeper' in log
    assert "no method that was asked for has an answer: raises-in-a-helper" in process.stderr
