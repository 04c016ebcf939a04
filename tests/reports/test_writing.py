"""The site's files: what an earlier one wrote and this one lacks goes, what is somebody else's stays."""

import hashlib
import json
from pathlib import Path

import pytest

from lodo.reports.site import writing
from lodo.reports.site.writing import RECORD, change_pages, write_site


def test_what_the_site_no_longer_has_goes_and_what_is_not_its_own_stays(tmp_path: Path) -> None:
    write_site(tmp_path, {"index.html": b"1", "tasks/a.html": b"a", "tasks/b.html": b"b", "methods/m.html": b"m"})
    (tmp_path / "tasks/mine.html").write_text("mine")
    (tmp_path / "tasks/b.html").write_text("changed by hand")
    write_site(tmp_path, {"index.html": b"2"})
    left = {str(path.relative_to(tmp_path)) for path in tmp_path.rglob("*")}
    assert left == {"index.html", "tasks", "tasks/mine.html", "tasks/b.html", RECORD}
    assert (tmp_path / "index.html").read_bytes() == b"2"
    assert list(json.loads((tmp_path / RECORD).read_text())["files"]) == ["index.html"]


@pytest.mark.parametrize("record", ["", "[]", '{"files": 3}', '{"files": {"a": 1}}', '{"files": []}'])
def test_a_damaged_record_takes_nothing_away(tmp_path: Path, record: str) -> None:
    (tmp_path / "a").write_text("a")
    (tmp_path / RECORD).write_text(record)
    write_site(tmp_path, {"index.html": b"1"})
    assert (tmp_path / "a").exists()


def test_a_record_leads_nowhere_outside(tmp_path: Path) -> None:
    digest = "ca978112ca1bbdcafac231b39a23dc4da786eff8147c4e72b9807785afee48bb"  # of "a"
    out, outside = tmp_path / "out", tmp_path / "outside"
    (out / "there").mkdir(parents=True)
    outside.mkdir()
    for name in ("one", "two", "three"):
        (outside / name).write_text("a")
    (out / "linked").symlink_to(outside)
    (out / "link").symlink_to(outside / "three")
    paths = ["../outside/one", str(outside / "one"), "linked/two", "link"]
    (out / RECORD).write_text(json.dumps({"files": dict.fromkeys(paths, digest)}))
    write_site(out, {"index.html": b"1"})
    assert {path.name for path in outside.iterdir()} == {"one", "two", "three"}
    assert (out / "link").is_symlink()


def test_a_file_is_whole_or_as_before(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_site(tmp_path, {"index.html": b"before"})

    def full(path: Path, content: bytes) -> None:
        raise OSError("no space left")

    monkeypatch.setattr(writing, "replace_file", full)
    with pytest.raises(OSError, match="no space"):
        write_site(tmp_path, {"index.html": b"after", "other.html": b"x"})
    assert (tmp_path / "index.html").read_bytes() == b"before"
    assert {path.name for path in tmp_path.iterdir()} == {"index.html", RECORD}


def test_pages_are_changed_and_still_known_as_the_sites_own(tmp_path: Path) -> None:
    write_site(tmp_path, {"index.html": b"<body>", "tasks/a.html": b"<body>", "figures/a.csv": b"<body>"})
    (tmp_path / "tasks/a.html").write_bytes(b"somebody's")
    assert change_pages(tmp_path, lambda text: text + "!")
    assert (tmp_path / "index.html").read_text() == "<body>!"
    assert (tmp_path / "tasks/a.html").read_text() == "somebody's"
    assert (tmp_path / "figures/a.csv").read_text() == "<body>"
    write_site(tmp_path, {"other.html": b""})
    assert not (tmp_path / "index.html").exists(), "what was changed here is still what lodo wrote"
    assert (tmp_path / "tasks/a.html").exists()
    assert not change_pages(tmp_path / "nowhere", str.upper)


def test_pages_outside_are_not_changed_whatever_the_list_says(tmp_path: Path) -> None:
    site = tmp_path / "site"
    write_site(site, {"index.html": b"<body>"})
    outside = tmp_path / "mine.html"
    outside.write_bytes(b"mine")
    listed = json.loads((site / "site.json").read_text())
    listed["files"]["../mine.html"] = hashlib.sha256(b"mine").hexdigest()
    (site / "site.json").write_text(json.dumps(listed))
    change_pages(site, lambda text: text + "!")
    assert outside.read_bytes() == b"mine"
