"""`evaluate` refuses what the command line refuses, in the same words, before any work."""

import sys

import pytest

from lodo.benchmark import cli, evaluate
from lodo.tasks.errors import InputError

NOWHERE = "opt-equal/nowhere"  # so that nothing is trained where the check is missing
BAD = [
    ({"device": "tpu"}, "--device tpu: torch finds no such device here; use --device cpu"),
    ({"jobs": 0}, "--jobs 0: at least one process is needed"),
    ({"timeout": 0.0}, "--timeout 0: no run is done in that; name seconds above 0, or leave it out"),
    ({"timeout": -2.5}, "--timeout -2.5: no run is done in that; name seconds above 0, or leave it out"),
    ({"timeout": float("nan")}, "--timeout nan: no run is done in that; name seconds above 0, or leave it out"),
]


@pytest.mark.parametrize(("options", "sentence"), BAD)
def test_both_refuse_in_the_same_words(options, sentence, tmp_path, monkeypatch, capsys):
    with pytest.raises(InputError) as refused:
        evaluate(tmp_path / "out", store=tmp_path / "store", tasks=[NOWHERE], **options)
    assert str(refused.value) == sentence
    words = [part for name, value in options.items() for part in (f"--{name}", str(value))]
    monkeypatch.setattr(sys, "argv", ["lodo", "run", "--task", NOWHERE, "--store", str(tmp_path / "store"), *words])
    with pytest.raises(SystemExit):
        cli.main()
    assert capsys.readouterr().err.strip() == f"error {sentence}"
    assert not list(tmp_path.rglob("*.json"))


def test_both_refuse_a_foreign_out_directory_before_any_work(tmp_path):
    (tmp_path / "out").mkdir()
    (tmp_path / "out" / "thesis.tex").write_text("precious")
    with pytest.raises(InputError, match="name an empty folder"):
        evaluate(tmp_path / "out", store=tmp_path / "store", tasks=[NOWHERE])
    assert not (tmp_path / "store").exists()


def test_both_refuse_a_store_that_is_a_file(tmp_path):
    (tmp_path / "store").write_text("")
    with pytest.raises(InputError, match=r"--store .*store: .*; name a folder that can be written"):
        evaluate(tmp_path / "out", store=tmp_path / "store", tasks=[NOWHERE])
