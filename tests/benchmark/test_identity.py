"""A key changes with whatever changes the number, and with nothing else: one test per hole, one per false alarm."""

import importlib.util
import textwrap
from pathlib import Path

import pytest

from lodo.benchmark import identity
from lodo.benchmark.identity import Code, as_they_are, code_of
from lodo.benchmark.kinds import KINDS
from lodo.benchmark.pipeline import make_request
from lodo.benchmark.reach import Sources
from lodo.benchmark.syntax import meaning
from lodo.methods.base import METHODS
from lodo.tasks.spec import Frozen, added, canonical_json, digest


def edited(**changes):
    """The package's sources after edits: by file, the text before and after, which must stand there."""
    texts = {}
    for name, (old, new) in changes.items():
        package, _, rest = name.partition("__")
        # Of the installed package, which need not be the tree that the tests lie in.
        (folder,) = importlib.util.find_spec(f"lodo.{package}").submodule_search_locations
        path = Path(folder, rest.replace("__", "/") + ".py")
        text = path.read_text()
        assert old in text, f"{path} has no {old!r}"
        texts[path] = text.replace(old, new)
    return Sources(texts)


def moved(sources):
    """The kinds of job whose code an edit changes."""
    return {name for name, kind in KINDS.items() if kind.code(sources=sources).hash != kind.code().hash}


def method_moved(name, sources):
    cls = METHODS.get(name)
    return code_of(cls, sources=sources) != code_of(cls)


# Holes: each edit changes numbers of just these kinds.


@pytest.mark.parametrize(
    ("file", "old", "new", "wanted"),
    [
        ("benchmark__replaying", "names.index(left_out), recipe.batch_size", "0, recipe.batch_size", "training"),
        ("benchmark__replaying", "if recipe.coupled else", "if not recipe.coupled else", "training"),
        ("benchmark__estimating", "np.random.seed(seed % 2**32)", "np.random.seed(0)", "estimate"),
        ("benchmark__kinds__estimate", "influence.tolist()", "influence.round(1).tolist()", "estimate"),
        ("benchmark__kinds__evaluation", "mean_loss(model, Ex", "2 * mean_loss(model, Ex", "evaluation"),
        ("benchmark__kinds__forgetting", "for name in spec.datasets}", "for name in ()}", "forgetting"),
        ("benchmark__kinds__prepared", "int(subset.scored.sum())", "int(subset.scored.sum()) + 1", "prepared"),
        ("benchmark__kinds__training", "log.repeats, log.tokens", "log.repeats, 0", "training"),
        ("benchmark__shown", "pool[np.sort(", "pool[np.array(", "estimate"),
        ("tasks__slots", "drawn[pool.slots :]", "drawn[:share]", "training"),
        ("tasks__spec", "return self.lr * warm * decay", "return self.lr * decay", "training"),
        ("tasks__spec", "lr: float = Field(gt=0)", "lr: float = Field(gt=0, default=0.1)", "training"),
        ("tasks__trained", '"method", seed, *purpose', '"method", *purpose', "estimate"),
        ("tasks__subsets", "def draw_subsets(", "def draw_subsets(*ignored, ", "prepared"),
    ],
)
def test_an_edit_of_what_computes_a_number_changes_its_key(file, old, new, wanted):
    assert wanted in moved(edited(**{file: (old, new)}))


def test_an_edit_of_threads_or_determinism_changes_every_key():
    edit = ("torch.use_deterministic_algorithms(True)", "pass")
    assert moved(edited(benchmark__worker=edit)) == set(KINDS)


def test_a_source_of_text_is_in_the_key_of_what_is_read_from_it():
    def code(sources):
        return KINDS["inventory"].code("lodo.tasks.folder:FolderSource", sources=sources)

    sources = edited(tasks__folder=('f"{part}/{name}{path.suffix}\\0"', 'f"{name}"'))
    assert code(sources) != code(None)


@pytest.mark.parametrize(
    ("method", "library"),
    [("bm25", "bm25s"), ("ekfac", "kronfluence"), ("datainf", "dattri"), ("trak", "dattri"), ("graddot", "torch")],
)
def test_the_version_of_a_library_that_a_method_imports_is_in_its_code(method, library, monkeypatch):
    before = code_of(METHODS.get(method))
    assert library in dict(before.libraries)
    monkeypatch.setattr(identity, "_version", lambda name: "99" if name == library else dict(before.libraries)[name])
    after = code_of(METHODS.get(method))
    assert dict(after.libraries)[library] == "99"
    assert after.hash == before.hash


def test_scipy_is_in_the_key_of_what_forgetting_measures_with_it():
    assert "scipy" in dict(KINDS["forgetting"].code().libraries)


def test_a_library_that_a_method_does_not_import_is_not_in_its_code():
    assert not {"bm25s", "kronfluence", "dattri"} & dict(code_of(METHODS.get("graddot")).libraries).keys()


@pytest.fixture
def mine(tmp_path):
    """A user's method with a helper beside it that has a helper itself; a function that gives its code after edits."""
    files = {
        "mine.py": """
            from dataclasses import dataclass

            from my_helper import weigh

            class Mine:
                def attribute(self, trained):
                    import my_late_helper
                    return weigh(trained)
            """,
        "my_helper.py": "from my_deep_package import inner\n\ndef weigh(x):\n    return inner.twice(x)\n",
        "my_late_helper.py": "import xxhash_of_nobody\n",
        "my_deep_package/__init__.py": "",
        "my_deep_package/inner.py": "def twice(x):\n    return 2 * x\n",
    }
    for name, text in files.items():
        path = tmp_path / "here" / name
        path.parent.mkdir(exist_ok=True, parents=True)
        path.write_text(textwrap.dedent(text))

    def code(name="", text="", folder="here"):
        changed = {tmp_path / folder / name: text} if name else {}
        return code_of(tmp_path / folder / "mine.py", sources=Sources(changed))

    return code


@pytest.mark.parametrize("name", ["mine.py", "my_helper.py", "my_late_helper.py", "my_deep_package/inner.py"])
def test_a_users_file_and_its_helpers_are_all_in_the_code(mine, name):
    assert mine().hash != mine(name, "def weigh(x):\n    return 3\n").hash


def test_libraries_of_a_users_helper_are_in_the_code(mine):
    assert dict(mine().libraries) == {"xxhash_of_nobody": "absent"}


def test_a_users_files_elsewhere_are_the_same_code(mine, tmp_path):
    before = mine()
    (tmp_path / "here").rename(tmp_path / "there")
    assert mine(folder="there") == before


@pytest.mark.parametrize("installed", [True, False])
def test_what_an_installer_put_anywhere_is_a_library(installed, tmp_path, monkeypatch):
    place = tmp_path / "target"
    (place / "some_package").mkdir(parents=True)
    (place / "some_package" / "__init__.py").write_text("POWER = 3\n")
    (place / "some_module.py").write_text("BASE = 2\n")
    if installed:
        (place / "some_package-1.0.dist-info").mkdir()
        (place / "some_package-1.0.dist-info" / "METADATA").write_text("Name: some_package\nVersion: 1.0\n")
    (tmp_path / "user.py").write_text(
        "import some_package, some_module\n\n\ndef value():\n    return some_package.POWER\n"
    )
    monkeypatch.syspath_prepend(place)

    def code(changed):
        return code_of(tmp_path / "user.py", sources=Sources(changed))

    edits = [{place / "some_package" / "__init__.py": "POWER = 4\n"}, {place / "some_module.py": "BASE = 4\n"}]
    assert [code(edit) == code({}) for edit in edits] == [installed, installed]
    assert ("some_package" in dict(code({}).libraries)) == installed


def test_names_that_stand_for_one_another_are_told_apart():
    """The same definitions are reached either way; which is used for what decides."""
    swapped = edited(
        benchmark__replaying=(
            "import Pool, Slots, base_slots, dropped_slots, refilled_slots, reshuffled_slots",
            "import Pool, Slots, base_slots, dropped_slots, refilled_slots as reshuffled_slots, "
            "reshuffled_slots as refilled_slots",
        )
    )
    assert "training" in moved(swapped)


def test_what_an_import_runs_is_in_the_code():
    assert "training" in moved(
        edited(
            tasks__slots=("@dataclass(frozen=True)\nclass Pool", "np.seterr()\n\n\n@dataclass(frozen=True)\nclass Pool")
        )
    )


def test_a_root_without_source_is_refused():
    with pytest.raises(ValueError, match=r"no source file of module lodo\.tasks\.nowhere"):
        code_of("lodo.tasks.nowhere:x", sources=Sources())


# False alarms: these edits change no number, or not these.


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        ("tasks__training", '"""One optimizer step on the', '"""A step on the'),
        ("tasks__training", '"""One training: a pure step', '"""A pure step'),
        ("tasks__training", "        loss.backward()\n", "        # Backwards.\n        loss.backward()\n"),
        ("tasks__training", "return whole\n", "return (\n        whole\n    )\n"),
        ("tasks__training", 'device: str = "cpu"\n) -> Tensor:', 'device: "str" = "cpu"\n) -> "Tensor":'),
        ("tasks__slots", "slots: int", "slots: int  # how many"),
        ("tasks__slots", "    dataset: np.ndarray", '    """Slots."""\n\n    dataset: np.ndarray'),
        ("tasks__spec", '"""How a training runs;', '"""What a training does;'),
        ("benchmark__kinds__training", "log = train(", "log: object = train("),
        (
            "tasks__spec",
            "    checkpoints: Positive = 4\n",
            "    checkpoints: Positive = 4\n    extra: int = added(0)\n",
        ),
        ("tasks__likelihood", "PAD = 0", "PAD = 0\nUNUSED = 2"),
    ],
)
def test_what_nothing_runs_changes_no_key(file, old, new):
    assert moved(edited(**{file: (old, new)})) == set()


def test_an_edit_of_forgetting_leaves_trainings_and_estimates():
    sources = edited(tasks__forgetting=("k: float = 0.2", "k: float = 0.3"))
    assert moved(sources) == {"forgetting", "unlearning"}


def test_an_edit_of_how_the_observer_measures_leaves_estimates():
    sources = edited(benchmark__measuring=("each = -(-len(shown[dataset])", "each = (len(shown[dataset])"))
    assert moved(sources) == {"forgetting", "unlearning"}


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("    examples: Shown\n", "    examples: Shown\n    colour: str = 'red'\n"),
        ("    subset_size: Positive = 256\n", "    subset_size: Positive = 128\n"),
    ],
)
def test_an_edit_of_what_a_training_does_not_use_of_spec_leaves_trainings(old, new):
    assert not {"training", "evaluation", "estimate", "forgetting"} & moved(edited(tasks__spec=(old, new)))


def test_an_edit_of_how_text_becomes_tokens_leaves_trainings_which_know_the_tokens():
    of_tokenizer = edited(
        tasks__architecture=("    vocabulary: Positive\n", "    vocabulary: Positive = 5\n"),
        tasks__vocabulary=("add_prefix_space=False", "add_prefix_space=True"),
    )
    assert moved(of_tokenizer) & {"prepared", "training", "evaluation"} == {"prepared"}


def test_an_edit_of_the_store_or_of_the_plan_changes_no_key():
    sources = edited(
        benchmark__store=("removed = freed = 0", "removed = freed = 0 + 0"),
        benchmark__plan=("MEASURED_AT = 0.25", "MEASURED_AT = 0.26"),
        benchmark__scheduler=("state.retried.get(chain, 0) < 2", "state.retried.get(chain, 0) < 3"),
        benchmark__identity=('"\\n\\n".join', '"\\n".join'),
        benchmark__choosing=("cost=0.2", "cost=0.3"),
        benchmark__sources=("if folder is None:", "if not folder:"),
        tasks__family=("if scale not in self.scales:", "if scale not in (*self.scales,):"),
    )
    assert moved(sources) == set()


def test_an_edit_of_sharing_leaves_what_shares_nothing():
    sources = edited(benchmark__sharing=("limit: int = 2**31", "limit: int = 2**30"))
    assert moved(sources) == {"estimate", "unlearning"}


def test_another_method_in_the_same_file_is_another_code():
    sources = edited(
        methods__first_order=("class TracIn(AttributionMethod):", "class TracIn(AttributionMethod):\n    x = 1")
    )
    assert method_moved("tracin", sources)
    assert not method_moved("graddot", sources)


def test_what_a_method_says_of_itself_is_no_part_of_its_code():
    sources = edited(
        methods__untrac=("unlearn each training dataset, report", "unlearn and report"),
        methods__base=(
            "    exempt: ClassVar[Mapping[str, str]] = {}\n",
            '    exempt: ClassVar[Mapping[str, str]] = {}\n    note: ClassVar[str] = ""\n',
        ),
        methods__provenance=("FIGURE_ONLY = ", "FIGURE_ONLY = '' or "),
        methods__magic=("rough_once = 7.4", "rough_once = 5.0"),
        methods__hessian=("return extent.solved(self.side, 6)", "return extent.solved(self.side, 7)"),
        methods__first_order=("return extent.multiplied()", "return 2 * extent.multiplied()"),
    )
    assert not [
        name for name in ("untrac", "untrac-inv", "magic", "hif-lissa", "graddot") if method_moved(name, sources)
    ]


def test_how_a_method_computes_is():
    sources = edited(methods__magic=("tail: Fraction = 1.0", "tail: Fraction = 0.5"))
    assert method_moved("magic", sources)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("def f(x: int) -> str:\n    'doc'\n    y: int = x\n    return y", "def f(x):\n    y = x\n    return y"),
        ("class A:\n    'doc'\n    x: int = 1\n    'of x'", "class A:\n    x: int = 1"),
        ("x = (1 +\n     2)", "x = 1 + 2"),
        ("x = 'a' 'b'", 'x = "ab"'),
    ],
)
def test_texts_that_mean_the_same(one, other):
    assert _meaning(one) == _meaning(other)


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ("x = 1", "x = 1.0"),
        ("x = True", "x = 1"),
        ("x = None", "x = ()"),
        ("class A:\n    x: int = 1", "class A:\n    x: float = 1"),
        ("class A:\n    x: int", "class A:\n    pass"),
        ("class A:\n    x: int = added(1, default=2)", "class A:\n    pass"),
        ("@singledispatch\ndef f(x: int): pass", "@singledispatch\ndef f(x: str): pass"),
        ("def f(x, y): return x", "def f(y, x): return x"),
        ("def f(*, x=1): pass", "def f(x=1): pass"),
        ("class A:\n    summary = 'a'", "class A:\n    summary = 'b'"),
    ],
)
def test_texts_that_do_not(one, other):
    assert _meaning(one) != _meaning(other)


def _meaning(text):
    import ast

    return [meaning(statement) for statement in ast.parse(text).body]


class Before(Frozen):
    lr: float


class After(Frozen):
    lr: float
    decay: float = added(0.0)


class Later(Frozen):
    lr: float
    decay: float = added(0.0, default=0.5)


class Holds(Frozen):
    inner: Before | After


def test_a_field_that_was_added_leaves_old_keys_and_makes_new_ones():
    old = digest(Before(lr=1))
    assert digest(After(lr=1)) == digest(After(lr=1, decay=0.0)) == old
    assert digest(After(lr=1, decay=0.1)) != old
    assert digest(Holds(inner=After(lr=1))) == digest(Holds(inner=Before(lr=1)))
    assert digest({"a": [After(lr=1)]}) == digest({"a": [Before(lr=1)]})


def test_another_default_of_an_added_field_is_another_key():
    assert digest(Later(lr=1)) == digest(After(lr=1, decay=0.5)) != digest(Before(lr=1))
    assert digest(Later(lr=1, decay=0.0)) == digest(Before(lr=1))


def test_readers_see_added_fields():
    assert canonical_json(After(lr=1)) == '{"decay":0.0,"lr":1.0}'


def test_a_code_names_its_libraries_once_each():
    code = code_of("lodo.methods.lexical", sources=as_they_are())
    assert isinstance(code, Code)
    assert len(dict(code.libraries)) == len(code.libraries)


def test_a_users_file_can_import_what_lies_beside_it(tmp_path):
    (tmp_path / "a_helper_beside.py").write_text("POWER = 3\n")
    (tmp_path / "with_helper.py").write_text(
        textwrap.dedent(
            """
            from dataclasses import dataclass
            from a_helper_beside import POWER
            from lodo.methods import AttributionMethod, register

            @register("with-helper")
            @dataclass(frozen=True)
            class WithHelper(AttributionMethod):
                power: int = POWER
            """
        )
    )
    (choice,) = (
        choice
        for choice in make_request(methods=[f"{tmp_path / 'with_helper.py'}:WithHelper"]).methods
        if choice.name == "with-helper"
    )
    assert choice.method.power == 3
    edit = Sources({tmp_path / "a_helper_beside.py": "POWER = 4\n"})
    assert code_of(tmp_path / "with_helper.py", sources=Sources()).hash == choice.code.hash
    assert code_of(tmp_path / "with_helper.py", sources=edit).hash != choice.code.hash


def test_an_edit_of_what_seeds_are_made_of_changes_estimates_and_no_training():
    sources = edited(benchmark__specifications=('("runtime", "code")', '("runtime",)'))
    assert moved(sources) & {"estimate", "training", "evaluation"} == {"estimate"}
