"""The house rules: imports run one way, packages know their name, the wheel holds exactly the tree's files."""

import ast
import collections
import graphlib
import os
import re
import site
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


def module_of(path, root):
    parts = path.relative_to(root).with_suffix("").parts
    return ".".join(("lodo", *(parts[:-1] if parts[-1] == "__init__" else parts)))


def imports_that_run(tree):
    """(module, name or None) of every import, those inside functions too, but not those for types alone."""
    waiting = [tree]
    while waiting:
        node = waiting.pop()
        if isinstance(node, ast.Import):
            yield from ((alias.name, None) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield from ((node.module, alias.name) for alias in node.names)
        elif isinstance(node, ast.If) and ast.unparse(node.test) in ("TYPE_CHECKING", "typing.TYPE_CHECKING"):
            waiting += node.orelse
        else:
            waiting += ast.iter_child_nodes(node)


def import_cycle(root):
    """Modules of the packages under a folder, each of which imports the next and the last one the first; or none."""
    paths = {module_of(path, root): path for package in PACKAGES for path in (root / package).rglob("*.py")}
    imports = {}
    for module, path in paths.items():
        targets = imports_that_run(ast.parse(path.read_text()))
        submodules = ((f"{target}.{name}", target) for target, name in targets)
        imports[module] = {longer if longer in paths else target for longer, target in submodules} & paths.keys()
    try:
        graphlib.TopologicalSorter(imports).prepare()
    except graphlib.CycleError as error:
        return error.args[1][::-1]
    return []


def test_no_modules_import_each_other():
    cycle = import_cycle(ROOT)
    assert not cycle, f"an import cycle, local imports count: {' imports '.join(cycle)}"


@pytest.mark.parametrize(
    ("back", "cyclic"),
    [
        ("import lodo.tasks.one", True),
        ("from lodo.tasks import one", True),
        ("def f():\n    from lodo.tasks.one import x", True),
        ("from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from lodo.tasks.one import x", False),
        ("TYPE_CHECKING = 0\nif TYPE_CHECKING:\n    pass\nelse:\n    import lodo.tasks.one", True),
        ("import lodo.methods.one", False),
    ],
)
def test_a_cycle_is_seen_wherever_its_imports_run(tmp_path, back, cyclic):
    (tmp_path / "tasks").mkdir()
    (tmp_path / "tasks/one.py").write_text("from lodo.tasks.two import y")
    (tmp_path / "tasks/two.py").write_text(back)
    cycle = import_cycle(tmp_path)
    assert bool(cycle) == cyclic
    assert not cyclic or {*cycle} == {"lodo.tasks.one", "lodo.tasks.two"}


def test_a_method_and_its_engine_have_files_of_different_names():
    paths = [path for path in (ROOT / "methods").rglob("*.py") if path.name != "__init__.py"]
    names = collections.Counter(path.name for path in paths)
    assert not [name for name, count in names.items() if count > 1]


@pytest.mark.parametrize("package", PACKAGES)
def test_a_package_imported_from_the_root_says_what_is_wrong(package):
    code = f"import {package}"
    importing = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert f"import this package as lodo.{package}" in importing.stderr


def test_answers_at_once_come_without_torch():
    code = (
        "import sys; from typer.testing import CliRunner; from lodo.benchmark.cli import app\n"
        "helps = [['--help'], ['run', '--help'], ['describe', '--help']]\n"
        "for words in (*helps, ['list', 'methods'], ['list', 'values'], ['list', 'suites']):\n"
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
    assert packed == tree | {"__main__.py"}


def test_lodo_stays_a_namespace_with_one_file_of_its_own():
    assert [path.name for path in (ROOT / "lodo").iterdir() if path.name != "__pycache__"] == ["__main__.py"]
    assert (ROOT / "lodo" / "__main__.py").read_text().startswith('"""')


@pytest.mark.slow
def test_python_m_lodo_works_from_an_installed_wheel(tmp_path):
    subprocess.run(
        [sys.executable, "-m", "pip", "wheel", "-q", "--no-deps", "-w", str(tmp_path), str(ROOT)], check=True
    )
    (wheel,) = tmp_path.glob("*.whl")
    zipfile.ZipFile(wheel).extractall(tmp_path / "site")
    # Without the site's hooks, so that no editable install is found beside it.
    places = [str(tmp_path / "site"), *site.getsitepackages()]
    process = subprocess.run(
        [sys.executable, "-S", "-m", "lodo", "--version"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(places)},
    )
    assert process.stdout.startswith("lodo "), process.stderr


def test_files_say_what_they_are_for_and_fit_in_one_sitting():
    for package in PACKAGES:
        for path in (ROOT / package).rglob("*.py"):
            text = path.read_text()
            assert text.startswith('"""'), f"{path}: the first line says what the file is for"
            assert len(text.splitlines()) <= 330, f"{path}: more than one sitting"


def test_tokens_meet_a_model_in_one_file():
    """What a model is called with, and the shift of labels, stand in the likelihood seam alone."""
    for package in PACKAGES:
        for path in (ROOT / package).rglob("*.py"):
            if path != ROOT / "tasks" / "likelihood.py":
                text = path.read_text()
                assert "input_ids" not in text, path
                assert "logits[:, :-1]" not in text, path


def test_no_code_asks_which_kind_of_model_it_has():
    for package in ("tasks", "methods"):
        for path in (ROOT / package).rglob("*.py"):
            assert not re.search(r"\.kind (==|!=|in|not in) ", path.read_text()), path
