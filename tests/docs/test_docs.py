"""The code blocks of README and CONTRIBUTING do what they say."""

import re
import shlex
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from lodo.tasks.layout import read_layout

ROOT = Path(__file__).parents[2]
BLOCK = re.compile(r"^```(\w+)([^\n]*)\n(.*?)^```", re.M | re.S)
# How one gets here; the tests run in what these install.
INSTALLS = ("pip ", "pytest ", "tox", "python -m venv", "git ", "source ")


def blocks():
    for name in ("README.md", "CONTRIBUTING.md"):
        for number, (language, rest, body) in enumerate(BLOCK.findall((ROOT / name).read_text())):
            yield pytest.param(name, language, rest, body, id=f"{name}-{number}-{language}")


def files_of(name):
    for language, rest, body in BLOCK.findall((ROOT / name).read_text()):
        if language == "python" and "file=" in rest:
            yield rest.partition("file=")[2].strip(), body


def check_layout(body, folder):
    """A lodo.toml says of each test file what `read_layout` takes."""
    (folder / "lodo.toml").write_text(body)
    assert read_layout(folder, list(tomllib.loads(body)["tests"]))


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    return tmp_path_factory.mktemp("store")


@pytest.mark.parametrize(("name", "language", "rest", "body"), list(blocks()))
def test_block(name, language, rest, body, tmp_path, store):
    for file, content in files_of(name):
        (tmp_path / file).write_text(content)
    if language == "python":
        assert "file=" in rest or compile(body, name, "exec")
        return
    assert language in ("bash", "text", "toml"), f"{name}: a block of {language} is checked by nobody"
    if language == "toml":
        check_layout(body, tmp_path)
    if language != "bash":
        return
    for line in filter(None, body.replace("\\\n", " ").splitlines()):
        for command in line.split(" && "):
            words = shlex.split(command, comments=True)
            if not words or command.startswith(INSTALLS) or "DIR" in words:
                continue
            assert words[0] == "lodo", f"{name}: who checks {command!r}?"
            if words[1] in ("run", "sweep", "tune"):
                words += ["--dry-run", "--store", str(store)]
            if words[1] == "describe":
                words += ["--store", str(store)]
            if words[1] in ("report", "status", "table") and "lodo-out" in words:
                words = [*words[:2], "--help"]
            process = subprocess.run(
                [sys.executable, "-m", "lodo.benchmark.cli", *words[1:]], cwd=tmp_path, capture_output=True, text=True
            )
            assert process.returncode == 0, process.stdout + process.stderr


def test_the_example_method_and_task_have_at_most_fifteen_lines_of_code():
    examples = dict(files_of("CONTRIBUTING.md"))
    assert set(examples) == {"shared_tokens.py", "threefold.py"}
    for body in examples.values():
        assert sum(bool(line.strip()) for line in body.splitlines()) <= 15
