"""The folder source: every layout reads alike, and bad input names file, line and cure."""

import json

import pandas as pd
import pytest

from lodo.tasks.errors import InputError
from lodo.tasks.folder import FolderSource


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
    found = FolderSource(root).corpora()
    assert {name: tuple(documents) for name, documents in found.items()} == {
        "a": ("one", "two\nlines"),
        "b": ("one", "two, with comma"),
        "c": ("one", "two"),
        "d": ("one\nstill one", "two"),
    }
    assert FolderSource(root).tests()["quotes"][0]["subset"] == "x"


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
    (root / "tests" / "quotes.jsonl").write_text(json.dumps({"text": "hello"}))
    with pytest.raises(InputError, match="line 1: 'subset' is missing"):
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
