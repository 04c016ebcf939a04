"""The house rules: imports run one way, packages know their name, the wheel holds exactly the tree's files."""

import ast
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PACKAGES = ("tasks", "methods", "benchmark", "reports")
MAY_IMPORT = {"tasks": {"tasks"}, "methods": {"methods", "tasks"}, "reports": {"reports"}, "benchmark": set(PACKAGES)}


def imported(path):
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: import absolutely"
            yield node.module


@pytest.mark.parametrize("package", PACKAGES)
def test_imports_run_one_way(package):
    for path in (ROOT / package).rglob("*.py"):
        for name in imported(path):
            top, _, rest = name.partition(".")
            if top == "lodo":
                assert rest.split(".")[0] in MAY_IMPORT[package], f"{path} imports {name}"
            assert top not in PACKAGES, f"{path} imports {name}: write lodo.{name}"
            assert not (package == "reports" and top in ("torch", "transformers")), f"{path} imports {name}"


@pytest.mark.parametrize("package", PACKAGES)
def test_a_package_imported_from_the_root_says_what_is_wrong(package):
    code = f"import {package}"
    found = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert f"import this package as lodo.{package}" in found.stderr


def test_answers_at_once_come_without_torch():
    code = (
        "import sys; from typer.testing import CliRunner; from lodo.benchmark.cli import app\n"
        "for words in (['--help'], ['run', '--help'], ['list', 'methods'], ['list', 'values'], ['list', 'suites']):\n"
        "    assert CliRunner().invoke(app, words).exit_code == 0, words\n"
        "assert 'torch' not in sys.modules and 'transformers' not in sys.modules"
    )
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.slow
def test_the_wheel_holds_exactly_the_trees_files(tmp_path):
    subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "-w", str(tmp_path), str(ROOT)], check=True
    )
    (wheel,) = tmp_path.glob("*.whl")
    packed = {name.removeprefix("lodo/") for name in zipfile.ZipFile(wheel).namelist() if not name.startswith("lodo-")}
    kinds = (".py", ".typed", ".jinja", ".css", ".js", ".json")
    tree = {
        str(path.relative_to(ROOT))
        for package in PACKAGES
        for path in (ROOT / package).rglob("*")
        if path.name.endswith(kinds) and "__pycache__" not in path.parts
    }
    assert packed == tree


def test_files_say_what_they_are_for_and_fit_in_one_sitting():
    for package in PACKAGES:
        for path in (ROOT / package).rglob("*.py"):
            text = path.read_text()
            assert text.startswith('"""'), f"{path}: the first line says what the file is for"
            assert len(text.splitlines()) <= 330, f"{path}: more than one sitting"
