"""`lodo run --config`: a file's options, those of the command line before them, and the out folder's own file."""

import json
import tomllib

import pandas as pd
import pytest

from lodo.benchmark.config import write_options
from lodo.methods.base import METHODS

from .conftest import SETTINGS

SETS = [f"{key}={value}" for key, value in SETTINGS.items()]


@pytest.fixture
def places(lodo, tmp_path):
    """What any file here says, so that a run is tiny."""
    return {
        "task": ["opt-equal/places"],
        "method": ["graddot"],
        "seeds": 1,
        "runs": 1,
        "set": SETS,
        "data": str(lodo.text),
        "store": str(lodo.store),
        "out": str(tmp_path / "out"),
    }


@pytest.fixture
def config(command, made_up, places, tmp_path):
    """A function that runs a file of options, with more on the command line; as text or as what is changed."""

    def give(*words, text=None, **options):
        file = tmp_path / "mine.toml"
        lines = [f"{key} = {json.dumps(value)}" for key, value in {**places, **options}.items()]
        file.write_text("\n".join(lines) if text is None else text)
        return command("run", "--config", file, *words)

    return give


def attempts(tmp_path):
    return pd.read_parquet(tmp_path / "out" / "attempts.parquet").query("method != 'retraining'")


def test_a_run_takes_its_options_from_a_file(config, tmp_path):
    said = config(**{"memory-checks": False, "suite": "full", "threads": 1})
    assert said.code == 0, said
    assert "1 tasks, 3 methods, 1 seeds, 1 runs" in said.out
    assert pd.read_parquet(tmp_path / "out" / "forgetting.parquet").empty


def test_options_on_the_command_line_win(config, tmp_path):
    assert "3 methods, 2 seeds, 3 runs" in config("--seeds", "2", "--runs", "3", "--method", "gradcos").out
    assert "graddot" not in set(attempts(tmp_path).method)


def test_settings_of_the_command_line_join_those_of_the_file_and_win_one_by_one(config, tmp_path):
    assert config("--set", "recipe.steps=20", "--set", "recipe.lr=0.01", "--dry-run").code == 0
    assert config("--set", "recipe.steps=20").code == 0
    changes = json.loads((tmp_path / "out/run.json").read_text())["finished"]["changes"]
    assert changes == {**{key: str(value) for key, value in SETTINGS.items()}, "recipe.steps": "20"}


def test_the_negative_of_an_option_is_a_key_too(config, tmp_path):
    assert config(**{"no-memory-checks": True}).code == 0
    assert pd.read_parquet(tmp_path / "out" / "forgetting.parquet").empty


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"seds": 2}, "{file}: no option is called 'seds' (did you mean 'seeds'?); mend the key"),
        ({"config": "x"}, "{file}: no option is called 'config'"),
        ({"seeds": "two"}, '{file}: seeds = "two": '),
        ({"seeds": [1]}, "{file}: seeds = [1]: it takes one value; mend the value"),
        ({"method": "graddot"}, '{file}: method = "graddot": it takes a list; mend the value'),
        ({"retry": "yes"}, '{file}: retry = "yes": it takes true or false; mend the value'),
        ({"scale": "huge"}, '{file}: scale = "huge": '),
    ],
)
def test_a_bad_key_or_value_is_named_with_its_file(config, tmp_path, options, sentence):
    said = config(**options)
    assert said.code == 2
    assert len(said.err.splitlines()) == 1
    assert said.err.startswith("error --config " + sentence.format(file=tmp_path / "mine.toml"))


def test_a_file_that_is_no_toml_or_not_there_is_named(config, command, tmp_path):
    said = config(text="seeds = = 2")
    assert said.code == 2
    assert said.err.startswith(f"error --config {tmp_path / 'mine.toml'}: no TOML (")
    said = command("run", "--config", tmp_path / "nowhere.toml")
    assert (said.code, said.err.partition(":")[2].strip()) == (
        2,
        "No such file or directory; name a TOML file with options of this command",
    )


def test_a_run_writes_its_own_options_so_that_they_can_be_given_again(run, command, made_up, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    run("--task", "opt-equal/places", "--seeds", "1", "--runs", "1", "--method", "graddot", "--retry", out="out")
    written = tomllib.loads((tmp_path / "out/run.toml").read_text())
    assert written == {
        "task": ["opt-equal/places"],
        "seeds": 1,
        "runs": 1,
        "method": ["graddot"],
        "set": SETS,
        "data": str(tmp_path / "text"),
        "store": str(tmp_path / "store"),
        "out": str(tmp_path / "out"),
    }
    made_up.did.clear()
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    said = command("run", "--config", tmp_path / "out/run.toml")
    assert "computed nothing" in said.out
    assert tomllib.loads((tmp_path / "out/run.toml").read_text()) == written
    assert command("run", "--config", tmp_path / "out/run.toml", "--add-method", "gradcos").code == 0
    assert tomllib.loads((tmp_path / "out/run.toml").read_text()) == {**written, "add-method": ["gradcos"]}


def test_a_method_from_a_file_is_written_with_its_whole_path(run, tmp_path, monkeypatch):
    METHODS.names()
    monkeypatch.setattr(METHODS, "_items", dict(METHODS._items))
    monkeypatch.chdir(tmp_path)
    (tmp_path / "mine_in_config.py").write_text(
        "import dataclasses\nfrom lodo.methods import AttributionMethod, register\n\n\n"
        "@register('mine-in-config')\n@dataclasses.dataclass(frozen=True)\nclass Mine(AttributionMethod):\n    pass\n"
    )
    run("--task", "opt-equal/places", "--seeds", "1", "--runs", "1", "--method", "mine_in_config.py:Mine", out="out")
    written = tomllib.loads((tmp_path / "out/run.toml").read_text())
    assert written["method"] == [f"{tmp_path / 'mine_in_config.py'}:Mine"]


def test_a_dry_run_writes_no_options(run, tmp_path):
    run("--task", "opt-equal/places", "--method", "graddot", "--dry-run", out=tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_any_text_is_written_as_toml_that_is_read_back(tmp_path):
    options = {
        "data": 'a "quoted"\\path\x7f\n\té ',
        "set": ["a=1", "b='2'"],
        "timeout": 2.5,
        "compile": True,
        "seeds": 3,
    }
    write_options(tmp_path, options)
    assert tomllib.loads((tmp_path / "run.toml").read_text()) == options
