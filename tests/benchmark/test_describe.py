"""`lodo describe`: all of a task's text, sizes and origin; text from outside is shown, not obeyed."""

import subprocess
import sys
import textwrap
from io import StringIO
from types import SimpleNamespace

import pytest
from rich.console import Console

from lodo.benchmark import cli, describing
from lodo.benchmark.choosing import choose_tasks
from lodo.benchmark.describing import CHARACTERS, UNMEASURED, Described, description_request, lines_of, printable
from lodo.benchmark.identity import Code
from lodo.benchmark.kinds.inventory import Inventory
from lodo.benchmark.kinds.kind import Workplace
from lodo.benchmark.kinds.prepared import PreparedInfo, SubsetInfo
from lodo.benchmark.kinds.samples import SAMPLES, Samples, SamplesInputs, SamplesSpec, compute
from lodo.benchmark.tuning import TEXT as TUNING_TEXT
from lodo.benchmark.wording import model_in_words, recipe_in_words
from lodo.reports.schema import FACTS
from lodo.reports.tables import Tables, write_tables
from lodo.tasks.architectures.causal import Causal
from lodo.tasks.errors import InputError
from lodo.tasks.families.convex import convex_ridge
from lodo.tasks.families.opt import SETTINGS
from lodo.tasks.families.synthetic import PAPER
from lodo.tasks.family import FAMILIES
from lodo.tasks.source import Example
from lodo.tasks.spec import TestFile, TestSet, digest

from .conftest import WORDS, write_jsonl

OWN = '''
    """A family from a file, with text of its own that says nothing of its licence."""

    from dataclasses import dataclass

    from lodo.tasks.families.opt import SETTINGS, pretraining_task
    from lodo.tasks.family import register_family
    from lodo.tasks.source import Example
    from lodo.tasks.spec import TestFile


    @dataclass(frozen=True)
    class Doubles:
        kind = "doubles"
        text = "pairs"

        def fingerprint(self):
            return "doubles"

        def pairs(self):
            return {name: tuple(Example(f"{name} {i}?", f"{2 * i}") for i in range(40)) for name in ("a", "b", "c")}

        def corpora(self):
            return {name: [f"{each.prompt} {each.text}" for each in pairs] for name, pairs in self.pairs().items()}

        def tests(self):
            return {"small": [{"prompt": f"[bold]{i}", "text": f"{2 * i}", "subset": "[red]"} for i in range(3)]}

        def test_files(self):
            return {"small": TestFile()}


    @register_family("doubles", settings={("mini", "pairs"): SETTINGS["mini", "planted"]}, own_text=lambda _: Doubles())
    def doubles(test, scale, source, corpora, settings):
        return pretraining_task("doubles", (), test, scale, source, corpora, settings, form="pairs")
'''


@pytest.fixture(autouse=True)
def alone(monkeypatch):
    """What a test registers is for this test alone."""
    FAMILIES.names()
    monkeypatch.setattr(FAMILIES, "_items", dict(FAMILIES._items))


@pytest.fixture
def own(tmp_path):
    (tmp_path / "own_doubles.py").write_text(textwrap.dedent(OWN))
    return tmp_path / "own_doubles.py"


@pytest.fixture(scope="module")
def store(tmp_path_factory):
    """One store for all tests, where a text that was read before lies ready."""
    return tmp_path_factory.mktemp("store")


@pytest.fixture
def described(monkeypatch, capsys, store):
    """A function that gives the lines that `lodo describe` prints."""

    def describe(*words):
        monkeypatch.setattr(sys, "argv", ["lodo", "describe", *map(str, words), "--store", str(store)])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        assert not ended.value.code, capsys.readouterr().err
        return capsys.readouterr().out.splitlines()

    return describe


@pytest.fixture
def refused(monkeypatch, capsys, store):
    """A function that gives the one sentence with which `lodo describe` refuses, before anything is read."""

    def describe(*words):
        monkeypatch.setattr(sys, "argv", ["lodo", "describe", *map(str, words), "--store", str(store)])
        with pytest.raises(SystemExit) as ended:
            cli.main()
        assert ended.value.code == 2
        (line,) = capsys.readouterr().err.strip().splitlines()
        return line.removeprefix("error ")

    return describe


def after(lines, start):
    """The line that begins so, and the one that follows it."""
    (index,) = (number for number, line in enumerate(lines) if line.startswith(start))
    return lines[index].strip(), lines[index + 1].strip()


def test_a_family_of_pairs_with_its_sizes_samples_and_the_papers_figures(described):
    lines = described("synthetic-a")
    assert lines[0] == "synthetic-a (mini)"
    assert "Successors of numbers and lengths of words" in lines[1]
    assert "primed (A small T5 that generic questions have primed" in lines[2]
    assert "width 64, layers 2, " in lines[2]
    assert "by 2,500 steps of 64 sequences of at most 96 tokens; AdamW at 0.003" in lines[2]
    assert "64 steps of 32 sequences of at most 96 tokens; AdamW at 0.001, linear to zero;" in lines[3]
    assert "all sequences of each dataset" in lines[4]
    assert lines[5].endswith("synthetic-a, prompts and answers")
    assert lines[6].endswith("generated by lodo: Apache-2.0")
    sizes, sample = after(lines, "  1 successor in digits")
    assert sizes.endswith(": 512 slots, 256 sequences, 256 pairs, 25,133 characters")
    assert sample == (
        "Determine the number that succeeds one two eight four. Provide your answer in numerical form. → 1285"
    )
    assert "4 test subsets by rule labelled" in after(lines, "synthetic-a/successor")[0]
    sizes, sample = after(lines, "  2500 to 4999")
    assert sizes.endswith(": 64 of 256 wanted examples, 320 scored tokens")
    assert sample.endswith("→ 4123")
    assert after(lines, "  R ")[0].endswith(UNMEASURED)
    assert after(lines, "    hif-lissa")[0].split() == ["hif-lissa", "0.156", "−1.674", "0.658", "0.860"]
    assert not any("…" in line for line in lines)


def test_a_folders_text_its_licence_and_warnings(described, text):
    known = "nine green herons ate the whole of my cold supper"
    write_jsonl(text / "tests/places.jsonl", [{"text": known, "subset": name} for name in ("sea", "wood")])
    town = [f"the street [link=x] and {known}", *(f"the {word} " * 40 for word in WORDS["town"])]
    write_jsonl(text / "corpora/town.jsonl", [{"text": line} for line in town])
    (text / "lodo.toml").write_text('licence = "mine [alone]"\n')
    lines = described("opt-different/places", "--data", text, "--samples", 2)
    assert after(lines, "  source")[0].endswith(f"folder {text.resolve()}, written by people")
    assert after(lines, "  licence")[0].endswith("mine [alone]")
    assert "corpus 'town', document 1 holds test text" in after(lines, "  warning")[0]
    sizes, sample = after(lines, "  town: ")
    assert ", 7 documents, " in sizes
    assert sample == town[0]
    cut = lines[next(number for number, line in enumerate(lines) if line.strip() == town[0]) + 1].strip()
    assert cut == town[1][:CHARACTERS].rstrip() + "…"
    assert after(lines, "  sea: 1 of 256 wanted examples")[1] == known
    assert not any("in the paper" in line for line in lines), "the paper has no such test set"


def test_a_family_from_a_file_that_says_little_of_itself(described, own):
    for words in ([f"{own}:doubles/small"], ["doubles", "--add-task", f"{own}:doubles"]):
        lines = described(*words)
        assert lines[0] == "doubles (mini)"
        assert "its build function does not say" in lines[1]
        assert after(lines, "  licence")[0].endswith("not stated")
        assert after(lines, "  b: ")[1] == "b 0? → 0"
        assert after(lines, "  [red]") == ("[red]: 3 of 32 wanted examples, 6 scored tokens", "[bold]0 → 0")


def test_what_is_no_task_is_refused_in_one_sentence(refused, tmp_path, text, own):
    assert "TASK opt-eqal: no such task (did you mean 'opt-equal'?)" in refused("opt-eqal/toxigen")
    assert "--samples -1: it is a number of texts" in refused("opt-equal", "--samples", -1)
    assert "no such folder" in refused("opt-equal", "--run", tmp_path / "nowhere")
    assert f"--data {text}: opt-tuning/toxigen is tuned on" in refused("opt-tuning/toxigen", "--data", text)
    assert "nobody.py:x: there is no file" in refused("opt-equal", "--add-task", "nobody.py:x")
    assert "has no settings at scale paper" in refused(f"{own}:doubles", "--scale", "paper")


def test_the_parent_imports_no_torch(store):
    program = (
        "import sys; from lodo.benchmark import cli\n"
        "try: cli.main()\nexcept SystemExit as end: assert not end.code\n"
        "assert 'torch' not in sys.modules and 'transformers' not in sys.modules"
    )
    words = ["describe", "synthetic-a", "--store", str(store)]
    process = subprocess.run([sys.executable, "-c", program, *words], capture_output=True, text=True)
    assert process.returncode == 0, process.stderr
    assert process.stdout.startswith("synthetic-a (mini)\n"), "progress is no part of what is said"


def test_one_task_is_asked_for_whatever_is_added(own):
    request = description_request("opt-equal/x", None, None, None, [f"{own}:doubles"])
    assert (request.tasks, request.added) == (("opt-equal/x",), ())
    assert request.files == {"doubles": f"{own}:doubles"}
    tuned = description_request("opt-tuning", None, None, None)
    assert (tuned.source, tuned.tuning) == (TUNING_TEXT, True)


INVENTORY = Inventory(
    dict.fromkeys("abc", 100), {"x": TestFile(), "toxigen": TestFile(rule="toxigen")}, ("[b]w", "test set 'x': v")
)
RUN = "opt-equal/toxigen"


def task_of(name):
    request = description_request(name, None, None, None)
    return choose_tasks(request, {None: INVENTORY})


def test_a_task_on_a_pretrained_model_wants_one_named():
    with pytest.raises(InputError, match="name it with --model"):
        task_of("continue/x")


def run_of(name, seeds=2, **about):
    """Tables of a finished run of a task: the seeds agree on one subset with r = 1, and the other's truth is flat."""
    rows = {table: [] for table in FACTS}
    for seed in range(seeds):
        for rank, dataset in enumerate("abc"):
            for subset, influence in (("one", float(rank)), ("flat", 0.0)):
                cell = {"task": name, "definition": "fixed-steps", "seed": seed, "dataset": dataset, "subset": subset}
                losses = {"base_loss": 5.0, "counterfactual_loss": 5.0 + influence, "influence": influence}
                rows["ground_truth"].append({**cell, **losses})
    return Tables.from_rows(rows, {"tasks": {name: about}})


def test_the_reliability_is_that_of_the_run_and_its_other_settings_are_said():
    (task,) = task_of(RUN)
    same = run_of(RUN, identity=digest(task), scale="mini")
    wanted = "1.00, 2 seeds, fixed-steps, mean over 1 of 2 subsets"
    assert describing._measured(task, same) == wanted
    other = run_of(RUN, identity="another", scale="small")
    assert describing._measured(task, other) == f"{wanted}; of a run with other settings (scale small)"
    assert describing._measured(task, run_of("opt-equal/x")) == ""
    lone = describing._measured(task, run_of(RUN, seeds=1, identity=digest(task)))
    assert lone.startswith("undefined: needs")


def test_a_run_of_other_tasks_is_refused(refused, tmp_path):
    write_tables(tmp_path / "run", run_of(RUN))
    sentence = refused("synthetic-a", "--run", tmp_path / "run")
    assert "--run: it holds none of synthetic-a/successor; name a run of them (it is of opt-equal/toxigen)" in sentence


def test_a_runs_reliability_is_printed(described, tmp_path):
    write_tables(tmp_path / "run", run_of("synthetic-a/successor"))
    assert after(described("synthetic-a", "--run", tmp_path / "run"), "  R ")[0].startswith("R         1.00, 2 seeds")


def made(tasks, **changes):
    """What there is to say of tasks on a hostile text."""
    hostile = "\x1b[2J[bold]\\"
    subset = SubsetInfo("h", 2, 3, 5, 7)
    tests = {task.test_set.name: {hostile: subset} for task in tasks}
    names = [item.name for item in tasks[0].mixture.datasets]
    return Described(
        FAMILIES.get("opt-equal"),
        tasks,
        PreparedInfo("k", 99, dict.fromkeys(names, 9), {}, tests, {"a": 4, f"x/{hostile}": 1}),
        INVENTORY,
        Samples(
            dict.fromkeys(names, 8),
            {name: (Example("", hostile),) for name in names},
            {test: {hostile: (Example(hostile, "2\u202e"),)} for test in tests},
        ),
        "folder [x]",
        "[red]\x07",
        {task.name: UNMEASURED for task in tasks},
        **changes,
    )


def shown(described):
    """The lines as a console prints them."""
    console = Console(file=StringIO(), width=20, force_terminal=True)
    for line in lines_of(described):
        console.print(line, markup=False, highlight=False, soft_wrap=True)
    return console.file.getvalue().splitlines()


def test_text_from_outside_is_shown_and_not_obeyed():
    lines = shown(made(task_of("opt-equal")))
    safe = "\ufffd[2J[bold]\\"
    assert all(line.isprintable() for line in lines)
    assert f"      {safe}" in lines
    assert f"      {safe} → 2\ufffd" in lines
    assert "  licence   [red]\ufffd" in lines
    assert "  warning   [b]w" in lines
    assert f"  {safe}: 2 of 3 wanted examples, 5 scored tokens, 1 cut" in lines
    assert printable("漢字 é") == "漢字 é"


def test_what_tasks_of_a_family_share_is_said_once():
    lines = shown(made(task_of("opt-equal")))
    (training,) = (line for line in lines if line.startswith("  a: "))
    slots = {item.name: item.slots for item in task_of("opt-equal")[0].mixture.datasets}
    assert training == f"  a: {slots['a']:,} slots, 9 sequences, 4 cut, 8 documents, 100 characters"
    assert [line.partition(":")[0] for line in lines if line.startswith("opt-equal/")] == ["opt-equal/x", RUN]
    warnings = [line for line in lines if line.startswith("  warning")]
    assert warnings == ["  warning   [b]w", "  warning   test set 'x': v"]
    assert shown(made(task_of(RUN))).count("  warning   test set 'x': v") == 0
    assert sum("in the paper" in line for line in lines) == 1, "of toxigen; the paper has no x"
    assert "    untrac         0.419   0.063" in lines


def sampled(form, folder, characters=9):
    """Samples of a text of four datasets, taken in this process."""
    source = SimpleNamespace(
        pairs=lambda: {name: [Example(f"{name}?", "a  long\nanswer"), Example("", "b")] for name in "abcd"},
        corpora=lambda: {name: ["one", "two two", "three"] for name in "abcd"},
        tests=lambda: {"t": [{"text": f"{n}", "subset": "x"} for n in range(9)]},
    )
    spec = SamplesSpec(
        fingerprint="",
        datasets=("b", "a", "d"),
        test_sets=(TestSet(name="t", subset_size=4),),
        form=form,
        count=2,
        characters=characters,
        code=Code(hash="", libraries=()),
    )
    compute(spec, SamplesInputs(source), Workplace("", folder, None))
    return SAMPLES.read(folder)


def test_samples_are_the_first_of_each_part_on_a_line_and_cut(tmp_path):
    samples = sampled("pairs", tmp_path)
    assert samples.datasets["a"] == (Example("a?", "a long an…"), Example("", "b"))
    assert sampled("pairs", tmp_path, characters=13).datasets["a"][0].text == "a long answer"
    assert list(samples.datasets) == ["b", "a", "d"], "those of the mixture alone"
    assert samples.sizes == {"b": 2, "a": 2, "d": 2}
    drawn = [int(each.text) for each in samples.tests["t"]["x"]]
    assert len(drawn) == 2
    assert drawn == sorted(drawn)
    documents = sampled("packed", tmp_path)
    assert documents.datasets["d"] == (Example("", "one"), Example("", "two two"))
    assert documents.sizes["d"] == 3


def test_models_in_words():
    opt = SETTINGS["mini", "planted"].model
    words = model_in_words(opt, 1000)
    assert words.startswith("opt (An OPT decoder with random weights): positions 64, width 64, layers 2, heads 4, ")
    assert words.endswith(f"about {opt.rough_parameters(1000):,} weights, 1,000 tokens in its vocabulary")
    pretrained = Causal(model="some/where", positions=16, fingerprint="f" * 64, parameters=1234, dropout=0.1)
    words = model_in_words(pretrained, 7)
    assert words.startswith("causal some/where (A pretrained decoder; a training goes on from its weights, ")
    assert words.endswith("): positions 16, dropout 0.1, about 1,234 weights, 7 tokens in its vocabulary")


def test_recipes_in_words():
    assert recipe_in_words(PAPER.recipe, "pairs") == (
        "512 steps of 2 sequences of at most 512 tokens; Adafactor at 5e-05, constant; no clipping; bfloat16; "
        "4 checkpoints"
    )
    newton = convex_ridge.settings["mini", "planted"].recipe
    assert recipe_in_words(newton, "packed") == (
        "solved exactly over 8,000 sequences of 32 tokens at once, penalty 0.001, float64"
    )
    other = PAPER.recipe.model_copy(update={"coupled": False, "weight_decay": 0.1, "clip": 2.0, "checkpoints": 1})
    assert recipe_in_words(other, "packed").endswith(
        "weight decay 0.1; gradients clipped at 2; bfloat16; 1 checkpoint; counterfactuals in an order of their own"
    )
