"""The folder source: every layout reads alike, and bad input names file, line and cure."""

import json

import pandas as pd
import pytest

from lodo.tasks.errors import InputError
from lodo.tasks.families.synthetic import SyntheticText
from lodo.tasks.folder import FolderSource
from lodo.tasks.generated import GeneratedSource
from lodo.tasks.source import NOT_STATED, Example
from lodo.tasks.spec import TestSet
from lodo.tasks.subsets import draw_subsets


@pytest.fixture
def root(tmp_path):
    (tmp_path / "corpora").mkdir()
    (tmp_path / "tests").mkdir()
    (tmp_path / "corpora" / "a.jsonl").write_text('{"text": "one"}\n\n{"text": "two\\nlines"}\n')
    pd.DataFrame({"text": ["one", "two, with comma"]}).to_csv(tmp_path / "corpora" / "b.csv", index=False)
    pd.DataFrame({"text": ["one", "two"], "other": [1, 2]}).to_parquet(tmp_path / "corpora" / "c.parquet")
    (tmp_path / "corpora" / "d.txt").write_text("one\nstill one\n\ntwo\n")
    (tmp_path / "corpora" / "README.md").write_text("no data")
    (tmp_path / "tests" / "quotes.jsonl").write_text('{"text": "hello", "subset": "x"}\n')
    return tmp_path


def test_every_layout_gives_documents(root):
    corpora = FolderSource(root).corpora()
    assert {name: tuple(documents) for name, documents in corpora.items()} == {
        "a": ("one", "two\nlines"),
        "b": ("one", "two, with comma"),
        "c": ("one", "two"),
        "d": ("one\nstill one", "two"),
    }
    assert FolderSource(root).tests()["quotes"][0]["subset"] == "x"


def put_pairs(root, names="abcd"):
    for path in (root / "corpora").glob("?.*"):
        path.unlink()
    for name in names:
        rows = [{"prompt": f"{name} plus 1?", "text": "2"}, {"text": "3", "prompt": f"{name} plus 2?"}]
        (root / "corpora" / f"{name}.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))


def test_corpora_with_prompts_are_pairs_and_documents_of_both(root):
    put_pairs(root)
    source = FolderSource(root)
    assert list(source.pairs()) == list(source.corpora()) == list("abcd")
    assert source.pairs()["a"] == (Example("a plus 1?", "2"), Example("a plus 2?", "3"))
    assert source.corpora()["b"] == ("b plus 1? 2", "b plus 2? 3")


@pytest.mark.parametrize("name", ["d.jsonl", "d.txt"])
def test_a_corpus_without_prompts_gives_no_pairs(root, name):
    put_pairs(root, "abc")
    (root / "corpora" / name).write_text('{"text": "one"}\n')
    assert list(FolderSource(root).corpora()) == list("abcd")
    with pytest.raises(InputError, match=rf"{name}: it has no column 'prompt', .* add the column"):
        FolderSource(root).pairs()


def test_a_prompt_that_is_missing_is_named_with_its_line(root):
    put_pairs(root)
    (root / "corpora" / "b.jsonl").write_text('{"text": "2", "prompt": "1?"}\n{"text": "3"}\n')
    for ask in (FolderSource(root).pairs, FolderSource(root).corpora):
        with pytest.raises(InputError, match=r"b\.jsonl, line 2: 'prompt' is missing"):
            ask()


def test_pairs_too_are_of_three_datasets_or_more(root):
    put_pairs(root, "ab")
    with pytest.raises(InputError, match="2 training datasets, at least 3"):
        FolderSource(root).pairs()


def test_the_fingerprint_follows_the_bytes(root):
    before = FolderSource(root).fingerprint()
    assert FolderSource(root).fingerprint() == before
    (root / "corpora" / "d.txt").write_text("one\nstill one\n\nTwo\n")
    assert FolderSource(root).fingerprint() != before


def test_truthfulqa_answers_in_csv_are_lists(root):
    rows = {"question": ["Q?"], "incorrect_answers": ["yes; no"], "category": ["Law"]}
    pd.DataFrame(rows).to_csv(root / "tests" / "truthfulqa.csv", index=False)
    assert FolderSource(root).tests()["truthfulqa"][0]["incorrect_answers"] == ["yes", "no"]


BAD = {
    "invalid JSON": (b'{"text": "x"}\n{"text": \n', r"a\.jsonl, line 2: invalid JSON"),
    "not an object": (b'["x"]\n', r"a\.jsonl, line 1: a JSON list, not an object"),
    "not UTF-8": (b'{"text": "x"}\n{"text": "\xff"}\n', r"a\.jsonl, line 2: byte 11 is not UTF-8"),
    "no text": (b'{"text": "x"}\n\n{"word": "x"}\n', r"a\.jsonl, line 3: 'text' is missing or empty"),
    "blank text": (b'{"text": "  "}\n', r"a\.jsonl, line 1: 'text' is missing or empty"),
    "text of another type": (b'{"text": 5}\n', r"a\.jsonl, line 1: 'text' is no str"),
    "empty": (b"", r"a\.jsonl: it is empty"),
}


@pytest.mark.parametrize("what", BAD)
def test_bad_corpus(root, what):
    content, sentence = BAD[what]
    (root / "corpora" / "a.jsonl").write_bytes(content)
    with pytest.raises(InputError, match=sentence):
        FolderSource(root).corpora()


def test_bad_layouts(root, tmp_path):
    with pytest.raises(InputError, match="no such folder"):
        FolderSource(tmp_path / "nowhere").fingerprint()
    (root / "tests" / "quotes.jsonl").write_text('{"text": "hello", "subset": "x"}\n{"text": "hello"}\n')
    with pytest.raises(InputError, match="line 2: 'subset' is missing"):
        FolderSource(root).tests()
    (root / "corpora" / "a.csv").write_text("text\nx\n")
    with pytest.raises(InputError, match="has the same name"):
        FolderSource(root).corpora()
    (root / "corpora" / "a.csv").unlink()
    (root / "corpora" / "a.doc").write_text("x")
    with pytest.raises(InputError, match=r"\.doc is not read here"):
        FolderSource(root).corpora()
    (root / "corpora" / "a.doc").unlink()
    for name in ("b.csv", "c.parquet"):
        (root / "corpora" / name).unlink()
    with pytest.raises(InputError, match="2 training datasets, at least 3"):
        FolderSource(root).corpora()


TOXIC = "one two three four five six seven eight nine"


def put_test(root, name="mine", **record):
    (root / "tests" / f"{name}.jsonl").write_text(json.dumps(record) + "\n")


def test_a_test_file_of_any_name_is_read_by_the_rule_whose_columns_it_has(root):
    put_test(root, "toxigen", text="hello", subset="x")
    put_test(root, "a", text=TOXIC, group="them", more=1)
    put_test(root, "b", text="He left.", type="pro")
    put_test(root, "c", question="Q?", incorrect_answers=["yes"], category="Law")
    files = FolderSource(root).test_files()
    assert {name: file.rule for name, file in files.items()} == {
        "a": "toxigen",
        "b": "winobias",
        "c": "truthfulqa",
        "quotes": "labelled",
        "toxigen": "labelled",
    }
    assert all(file.columns == () for file in files.values())
    assert list(files) == list(FolderSource(root).tests())


@pytest.mark.parametrize(
    ("record", "sentence"),
    [
        (
            {"text": "hello"},
            r"mine\.jsonl: it has the columns of no rule \(it has text; toxigen reads text, group; .*lodo\.toml",
        ),
        ({"text": "a", "subset": "x", "type": "pro"}, r"of several rules, winobias and labelled; .*\[tests\.mine\]"),
    ],
)
def test_where_no_rule_or_several_fit_one_must_be_named(root, record, sentence):
    put_test(root, **record)
    for ask in (FolderSource(root).tests, FolderSource(root).test_files):
        with pytest.raises(InputError, match=sentence):
            ask()


def test_lodo_toml_names_a_files_rule_and_columns(root):
    put_test(root, sentence=TOXIC, group="them", subset="x", text="")
    (root / "lodo.toml").write_text('[tests.mine]\nrule = "toxigen"\ncolumns = {text = "sentence"}\n')
    source = FolderSource(root)
    file = source.test_files()["mine"]
    assert (file.rule, dict(file.columns)) == ("toxigen", {"text": "sentence"})
    assert source.test_files()["quotes"].rule == "labelled"
    (subset,) = draw_subsets(TestSet.of("mine", file, 8, 1), source.tests()["mine"])
    assert (subset.name, subset.examples) == ("them", (Example("", TOXIC),))


def test_a_list_column_is_a_list_whatever_it_is_called(root):
    pd.DataFrame({"q": ["Q?"], "lies": ["yes; no"], "category": ["Law"]}).to_csv(root / "tests" / "t.csv", index=False)
    (root / "lodo.toml").write_text(
        '[tests.t]\nrule = "truthfulqa"\ncolumns = {question = "q", incorrect_answers = "lies"}\n'
    )
    assert FolderSource(root).tests()["t"][0]["lies"] == ["yes", "no"]


def test_what_lodo_toml_reads_must_be_filled(root):
    put_test(root, sentence=" ", group="them")
    (root / "lodo.toml").write_text('[tests.mine]\nrule = "toxigen"\ncolumns = {text = "sentence"}\n')
    with pytest.raises(InputError, match=r"mine\.jsonl, line 1: 'sentence' is missing or empty"):
        FolderSource(root).tests()


def test_the_fingerprint_follows_lodo_toml(root):
    before = FolderSource(root).fingerprint()
    (root / "lodo.toml").write_text("")
    assert FolderSource(root).fingerprint() != before


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("[tests", r"lodo\.toml: it is no TOML"),
        ("licence = 4", r'lodo\.toml, licence: 4 is no text; write it as licence = "CC BY 4\.0"'),
        ("[test.mine]", r"lodo\.toml: there is no key 'test' \(did you mean 'tests'\?\)"),
        ("tests = 3", r"lodo\.toml, tests: 3 is no table"),
        ("[tests.mne]", r"tests\.mne: there is no such test file \(did you mean 'mine'\?\)"),
        ("[tests.mine]", r"tests\.mine\.rule: it is missing"),
        ('[tests.mine]\nrule = "toxgen"', r"tests\.mine\.rule: there is no rule 'toxgen' \(did you mean 'toxigen'"),
        ('[tests.mine]\nrule = "toxigen"\ncolums = {}', r"tests\.mine: there is no key 'colums'"),
        (
            '[tests.mine]\nrule = "toxigen"\ncolumns = {txt = "sentence"}',
            r"tests\.mine\.columns: there is no key 'txt' \(did you mean 'text'\?\); it has text, group, prompt_label",
        ),
        ('[tests.mine]\nrule = "toxigen"\ncolumns = {text = 3}', r"tests\.mine\.columns\.text: 3 is no text"),
        (
            '[tests.mine]\nrule = "toxigen"\ncolumns = {text = "sentenc"}',
            r"tests\.mine\.columns\.text: mine\.jsonl has no column 'sentenc' \(did you mean 'sentence'\?\), which",
        ),
        ('[tests.mine]\nrule = "winobias"', r"tests\.mine\.columns\.text: mine\.jsonl has no column 'text'"),
    ],
)
def test_a_bad_lodo_toml_is_refused_with_file_and_key(root, content, sentence):
    put_test(root, sentence=TOXIC, group="them")
    (root / "lodo.toml").write_text(content)
    with pytest.raises(InputError, match=sentence) as refused:
        FolderSource(root).tests()
    assert "\n" not in str(refused.value)
    assert str(root / "lodo.toml") in str(refused.value)


def test_the_licence_is_what_lodo_toml_says_else_what_lies_beside_it_else_not_stated(root):
    assert FolderSource(root).licence == NOT_STATED == "not stated"
    (root / "tests" / "LICENSE").write_text("not at the root")
    assert FolderSource(root).licence == "not stated"
    (root / "Licence-of-A.txt").write_text("free")
    (root / "LICENSES").mkdir()
    assert FolderSource(root).licence == "see LICENSES and Licence-of-A.txt in its folder"
    (root / "lodo.toml").write_text('licence = " CC BY 4.0 "\n')
    assert FolderSource(root).licence == "CC BY 4.0"
    assert FolderSource(root).test_files()["quotes"].rule == "labelled"
    assert FolderSource(root / "nowhere").licence == "not stated"


def test_text_that_lodo_makes_is_under_its_licence():
    for source in (GeneratedSource(), SyntheticText("a", "dataset 1")):
        assert source.licence == "generated by lodo: Apache-2.0"


def test_real_test_sets_are_recognised_without_lodo_toml(real_data):
    files = FolderSource(real_data).test_files()
    assert {name: file.rule for name, file in files.items()} == {
        name: name for name in ("toxigen", "truthfulqa", "winobias")
    }
