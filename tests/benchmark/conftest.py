"""A tiny folder of text and the command line on it, in processes of their own."""

import json
import random
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from lodo.benchmark import cli, pipeline
from lodo.reports.site.writing import write_site

from .made_up import MadeUp

SETTINGS = {
    "recipe.steps": 30,
    "recipe.batch_size": 4,
    "recipe.sequence_length": 16,
    "recipe.warmup": 2,
    "model.width": 16,
    "model.layers": 1,
    "model.heads": 2,
    "model.feedforward": 32,
    "model.positions": 32,
    "tokenizer.vocabulary": 300,
    "task.examples": 8,
}
WORDS = {
    "sea": ["wave", "salt", "ship", "sail", "storm", "reef", "tide"],
    "wood": ["oak", "moss", "fox", "path", "fern", "owl", "bark"],
    "town": ["street", "bell", "market", "tram", "lamp", "roof"],
    "sky": ["cloud", "star", "comet", "wind", "moon", "dawn"],
}


def write_jsonl(path, rows):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))


@pytest.fixture
def text(tmp_path) -> Path:
    """Four corpora of a vocabulary each and one test set with a subset of the sea's and one of the wood's words."""
    rng = random.Random(0)

    def sentence(words, count):
        return "the " + " and the ".join(rng.choice(words) for _ in range(count))

    for name, words in WORDS.items():
        write_jsonl(tmp_path / f"text/corpora/{name}.jsonl", [{"text": sentence(words, 12)} for _ in range(80)])
    rows = [{"text": sentence(WORDS[name], 4), "subset": name} for name in ("sea", "wood") for _ in range(8)]
    write_jsonl(tmp_path / "text/tests/places.jsonl", rows)
    return tmp_path / "text"


@dataclass(frozen=True)
class Lodo:
    """The command line with the tiny settings on the tiny text."""

    text: Path
    store: Path

    def words(self, *options, out, settings=(), store=None):
        changed = {**SETTINGS, **dict(settings)}
        sets = [part for key, value in changed.items() for part in ("--set", f"{key}={value}")]
        places = ["--data", str(self.text), "--out", str(out), "--store", str(store or self.store)]
        return [sys.executable, "-m", "lodo.benchmark.cli", "run", *places, *sets, *options]

    def run(self, *options, code=0, **places):
        process = subprocess.run(self.words(*options, **places), capture_output=True, text=True, timeout=600)
        assert process.returncode == code, process.stdout + process.stderr
        return process


@pytest.fixture
def lodo(text, tmp_path) -> Lodo:
    return Lodo(text, tmp_path / "store")


TABLES = ("ground_truth", "estimates", "datasets", "scores", "reliability", "trainings", "subsets")


def table_bytes(out: Path) -> dict[str, bytes]:
    """Every table that holds no time, byte for byte."""
    return {name: (out / f"{name}.parquet").read_bytes() for name in TABLES}


@pytest.fixture
def made_up(monkeypatch) -> MadeUp:
    """All work is made up, and pages are short; what is to fail is said to it."""

    def short_page(tables, out, question="as_in_paper"):
        methods = " ".join(sorted(tables.attempts["method"].unique()))
        page = f"<!doctype html>\n<body>\n<p>{methods}</p>\n</body>".encode()
        write_site(out, {"index.html": page, "methods/one.html": page})
        return out / "index.html"

    work = MadeUp()
    monkeypatch.setattr(pipeline, "run_chains", work)
    monkeypatch.setattr(pipeline, "write_leaderboard", short_page)
    return work


@dataclass(frozen=True)
class Said:
    """What a command said, and with which code it ended."""

    code: int
    out: str
    err: str


@pytest.fixture
def command(monkeypatch, capsys):
    """A function that gives a command line to lodo in this process."""

    def give(*words):
        monkeypatch.setattr(sys, "argv", ["lodo", *map(str, words)])
        capsys.readouterr()
        try:
            cli.main()
            code = 0
        except SystemExit as end:
            code = end.code or 0
        return Said(code, *capsys.readouterr())

    return give


@pytest.fixture
def run(command, lodo, made_up):
    """A function that gives `lodo run` on the tiny text, with work that is made up."""

    def give(*options, out, code=0, **places):
        said = command(*lodo.words(*options, out=out, **places)[3:])
        assert said.code == code, said
        return said

    return give
