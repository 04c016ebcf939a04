"""Every hyperparameter says why it is what it is, and tuned values come from records alone."""

import dataclasses

import pytest

from lodo.methods import records
from lodo.methods.base import METHODS, AttributionMethod
from lodo.methods.records import GridPoint, TuningRecord, read_record, write_record
from lodo.methods.select import build_method, explain, method_class, scaled_values, tuned_method
from lodo.tasks.errors import InputError

OWN = [name for name in METHODS.names() if METHODS.get(name).__module__.startswith("lodo.methods.")]


@pytest.fixture
def folder(tmp_path, monkeypatch):
    monkeypatch.setattr(records, "FOLDER", tmp_path / "tuned")
    return tmp_path / "tuned"


def record(**changes):
    point = GridPoint(values={"lr": 3e-4}, pearson=0.5, low=0.4, high=0.6, trainings=0.2, cause="")
    fields = {
        "method": "untrac",
        "scale": "mini",
        "values": {"lr": 3e-4},
        "grid": {"lr": [1e-5, 3e-4]},
        "fixed": {"batch_size": 8},
        "tasks": ("opt-tuning/toxigen",),
        "text": {"seed": 1},
        "seeds": 2,
        "runs": 2,
        "examples": 250,
        "version": "0",
        "code": "0",
        "points": (point,),
    }
    return TuningRecord(**{**fields, **changes})


@pytest.mark.parametrize("name", OWN)
def test_every_default_says_where_it_comes_from(name):
    cls = METHODS.get(name)
    known = {key for each in cls.__mro__ for key in vars(each).get("defaults", {})}
    fields = {field.name for field in dataclasses.fields(cls)}
    assert fields <= known, f"say in {cls.__name__}.defaults why {sorted(fields - known)} are what they are"
    for setting in explain(cls(), "mini").values():
        assert setting.why.detail


@pytest.mark.parametrize("name", OWN)
def test_what_a_scale_replaces_differs_from_the_default(name):
    """A value that is the default would be called a budget without being one."""
    cls = METHODS.get(name)
    for each in cls.__mro__:
        for replaced in vars(each).get("scaled", {}).values():
            for key, setting in replaced.items():
                assert setting.value != getattr(cls(), key)


@pytest.mark.parametrize("name", OWN)
def test_only_a_record_makes_a_value_tuned(name, folder):
    settings = explain(build_method(name, scaled_values(METHODS.get(name), "mini")), "mini")
    assert {setting.why.reason for setting in settings.values()} <= {"paper", "chosen", "budget"}


def test_the_record_replaces_the_class_and_the_user_the_record(folder):
    assert tuned_method("untrac", "mini", {}).lr == 5e-5
    write_record(record())
    method = tuned_method("untrac", "mini", {})
    assert (method.lr, method.points) == (3e-4, 2)
    assert tuned_method("untrac", "small", {}).lr == 5e-5
    assert tuned_method("untrac", "mini", {"lr": "1e-3"}).lr == 1e-3


def test_each_value_says_why(folder):
    write_record(record())
    settings = explain(tuned_method("untrac", "mini", {"epochs": "3"}), "mini")
    assert {name: setting.why.reason for name, setting in settings.items()} == {
        "optimizer": "paper",
        "lr": "tuned",
        "batch_size": "paper",
        "epochs": "asked",
        "points": "budget",
        "dropout": "chosen",
    }
    assert "grid: lr 1e-05, 0.0003" in settings["lr"].why.detail
    assert "opt-tuning" in settings["lr"].why.detail
    matrix = explain(tuned_method("hif-lissa", "mini", {}), "mini")["examples"]
    assert matrix.why.detail == "kept small for cost; the paper takes 256"
    assert settings["points"].why.detail == "kept small for cost; the default is 4"
    # Set back to the paper's value, it is the paper's.
    assert explain(tuned_method("untrac", "mini", {"lr": "5e-5"}), "mini")["lr"].why.reason == "paper"


def test_records_of_two_scales_lie_in_one_file(folder):
    write_record(record())
    write_record(record(scale="small", values={"lr": 1e-2}))
    write_record(record(values={"lr": 2e-2}))
    cls = method_class("untrac")
    assert read_record(cls, "mini").values == {"lr": 2e-2}
    assert read_record(cls, "small").values == {"lr": 1e-2}
    assert read_record(cls, "paper") is None


def test_a_damaged_record_is_named(folder):
    folder.mkdir()
    (folder / "untrac.json").write_text('{"mini": {"method": "untrac"}}')
    with pytest.raises(InputError, match=r"untrac\.json: no readable tuning record"):
        tuned_method("untrac", "mini", {})


def test_a_record_of_a_field_that_is_gone_is_an_error(folder):
    write_record(record(values={"rate": 1.0}))
    with pytest.raises(InputError, match=r"untrac\.rate: no such hyperparameter"):
        tuned_method("untrac", "mini", {})


def test_a_methods_author_may_say_nothing():
    @dataclasses.dataclass(frozen=True)
    class Mine(AttributionMethod):
        power: float = 1.0
        names: tuple[str, ...] = dataclasses.field(default_factory=tuple)

    settings = explain(Mine(), "mini")
    assert {name: (setting.value, setting.why.reason) for name, setting in settings.items()} == {
        "power": (1.0, "chosen"),
        "names": ((), "chosen"),
    }
    assert explain(Mine(power=2.0), "mini")["power"].why.reason == "asked"
