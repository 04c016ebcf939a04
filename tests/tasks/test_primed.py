"""A primed T5: made once, from the questions, the same for every seed, made anew where what makes it has changed."""

import sys
import threading
import time
from importlib.metadata import version

import pytest
import torch

from lodo.tasks import kept
from lodo.tasks.architectures import primed
from lodo.tasks.architectures.primed import Primed
from lodo.tasks.architectures.t5 import T5
from lodo.tasks.kept import made_once
from lodo.tasks.likelihood import Examples, mean_loss
from lodo.tasks.questions import questions
from lodo.tasks.sequences import Shape, encode
from lodo.tasks.spec import Recipe, TokenizerSpec

SPEC = TokenizerSpec(vocabulary=1)
SMALL = Primed(
    positions=64,
    unprimed=T5(width=16, layers=1, heads=2, feedforward=32, positions=64, tied=True, activation="relu"),
    entries=300,
    questions=200,
    recipe=Recipe(steps=60, batch_size=16, sequence_length=64, lr=5e-3, checkpoints=1),
)


@pytest.fixture
def home(tmp_path, monkeypatch):
    monkeypatch.setenv("LODO_HOME", str(tmp_path))
    return tmp_path / "pretrained"


def folders(home):
    return sorted(path for path in home.iterdir() if path.is_dir())


def weights(model):
    return torch.cat([value.detach().flatten() for value in model.parameters()])


def test_it_is_made_once_tells_how_far_it_is_and_knows_the_questions(home, monkeypatch):
    parts = []
    SMALL.make_ready(parts.append)
    assert parts == sorted(parts)
    assert parts[-1] == 1
    vocabulary = SMALL.vocabulary(["nothing of the mixture"], SPEC)
    model = SMALL.build(vocabulary.size, seed=0)
    asked, cut = encode(questions(200, 0), vocabulary, Shape(64, encoder_decoder=True, closed=True))
    assert not cut
    before = SMALL.unprimed.build(vocabulary.size, seed=0)
    assert mean_loss(model, Examples.of(asked)) < mean_loss(before, Examples.of(asked)) - 2
    monkeypatch.setattr(Primed, "_prime", None)
    SMALL.make_ready()
    assert torch.equal(weights(SMALL.build(vocabulary.size, seed=1)), weights(model)), "the seed is the training's"
    assert SMALL.build(vocabulary.size, seed=0, precision="float64").dtype == torch.float64
    assert len(folders(home)) == 1


@pytest.mark.parametrize(
    "change",
    [{"priming": 1}, {"questions": 100}, {"recipe": SMALL.recipe.model_copy(update={"lr": 1e-3})}],
)
def test_other_settings_are_other_weights(home, change):
    assert SMALL.model_copy(update=change)._name() != SMALL._name()


def test_a_change_of_what_makes_it_is_other_weights(home, tmp_path, monkeypatch):
    before = SMALL._name()
    for name in (*primed.MAKERS, *primed.TRAINERS):
        module = sys.modules[f"lodo.tasks.{name}"]
        edited = tmp_path / f"{name}.py"
        edited.write_text("# another\n")
        with monkeypatch.context() as patch:
            patch.setattr(module, "__file__", str(edited))
            assert SMALL._name() != before, name
    for library in primed.LIBRARIES:
        with monkeypatch.context() as patch:
            patch.setattr(primed, "version", lambda name, new=library: "another" if name == new else version(name))
            assert SMALL._name() != before, library


def test_what_is_made_stands_whole_or_not_at_all(home):
    def half(folder):
        (folder / "half").write_text("")
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        made_once("thing", half)
    assert not (home / "thing").exists()
    folder = made_once("thing", lambda folder: (folder / "whole").write_text(""))
    assert [path.name for path in folder.iterdir()] == ["whole"]


def test_two_at_once_make_it_once(home):
    count, begun = [], threading.Event()

    def make(folder):
        count.append(1)
        begun.set()
        time.sleep(0.2)

    others = [threading.Thread(target=made_once, args=("thing", make)) for _ in range(2)]
    others[0].start()
    begun.wait()
    others[1].start()
    for thread in others:
        thread.join()
    assert len(count) == 1
    assert kept.made_once("thing", make) == home / "thing"
