"""What stands around the commands: show, --version, python -m lodo, completion, and what help says of defaults."""

import os
import re
import subprocess
import sys

import pytest
import typer

from lodo.benchmark.cli import app
from lodo.methods.base import METHODS

SILENT = """
import dataclasses
from lodo.methods import AttributionMethod, register


@register("says-little")
@dataclasses.dataclass(frozen=True)
class Silent(AttributionMethod):
    power: float = 2.0
"""


def test_a_method_is_shown_with_source_values_and_why_cost_and_when_it_runs(command):
    said = command("show", "untrac")
    lines = said.out.splitlines()
    cls = METHODS.get("untrac")
    assert lines[0] == "untrac"
    assert f"  what      {cls.summary}" in lines
    assert f"  source    {cls.paper}" in lines
    assert f"  cost      about {cls.rough_trainings:g} trainings a run that shows a quarter of each dataset" in said.out
    assert "  runs      in suite default and full" in lines
    assert re.search(r"^    lr = \S+  \(tuned: .+\)$", said.out, re.M)


def test_values_are_shown_at_the_scale_that_is_asked_for(command):
    assert "at scale gpu" in command("show", "untrac", "--scale", "gpu").out


def test_a_method_from_a_file_is_shown_and_its_cost_is_unknown_where_it_does_not_say(command, monkeypatch, tmp_path):
    METHODS.names()
    monkeypatch.setattr(METHODS, "_items", dict(METHODS._items))
    file = tmp_path / "says_little.py"
    file.write_text(SILENT)
    said = command("show", f"{file}:Silent").out
    assert "  cost      unknown: it does not say" in said
    assert "    power = 2.0  (chosen: by the method's author)" in said


def test_a_task_is_shown_as_it_is_described(command, lodo, made_up):
    places = ("--data", lodo.text, "--store", lodo.store)
    shown = command("show", "opt-equal/places", *places).out
    assert shown == command("describe", "opt-equal/places", *places).out
    assert "4 training datasets" in shown


def test_what_is_neither_method_nor_task_is_named_with_the_nearest(command):
    said = command("show", "untrak")
    assert said.code == 2
    assert said.err.startswith("error untrak: no such method or task (did you mean 'untrac'?)")


@pytest.mark.parametrize("words", [("check", "gradot"), ("tune", "gradot", "--grid", "lr=1")])
def test_a_method_that_is_an_argument_is_named_as_one(command, words):
    said = command(*words)
    assert said.code == 2
    assert said.err.startswith("error METHOD gradot: no such method (did you mean 'graddot'?)")


def test_the_version_is_said(command):
    from importlib.metadata import version

    said = command("--version")
    assert (said.code, said.out) == (0, f"lodo {version('lodo')}\n")


def lodo_process(*words, **environment):
    return subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "lodo", *words],
        capture_output=True,
        text=True,
        env={**os.environ, **environment},
    )


def test_python_m_lodo_is_the_command_line():
    assert lodo_process("--version").stdout.startswith("lodo ")


def test_completion_is_offered_and_loads_no_torch(command):
    helped = command("--help").out
    assert "--install-completion" in helped
    assert "--show-completion" in helped
    asked = {"_LODO_COMPLETE": "complete_bash", "COMP_WORDS": "lodo desc", "COMP_CWORD": "1"}
    done = subprocess.run(
        [sys.executable, "-X", "importtime", "-c", "from lodo.benchmark.cli import main; main()"],
        capture_output=True,
        text=True,
        env={**os.environ, **asked},
    )
    assert done.stdout.split() == ["describe"], done.stderr[-2000:]
    imported = {line.rpartition("|")[2].strip() for line in done.stderr.splitlines() if line.startswith("import time")}
    assert "typer" in imported
    assert not imported & {"torch", "transformers", "pandas"}


def parameters():
    for name, each in typer.main.get_command(app).commands.items():
        for parameter in each.params:
            yield pytest.param(name, parameter, id=f"{name}-{parameter.name}")


@pytest.mark.parametrize(("name", "parameter"), list(parameters()))
def test_help_shows_every_default(name, parameter, command, monkeypatch):
    """What takes one value says what it is without; brackets are not eaten as markup."""
    monkeypatch.setenv("COLUMNS", "400")
    monkeypatch.setenv("TERMINAL_WIDTH", "400")
    helped = command(name, "--help").out
    if parameter.name == "help":
        return
    label = parameter.opts[0] if parameter.opts[0].startswith("-") else f" {parameter.name} "
    (row,) = [line for line in helped.splitlines() if re.search(rf"[│*] +{re.escape(label.strip())} ", line)]
    several = parameter.multiple
    if not (several or parameter.required or getattr(parameter, "is_flag", False)):
        assert re.search(r"\[default: [^\]]+\]", row), row
    for bracket in re.findall(r"\[[^\]]*\]", (parameter.help or "").replace("\\[", "[")):
        assert bracket in row, row


@pytest.mark.parametrize("name", sorted(typer.main.get_command(app).commands))
def test_help_has_an_example(name, command):
    assert f"Example: lodo {name} " in re.sub(r"\s+", " ", command(name, "--help").out)
