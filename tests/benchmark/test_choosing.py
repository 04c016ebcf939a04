"""Which tasks a request gets, on which text: families that bring their own, families from files and packages."""

import json
import textwrap

import pandas as pd
import pytest

from lodo.benchmark import evaluate
from lodo.benchmark.choosing import (
    asked,
    choose_tasks,
    inventory_chain,
    load_families,
    owners,
    prepared_chains,
    split_task,
    text_of,
)
from lodo.benchmark.identity import code_of
from lodo.benchmark.kinds.inventory import KIND as INVENTORY_KIND
from lodo.benchmark.kinds.inventory import Inventory
from lodo.benchmark.kinds.prepared import KIND as PREPARED_KIND
from lodo.benchmark.pipeline import make_request
from lodo.benchmark.sources import opened
from lodo.tasks import registry
from lodo.tasks.errors import InputError
from lodo.tasks.families.opt import SETTINGS as OPT
from lodo.tasks.family import FAMILIES, Family, register_family
from lodo.tasks.spec import TestFile

from .conftest import SETTINGS

OWN = """
    import random
    from dataclasses import dataclass

    from lodo.tasks.families.opt import SETTINGS, pretraining_task
    from lodo.tasks.family import register_family
    from lodo.tasks.source import Example
    from lodo.tasks.spec import TestFile

    OPENED = []


    @dataclass(frozen=True)
    class Sums:
        most: int

        kind = "sums"
        text = "pairs"

        def fingerprint(self):
            return f"sums up to {self.most}"

        def pairs(self):
            return {
                f"add-{n}": tuple(Example(f"{i} and {n} make", f" {i + n}") for i in range(self.most)) for n in range(4)
            }

        def corpora(self):
            return {name: [each.prompt + each.text for each in pairs] for name, pairs in self.pairs().items()}

        def tests(self):
            pairs = [(i, n) for i in (3, 5) for n in (1, 2)]
            return {
                "successor": [
                    {"prompt": f"{i} and {n} make", "text": f" {i + n}", "kind": f"add-{n}"} for i, n in pairs
                ]
            }

        def test_files(self):
            return {"successor": TestFile(rule="labelled", columns={"subset": "kind"})}


    def open_sums(scale):
        OPENED.append(scale)
        return Sums(120)


    @register_family("sums", settings={("mini", "pairs"): SETTINGS["mini", "planted"]}, own_text=open_sums)
    def sums(test, scale, source, corpora, settings):
        \"\"\"Sums.\"\"\"
        return pretraining_task("sums", (), test, scale, source, corpora, settings)


    @register_family("uneven", settings=SETTINGS)
    def uneven(test, scale, source, corpora, settings):
        \"\"\"The largest corpus twice as often as the others.\"\"\"
        return pretraining_task("uneven", (2,), test, scale, source, corpora, settings)


    plain = 3
"""
TEXT = Inventory(dict.fromkeys("abcd", 10**6), {"x": TestFile(), "y": TestFile(rule="toxigen")}, ())
SUMS = Inventory(
    {f"add-{n}": 10**4 for n in range(4)}, {"successor": TestFile(columns={"subset": "kind"})}, ("careful",)
)


@pytest.fixture(autouse=True)
def alone(monkeypatch):
    """What a test registers is for this test alone."""
    FAMILIES.names()
    monkeypatch.setattr(FAMILIES, "_items", dict(FAMILIES._items))


@pytest.fixture
def own(tmp_path):
    """A file with two families, one with text of its own."""
    (tmp_path / "own_sums.py").write_text(textwrap.dedent(OWN))
    return tmp_path / "own_sums.py"


def names(request, **inventories):
    return [task.name for task in choose_tasks(request, {None: TEXT, **inventories})]


def test_a_name_is_taken_apart():
    assert split_task("opt-equal") == ("opt-equal", "")
    assert split_task("opt-equal/x") == ("opt-equal", "x")
    assert split_task("../a/b.py:f/x") == ("../a/b.py:f", "x")
    assert split_task("/a/b.py:f") == ("/a/b.py:f", "")


def test_a_familys_name_stands_for_all_its_tasks_each_once():
    assert names(make_request(tasks=["opt-equal"])) == ["opt-equal/x", "opt-equal/y"]
    assert names(make_request(tasks=["opt-equal/y", "opt-equal"])) == ["opt-equal/y", "opt-equal/x"]


def test_an_added_family_comes_beside_what_runs_anyway(own):
    default = names(make_request())
    assert names(make_request(add_tasks=[f"{own}:uneven"])) == [*default, "uneven/x", "uneven/y"]
    request = make_request(tasks=["opt-equal/x"], add_tasks=[f"{own}:uneven/y"])
    assert names(request) == ["opt-equal/x", "uneven/y"]
    assert names(make_request(tasks=[f"{own}:uneven"])) == ["uneven/x", "uneven/y"]
    # Once it is loaded it still runs when asked for only.
    assert names(make_request()) == default


def test_a_file_is_loaded_again_as_what_it_was(own):
    for _ in range(2):
        assert make_request(add_tasks=[f"{own}:uneven"]).files == {"uneven": f"{own}:uneven"}
    (own.parent / "other.py").write_text(own.read_text())
    with pytest.raises(InputError, match=r"task '\w+' is registered twice, by \w+ in .*own_sums\.py and by"):
        make_request(add_tasks=[f"{own.parent / 'other.py'}:uneven"])


@pytest.mark.parametrize(
    ("locator", "sentence"),
    [
        ("nowhere.py:x", r"--add-task nowhere\.py:x: there is no file"),
        ("{own}:unevn", r"the file has no unevn \(did you mean 'uneven'\?\)"),
        ("{own}:plain", r"--add-task .*:plain: plain is no task family; put @register_family"),
        ("opt-eqal", r"--add-task opt-eqal: no such task \(did you mean 'opt-equal'\?\)"),
    ],
)
def test_what_is_no_family_is_refused(own, locator, sentence):
    with pytest.raises(InputError, match=sentence):
        make_request(add_tasks=[locator.format(own=own)])


def test_only_the_text_of_families_that_are_asked_for_is_read(own):
    load_families([f"{own}:sums"], "--add-task")
    assert owners(make_request()) == (None,)
    assert owners(make_request(tasks=["opt-equal/x"])) == (None,)
    assert owners(make_request(tasks=["sums"])) == ("sums",)
    assert owners(make_request(tasks=["sums/successor", "opt-equal"])) == (None, "sums")
    assert owners(make_request(add_tasks=[f"{own}:sums"])) == (None, "sums")
    opens = FAMILIES.get("sums").own_text.__globals__["OPENED"]
    assert opens == []
    text_of(make_request(tasks=["sums"]), "sums")
    assert opens == ["mini"]


def test_tasks_of_one_request_are_each_made_of_their_familys_text(own):
    request = make_request(tasks=["opt-equal"], add_tasks=[f"{own}:sums"])
    inventories = {None: TEXT, "sums": SUMS}
    tasks = {task.name: task for task in choose_tasks(request, inventories)}
    assert list(tasks) == ["opt-equal/x", "opt-equal/y", "sums/successor"]
    assert [task.source for task in tasks.values()] == ["generated", "generated", "sums"]
    assert tasks["sums/successor"].mixture.names == tuple(SUMS.corpora)
    assert tasks["opt-equal/x"].mixture.names == tuple("abcd")
    assert dict(tasks["sums/successor"].test_set.columns) == {"subset": "kind"}
    chains = prepared_chains(request, tuple(tasks.values()), inventories)
    mine, ours = (chains[tasks[name]].works[0] for name in ("sums/successor", "opt-equal/x"))
    assert [test.name for test in mine.job.spec.test_sets] == ["successor"]
    assert [(test.name, test.rule) for test in ours.job.spec.test_sets] == [("x", "labelled"), ("y", "toxigen")]
    assert mine.job.spec.fingerprint == "sums up to 120"
    assert ours.job.spec.fingerprint == request.source.fingerprint()
    assert chains[tasks["opt-equal/y"]] is chains[tasks["opt-equal/x"]]


def test_a_worker_finds_a_familys_text_by_the_file_that_it_came_from(own):
    request = make_request(tasks=[f"{own}:sums"])
    sent = inventory_chain(request, "sums").works[0].inputs.source
    assert sent.family == f"{own}:sums"
    FAMILIES._items.pop("sums")
    assert opened(sent).fingerprint() == "sums up to 120"
    assert opened(request.source) is request.source


def test_the_code_that_gives_a_text_is_in_the_keys_of_what_is_read_from_it(own):
    request = make_request(tasks=[f"{own}:sums"])
    spec = inventory_chain(request, "sums").works[0].job.spec
    assert spec.code == INVENTORY_KIND.code(own) != INVENTORY_KIND.code()
    tasks = choose_tasks(request, {"sums": SUMS})
    (chain,) = prepared_chains(request, tasks, {"sums": SUMS}).values()
    model = type(tasks[0].model)
    assert chain.works[0].job.spec.code == PREPARED_KIND.code(own, model) != PREPARED_KIND.code(model)
    before = code_of(own)
    other = own.with_name("renamed.py")
    other.write_text(own.read_text().replace("i + n}", "i - n}"))
    assert code_of(other).hash != before.hash


def test_an_unknown_test_of_an_own_text_is_named_with_those_it_has(own):
    request = make_request(tasks=["sums/sucessor"], add_tasks=[f"{own}:sums"])
    with pytest.raises(InputError, match=r"no such task \(did you mean 'sums/successor'\?\)"):
        choose_tasks(request, {"sums": SUMS})
    with pytest.raises(InputError, match=r"--task sumz: no such task \(did you mean 'sums'\?\); .*opt-equal/x"):
        names(make_request(tasks=["sumz"]))


def test_a_scale_for_which_there_is_no_own_text_is_refused_before_it_is_opened(own):
    with pytest.raises(InputError, match="sums has no settings at scale small; it has mini"):
        text_of(make_request(tasks=[f"{own}:sums"], scale="small"), "sums")
    assert FAMILIES.get("sums").own_text.__globals__["OPENED"] == []


def test_of_the_default_families_those_run_that_have_text_at_the_scale(own, monkeypatch):
    load_families([f"{own}:sums"], "--add-task")
    monkeypatch.setattr(Family, "is_lodos", True)
    assert "sums" in asked(make_request())
    assert asked(make_request(scale="small")) == ("opt-different", "opt-equal", "uneven")


def test_what_goes_wrong_in_a_users_family_is_said_in_one_sentence():
    @register_family("bad", settings={("mini", "pairs"): OPT["mini", "planted"]}, own_text=lambda scale: {}[scale])
    def bad(test, scale, source, corpora, settings): ...

    with pytest.raises(InputError, match="bad: opening its own text raised KeyError: 'mini'; mend its own_text"):
        text_of(make_request(tasks=["bad"]), "bad")

    @register_family("misnamed", settings=OPT)
    def misnamed(test, scale, source, corpora, settings):
        return FAMILIES.get("opt-equal").build(test, scale, source, corpora, settings)

    with pytest.raises(InputError, match="misnamed built the task 'opt-equal/x' on test set 'x'; name it misnamed/x"):
        names(make_request(tasks=["misnamed"]))


class Point:
    """An entry point of an installed package."""

    name = "packaged"

    def load(self):
        @register_family("packaged", settings=OPT)
        def packaged(test, scale, source, corpora, settings):
            """From a package."""
            return (
                FAMILIES.get("opt-equal")
                .build(test, scale, source, corpora, settings)
                .model_copy(update={"name": f"packaged/{test.name}"})
            )

        return packaged


def test_a_package_offers_families_through_its_entry_point(monkeypatch):
    groups = {"lodo.tasks": [Point()]}
    monkeypatch.setattr(registry, "installed_entry_points", lambda group: groups.get(group, []))
    monkeypatch.setattr(FAMILIES, "_complete", False)
    assert names(make_request(tasks=["packaged"])) == ["packaged/x", "packaged/y"]
    assert names(make_request(add_tasks=["packaged/y"], tasks=["opt-equal/x"])) == ["opt-equal/x", "packaged/y"]
    assert "packaged" not in {split_task(name)[0] for name in asked(make_request())}, "the default run stays as it is"


def test_list_tasks_shows_families_with_text_of_their_own(own, text, tmp_path, capsys, monkeypatch):
    from lodo.benchmark.listing import list_command
    from lodo.benchmark.voice import Voice

    monkeypatch.setenv("COLUMNS", "200")
    list_command("tasks", text, tmp_path / "store", "mini", Voice.of(), [f"{own}:sums"])
    lines = {line.split()[0]: line for line in capsys.readouterr().out.splitlines() if "/" in line}
    assert lines["sums/successor"].split()[1:3] == ["4", "8000"]
    assert lines["opt-equal/places"].split()[1:3] == ["4", "6400"]
    assert "opt d=64, 2 layers" in lines["sums/successor"]
    assert "ridge d=64, solved exactly" in lines["convex-ridge/places"]


@pytest.mark.slow
def test_a_run_of_tasks_on_two_texts_from_text_to_tables(own, text, tmp_path):
    def run(out):
        return evaluate(
            tmp_path / out,
            store=tmp_path / "store",
            data=text,
            tasks=["opt-equal"],
            add_tasks=[f"{own}:sums"],
            methods=["graddot"],
            settings=[f"{key}={value}" for key, value in SETTINGS.items()],
            seeds=1,
            runs=1,
        )

    first = run("out")
    truth = first.tables.ground_truth
    assert set(truth.task) == {"opt-equal/places", "sums/successor"}
    assert set(truth[truth.task == "sums/successor"].dataset) == {f"add-{n}" for n in range(4)}
    assert set(truth[truth.task == "sums/successor"].subset) == {"add-1", "add-2"}
    assert (first.tables.attempts.status == "ok").all()
    about = first.tables.manifest
    assert (
        about["source"] == json.loads((tmp_path / "out/run.json").read_text())["finished"]["source"] == "folder, sums"
    )
    assert {name: task["source"] for name, task in about["tasks"].items()} == {
        "opt-equal/places": "folder",
        "sums/successor": "sums",
    }
    again = run("again")
    assert again.computed == {}
    pd.testing.assert_frame_equal(again.tables.ground_truth, truth)
