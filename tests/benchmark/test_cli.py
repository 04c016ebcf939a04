"""Bad input stops before any work with exit code 2 and one sentence; lists and help answer at once."""

import subprocess
import sys

import pytest

from lodo.benchmark import cli
from lodo.methods.base import METHODS

from .conftest import write_jsonl


@pytest.fixture
def refused(monkeypatch, capsys, text, tmp_path):
    """A function that gives the one sentence with which `lodo run` on the tiny text refuses options."""

    def run(*options, data=text):
        words = ["lodo", "run", "--data", str(data), "--store", str(tmp_path / "store"), "--out", str(tmp_path / "out")]
        monkeypatch.setattr(sys, "argv", [*words, *options])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        assert ended.value.code == 2
        assert not (tmp_path / "store" / "training").exists()
        lines = capsys.readouterr().err.strip().splitlines()
        assert len(lines) == 1
        return lines[0].removeprefix("error ")

    return run


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (("--task", "opt-equal/place"), "--task opt-equal/place: no such task (did you mean 'opt-equal/places'?)"),
        (
            ("--method", "gradot"),
            "--method gradot: no such method (did you mean 'graddot'?); `lodo list methods`",
        ),
        (("--set", "untrac.rate=3"), "--set untrac.rate: no such hyperparameter"),
        (("--set", "untrac.lr=-3"), "--set untrac.lr: Input should be greater than 0"),
        (("--set", "recipe.step=3"), "(did you mean 'steps'?)"),
        (("--set", "tracin.lr"), "--set tracin.lr: write it as METHOD.name=value"),
        (("--set", "nobody.lr=1"), "'nobody' is no method of this run"),
        (("--seeds", "0"), "--seeds 0: at least one seed is needed"),
        (("--jobs", "0"), "--jobs 0: at least one process is needed"),
        (("--device", "tpu"), "--device tpu: torch finds no such device here"),
        (("--add-method", "nobody.py:X"), "--add-method nobody.py:X: there is no file"),
        (("--add-method", "gradot"), "--add-method gradot: no such method (did you mean 'graddot'?)"),
        (("--add-task", "opt-eqal"), "--add-task opt-eqal: no such task (did you mean 'opt-equal'?)"),
        (("--add-task", "nobody.py:x"), "--add-task nobody.py:x: there is no file"),
        (("--task", "nobody.py:x"), "--task nobody.py:x: there is no file"),
        (("--timeout", "0"), "--timeout 0: no run is done in that; name seconds above 0, or leave it out"),
        (("--set", "untrack.lr=1"), "(did you mean 'untrac'?)"),
        (("--on", "A100"), "--on A100: hours on a card are shown by --dry-run"),
        (("--dry-run", "--on", "A1000"), "--on A1000: no such card"),
    ],
)
def test_options(refused, options, sentence):
    assert sentence in refused(*options)


@pytest.mark.parametrize("options", [("--planted",), ("--draw", "other")])
def test_a_table_that_has_no_scores_takes_no_run_beside_them(options, monkeypatch, capsys):
    monkeypatch.setattr(sys, "argv", ["lodo", "table", "out", "--more", "everything", *options])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    assert ended.value.code == 2
    assert "give it without --planted and --draw" in capsys.readouterr().err


NAMED = """
import dataclasses
from lodo.methods import AttributionMethod, register


@register("{name}")
@dataclasses.dataclass(frozen=True)
class Mine(AttributionMethod):
    pass
"""


@pytest.mark.parametrize("name", ["retraining", "random", "dataset-size"])
def test_no_method_takes_the_name_of_a_reference(refused, monkeypatch, tmp_path, name):
    METHODS.names()
    monkeypatch.setattr(METHODS, "_items", dict(METHODS._items))  # what this file registers is for this test alone
    file = tmp_path / f"named_{name.replace('-', '_')}.py"
    file.write_text(NAMED.format(name=name))
    sentence = refused("--add-method", f"{file}:Mine")
    assert f"'{name}'" in sentence
    assert "rename" in sentence


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b'{"text": "a"}\n{"txt": "a"}\n', "sky.jsonl, line 2: 'text' is missing or empty"),
        (b'{"text": "a"}\n{"text":\n', "sky.jsonl, line 2: invalid JSON"),
        (b'{"text": "a"}\n{"text": "\xff"}\n', "sky.jsonl, line 2: byte 11 is not UTF-8"),
        (b"", "sky.jsonl: it is empty"),
        (b'{"text": "a"}\n', "corpus 'sky' has 2 tokens, fewer than one sequence"),
    ],
)
def test_files(refused, text, content, sentence):
    (text / "corpora" / "sky.jsonl").write_bytes(content)
    assert sentence in refused()


def test_fewer_than_three_datasets(refused, text):
    for name in ("sky", "sea"):
        (text / "corpora" / f"{name}.jsonl").unlink()
    assert "2 training datasets, at least 3 are needed" in refused()


def test_a_test_set_that_leaves_no_subset(refused, text):
    write_jsonl(text / "tests" / "toxigen.jsonl", [{"text": "too few words", "group": "them"}])
    assert "toxigen" in refused()


def test_no_folder(refused, tmp_path):
    assert "no such folder" in refused(data=tmp_path / "nowhere")


def test_an_out_directory_of_something_else(refused, tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.tex").write_text("precious")
    assert "name an empty folder" in refused()
    assert (tmp_path / "out" / "thesis.tex").read_text() == "precious"


def test_test_text_in_a_corpus_is_a_warning_that_shows_the_lines(lodo, text, tmp_path):
    known = "nine green herons ate the whole of my cold supper"
    tests = [*({"text": known, "subset": name} for name in ("sea", "wood"))]
    write_jsonl(text / "tests" / "places.jsonl", tests)
    lines = (text / "corpora" / "town.jsonl").read_text().splitlines()
    (text / "corpora" / "town.jsonl").write_text("\n".join([*lines, f'{{"text": "so {known} it was"}}']) + "\n")
    process = lodo.run("--dry-run", out=tmp_path / "out")
    assert "warning" in process.stdout
    assert "town" in process.stdout
    assert f"document {len(lines) + 1}" in process.stdout
    assert known in process.stdout


@pytest.mark.parametrize(
    "words", [("--help",), ("run", "--help"), ("list", "methods"), ("list", "values"), ("list", "suites")]
)
def test_what_needs_no_torch_does_not_import_it(words):
    program = (
        "import sys; from lodo.benchmark import cli\n"
        "try: cli.main()\nexcept SystemExit as end: assert not end.code\n"
        "assert 'torch' not in sys.modules"
    )
    process = subprocess.run([sys.executable, "-c", program, *words], capture_output=True, text=True)
    assert process.returncode == 0, process.stderr


def test_a_dry_run_says_what_it_takes_without_torch_even_where_text_is_too_short(lodo, tmp_path):
    program = (
        "import sys; from lodo.benchmark import cli\n"
        "try: cli.main()\nexcept SystemExit as end: assert not end.code\n"
        "assert 'torch' not in sys.modules"
    )
    options = ("--dry-run", "--on", "t4", "--seeds", "1", "--method", "hif-cg")
    words = lodo.words(*options, out=tmp_path / "out", settings={"task.examples": 100_000})
    process = subprocess.run([sys.executable, "-c", program, *words[3:]], capture_output=True, text=True)
    assert process.returncode == 0, process.stderr
    assert "memory of hif-cg, the dearest method" in process.stdout
    assert "hours on one T4" in process.stdout
    assert "cannot run yet" in process.stdout
    assert not (tmp_path / "store" / "training").exists()
