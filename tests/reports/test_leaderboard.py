"""The site needs nothing else, treats every name as data, and survives failures, one seed and no rows."""

import base64
import hashlib
import posixpath
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from html import unescape
from html.parser import HTMLParser
from pathlib import Path
from typing import Any
from urllib.parse import unquote

import pytest

from lodo.reports.formats import memory, number, pairs, plus_minus, seconds, settings
from lodo.reports.leaderboard import site_files, write_leaderboard
from lodo.reports.schema import SCHEMAS
from lodo.reports.tables import Tables, read_tables, write_tables

Site = dict[str, str]


class Elements(HTMLParser):
    """Collects the tags, attributes and text of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.text = ""
        self.inside: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.inside.append(tag)
        self.attributes += attrs

    def handle_endtag(self, tag: str) -> None:
        while self.inside and self.inside.pop() != tag:
            pass

    def handle_data(self, data: str) -> None:
        if not {"style", "script"} & set(self.inside):
            self.text += data


def words(page: str) -> str:
    """A page's text with single spaces."""
    return re.sub(r"\s+", " ", unescape(re.sub("<[^>]+>", " ", re.sub(r"(?s)<(style|script|svg).*?</\1>", "", page))))


def html(files: dict[str, bytes]) -> Site:
    return {path: content.decode() for path, content in files.items() if path.endswith(".html")}


@pytest.fixture(scope="module")
def out(tables: Tables, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("site") / "new"
    assert write_leaderboard(tables, folder) == folder / "index.html"
    write_tables(folder, tables)
    return folder


@pytest.fixture(scope="module")
def site(out: Path) -> Site:
    return {str(path.relative_to(out)): path.read_text(encoding="utf-8") for path in sorted(out.rglob("*.html"))}


def test_there_is_a_page_for_each_task_and_method(site: Site) -> None:
    methods = ("crashy", "dataset-size", "good", "random", "retraining")
    assert set(site) == {
        "index.html",
        "sure.html",
        "about.html",
        "tasks/t.html",
        *(f"methods/{name}.html" for name in methods),
    }


def test_hostile_names_are_text(site: Site, out: Path) -> None:
    for path, page in site.items():
        elements = Elements(page)
        assert elements.tags.count("script") == (path == "index.html"), path
        assert not [name for name, _ in elements.attributes if name.startswith("on")], path
    elements = Elements(site["tasks/t.html"])
    for name in ("<script>alert(1)</script>", 'a.b[0] "q" & $x', "漢字"):
        assert name in elements.text
    for path in out.glob("figures/*.svg"):
        assert "<script" not in path.read_text(encoding="utf-8")


def test_no_request_leaves_a_page(site: Site) -> None:
    for path, page in site.items():
        elements = Elements(page)
        assert not set(elements.tags) & {"link", "img", "iframe", "object", "image", "base", "video", "audio"}, path
        outside = [(name, value) for name, value in elements.attributes if "://" in (value or "")]
        assert {name for name, _ in outside} <= {"xmlns", "xmlns:xlink"}, path
        assert "@import" not in page
        assert not re.search(r"url\((?!#)", page)


def test_only_the_bundled_script_may_run(site: Site) -> None:
    for path, page in site.items():
        (policy,) = re.findall(r'http-equiv="Content-Security-Policy" content="([^"]+)"', page)
        assert policy.startswith("default-src 'none';")
        allowed = re.findall(r"script-src ([^;]+);", policy)
        scripts = re.findall(r"(?s)<script>(.*?)</script>", page)
        hashes = [
            "'sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode() + "'" for text in scripts
        ]
        assert allowed == hashes, path


def test_ids_are_unique_and_links_lead_somewhere(site: Site, out: Path) -> None:
    ids = {path: [v for n, v in Elements(page).attributes if n == "id"] for path, page in site.items()}
    for path, page in site.items():
        assert len(ids[path]) == len(set(ids[path])), path
        for name, link in Elements(page).attributes:
            if name != "href" or not link:
                continue
            file, _, anchor = link.partition("#")
            target = posixpath.normpath(posixpath.join(posixpath.dirname(path), unquote(file))) if file else path
            assert (out / target).is_file(), f"{path}: {link}"
            assert not anchor or anchor in ids[target], f"{path}: {link}"
    about = {link for name, link in Elements(site["about.html"]).attributes if name == "href"}
    assert {*(f"{name}.parquet" for name in SCHEMAS), "manifest.json"} <= about


def test_each_figure_has_its_data_and_its_drawing_under_it(site: Site, out: Path) -> None:
    for page in site.values():
        figures = re.findall(r"(?s)<figure.*?</figure>", page)
        for figure in figures:
            links = re.findall(r'href="(?:\.\./)?(figures/[^"]+)"', figure)
            assert [Path(link).suffix for link in links] == [".csv", ".svg"]
            assert "<desc " in figure
            assert len((out / links[0]).read_text().splitlines()) > 1
    assert site["tasks/t.html"].count("<figure") == 3
    assert site["methods/good.html"].count("<figure") == 2


def test_an_interval_means_one_thing_on_all_pages(site: Site) -> None:
    for path, page in site.items():
        text = words(page)
        assert "standard deviation over the runs" not in text, path
        assert "±" not in text.replace("What ± and intervals mean", "").replace("interval, ±", ""), path
    assert "0.80" in words(site["index.html"])
    assert "95 % intervals over new seeds and redraws" in words(site["tasks/t.html"])


def test_pages_say_what_they_must(site: Site) -> None:
    for path, sentences in {
        "index.html": ("failed in 2 of 4 attempts", "constant", "the average of the other seeds' truths", "0.50"),
        "tasks/t.html": (
            "positive means that leaving it out raises the loss",
            "R = 0.89",
            "truth is the same for every dataset",
            "Did the model learn?",
            "8.000",
            "estimates are constant on 2 of 2 subsets",
            "diverged",
        ),
        "methods/good.html": ("lr 0.1 tuned on another task", "Eq. 1"),
        "methods/crashy.html": ("2 of 4", "diverged", "failed in 2 of 4 attempts"),
        "sure.html": ("same text", "Holm", "94 to 97 %", "two degrees of freedom"),
        "about.html": ("Glossary", "mini"),
    }.items():
        for sentence in sentences:
            assert sentence.lower() in words(site[path]).lower(), (path, sentence)


def test_one_seed(make_tables: Callable[..., Tables]) -> None:
    site = html(site_files(make_tables(seeds=1, runs=1)))
    front = words(site["index.html"])
    assert "good scores highest, 1.00" in front
    assert "nothing can be told apart here" in front
    assert "Pearson correlation of the estimate with the truth of the very model that was attributed" in front
    assert "give two seeds or more" in front
    assert "reliability of the truth is unknown: needs two seeds or more." in words(site["tasks/t.html"])
    assert "no interval: needs two seeds or more" in words(site["methods/good.html"])


def test_a_manifest_may_lack_or_garble_anything(tables: Tables) -> None:
    tasks: Any = {"t": {"mixture": {"datasets": ["x", {"name": 3}]}, "samples": [1], "model": "x"}}
    for manifest in (
        {},
        {"methods": [], "code": "x", "hardware": None, "warnings": "oops", "seeds": [3]},
        {"tasks": tasks, "hardware": {"cards": 3}, "methods": {"good": {"provenance": 3, "hyperparameters": []}}},
    ):
        site = html(site_files(replace(tables, manifest=manifest)))
        assert all("</html>" in page for page in site.values())
        assert "<svg" in site["tasks/t.html"]


def test_what_a_manifest_says_of_texts_dates_and_papers_is_shown(tables: Tables) -> None:
    datasets = [{"name": "plain", "slots": 10, "sha256": "cafe", "licence": "CC0"}]
    task = {
        "licence": "CC BY 4.0",
        "samples": {"plain": ["Once <b>upon</b> a time"]},
        "mixture": {"datasets": datasets},
    }
    manifest = {
        "tasks": {"t": task},
        "methods": {"good": {"bibtex": "@article{x,\n  title = {Y}}", "whole": False}},
        "date": "2031-01-02",
        "command": "lodo run --task t",
    }
    site = html(site_files(replace(tables, manifest=manifest)))
    for sentence in ("CC BY 4.0", "cafe", "CC0", "Once &lt;b&gt;upon&lt;/b&gt; a time"):
        assert sentence in site["tasks/t.html"]
    assert "title = {Y}" in site["methods/good.html"]
    assert "2031-01-02" in site["about.html"]
    assert "lodo run --task t" in site["about.html"]


def test_nothing_to_show() -> None:
    site = html(site_files(Tables.from_rows({}, {})))
    assert "There are no scores yet" in site["index.html"]
    assert set(site) == {"index.html", "sure.html", "about.html"}


def test_truth_and_estimates_alone_make_a_site(tables: Tables) -> None:
    alone = {name: tables.frame(name) for name in ("ground_truth", "estimates")}
    assert "methods/crashy.html" in site_files(Tables.of(alone, {}))


def test_both_questions_stand_where_sizes_differ_and_one_where_they_do_not(
    make_tables: Callable[..., Tables], site: Site
) -> None:
    assert "mixture-aware" not in site["tasks/t.html"]
    uneven = make_tables(slots=(20, 10, 5, 5))
    page = html(site_files(uneven))["tasks/t.html"]
    assert '<th scope="col">mixture-aware</th>' in page
    assert "shares of the mixture (methods" in " ".join(page.split())
    assert '<th scope="col">as_in_paper</th>' in html(site_files(uneven, "mixture-aware"))["tasks/t.html"]
    scores = uneven.scores.query("method == 'good' and truth == 'others' and status == 'ok'")
    asked = scores.query("question == 'mixture-aware'")["pearson"].mean()
    assert abs(asked - scores.query("question == 'as_in_paper'")["pearson"].mean()) > 0.01
    row = next(line for line in page.split("<tr>") if ">good</a></th>" in line)
    assert f'<span class="number">{number(asked)}</span>' in row


def test_stored_tables_make_the_same_site(tables: Tables, tmp_path: Path, out: Path) -> None:
    write_tables(tmp_path, tables)
    files = site_files(read_tables(tmp_path))
    assert {path: content for path, content in files.items() if (out / path).read_bytes() != content} == {}


def test_numbers_as_text() -> None:
    assert [number(value) for value in (None, float("nan"), -0.001, -1234.5)] == ["–", "–", "0.00", "−1,234.50"]
    assert plus_minus(0.5, float("nan")) == "0.50"
    assert [seconds(value) for value in (0.5, 30, 600, 7200)] == ["0.50 s", "30.0 s", "10.0 min", "2.0 h"]
    assert [memory(value) for value in (2**20, 3 * 2**29)] == ["1 MiB", "1.50 GiB"]
    assert [settings(value) for value in ('{"lr": 5e-05, "by": "adam"}', "{}", None)] == [
        "lr = 5e-05, by = adam",
        "none",
        "none",
    ]
    assert [pairs(value) for value in ('{"lr": 5e-05}', "oops", None, "3")] == [[("lr", "5e-05")], [], [], []]


def test_the_site_never_imports_torch() -> None:
    code = "import sys, lodo.reports.leaderboard; sys.exit(any(m.split('.')[0] == 'torch' for m in sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0


def test_what_unlearning_forgets_stands_beside_what_retraining_forgets(tables: Tables, site: Site) -> None:
    text = words(site["tasks/t.html"])
    assert "What unlearning forgets, and what retraining forgets" in text
    # The geometric mean of equal perplexities is their value: 10 x 2 retrained, 10 x 4 after the method.
    assert "truly retrained without it 20.0 0.250 40.0 0.250 20.0 0.250 0.550" in text
    assert "good 40.0 0.125 80.0 0.125 40.0 0.125 –" in text
    alone = tables.forgetting[tables.forgetting["model"] != "good"]
    for none in (alone, alone.iloc[:0]):
        page = html(site_files(replace(tables, forgetting=none)))["tasks/t.html"]
        assert "What unlearning forgets" not in page
