"""The site in a real browser: sorting, filters, addresses that keep them, small screens, dark, print, no request.

Skipped where Playwright or a Chromium of the system is missing.
"""

import shutil
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from lodo.reports.leaderboard import write_leaderboard
from lodo.reports.tables import Tables

sync_api = pytest.importorskip("playwright.sync_api", reason="needs playwright (pip install playwright)")
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="needs a Chromium on the path")
METHODS = {"alpha": (0.1, 2.5), "beta": (0.9, 0.3), "gamma": (3.0, 0.02), "delta": (0.6, 1.0), "<b>odd</b>": (5.0, 0.1)}


@pytest.fixture(scope="module")
def folder(make_facts: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A site of three tasks in two families, with a method that failed on one of them."""
    rows: dict[str, list[dict[str, Any]]] = {}
    draw = np.random.default_rng(3)
    for task in ("opt-equal/toxigen", "opt-equal/a-test-set-with-a-long-name", "opt-different/toxigen"):
        lasting = draw.normal(size=(8, 13))
        truth = lasting + 0.3 * draw.normal(size=(3, 8, 13))
        guess = {name: lasting + noise * draw.normal(size=(3, 2, 8, 13)) for name, (noise, _) in METHODS.items()}
        guess |= {"random": draw.normal(size=(3, 2, 8, 13)), "retraining": truth[:, None]}
        for name, more in make_facts(truth, guess, task=task).items():
            rows.setdefault(name, []).extend(more)
    costs = {name: cost for name, (_, cost) in METHODS.items()} | {"random": 0.0, "retraining": 8.0}
    for row in rows["attempts"]:
        row["training_equivalents"] = costs[row["method"]]
    failing = dict(rows["attempts"][0]) | {"method": "lost", "status": "failed", "cause": "out of memory"}
    rows["attempts"].append(failing | dict.fromkeys(("seconds", "peak_rss", "tokens", "training_equivalents")))
    out: Path = tmp_path_factory.mktemp("browser")
    write_leaderboard(Tables.from_rows(rows, {"scale": "mini"}), out)
    return out


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    with sync_api.sync_playwright() as play:
        chromium = play.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield chromium
        chromium.close()


@pytest.fixture
def opened(browser: Any, folder: Path) -> Iterator[Callable[..., Any]]:
    """Opens a page of the site; in the end no console message and no request to anything but files are left."""
    said: list[str] = []
    asked: list[str] = []
    contexts = []

    def at(path: str = "index.html", width: int = 1400, height: int = 900, **options: Any) -> Any:
        context = browser.new_context(viewport={"width": width, "height": height}, **options)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("request", lambda request: asked.append(request.url))
        page.goto(f"{folder.as_uri()}/{path}")
        return page

    yield at
    for context in contexts:
        context.close()
    assert said == []
    assert [url for url in asked if not url.startswith("file://")] == []


def names(page: Any) -> list[str]:
    """The methods that are shown, in order."""
    found: list[str] = page.eval_on_selector_all(
        "#rows tr", "rows => rows.filter(row => row.offsetParent).map(row => row.cells[0].innerText)"
    )
    return found


def sort_by(page: Any, head: str) -> None:
    page.get_by_role("button", name=head).first.click()


def test_sorting_and_the_address_that_keeps_it(opened: Callable[..., Any]) -> None:
    page = opened()
    before = names(page)
    assert before[0] == "alpha"
    sort_by(page, "Cost")
    cheapest = names(page)
    assert cheapest == ["gamma", "<b>odd</b>", "beta", "delta", "alpha", "lost"]
    assert page.locator("th[data-key=cost]").get_attribute("aria-sort") == "ascending"
    sort_by(page, "Cost")
    dearest = ["alpha", "delta", "beta", "<b>odd</b>", "gamma", "lost"]  # an unknown cost comes last either way
    assert names(page) == dearest
    assert page.evaluate("location.hash") == "#sort=cost.down"
    again = opened(page.url.rsplit("/", 1)[1])
    assert names(again) == dearest
    page.go_back()
    assert names(page) == cheapest
    page.go_back()
    assert names(page) == before
    page.go_forward()
    assert names(page) == cheapest


def test_filters_and_the_address_that_keeps_them(opened: Callable[..., Any]) -> None:
    page = opened()
    page.get_by_label("Cost at most").fill("0.5")
    assert set(names(page)) == {"gamma", "beta", "<b>odd</b>"}
    assert page.locator("#count").inner_text() == "3 of 6 methods"
    page.get_by_label("Find").fill("<B>")
    assert names(page) == ["<b>odd</b>"]
    again = opened(page.url.rsplit("/", 1)[1])
    assert names(again) == ["<b>odd</b>"]
    assert again.get_by_label("Find").input_value() == "<B>"
    assert again.get_by_label("Cost at most").input_value() == "0.5"
    again.get_by_role("button", name="Clear").click()
    assert len(names(again)) == 6
    again.go_back()
    assert names(again) == ["<b>odd</b>"]
    again.get_by_role("button", name="Clear").click()
    again.get_by_label("best tie group only").check()
    assert names(again) == ["alpha"]
    assert "tie=best" in again.url


@pytest.mark.parametrize(
    "hash_", ["#sort=nothing.up&cost=x&find=", "#sort=%F0%28", "#table", "#cost=-3", "#sort=__proto__"]
)
def test_an_address_that_says_nothing_shows_the_whole_table(opened: Callable[..., Any], hash_: str) -> None:
    page = opened(f"index.html{hash_}")
    assert len(names(page)) == 6
    assert names(page)[0] == "alpha"


def test_without_script_the_table_is_whole(opened: Callable[..., Any]) -> None:
    page = opened(java_script_enabled=False)
    assert page.locator("#rows tr:visible").count() == 6
    assert page.locator("#controls").is_hidden()
    page.locator("summary", has_text="Scores task by task").click()
    assert page.locator("details table").first.is_visible()


def pages_of(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*.html"))


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_a_phone_scrolls_no_page_sideways(opened: Callable[..., Any], folder: Path, scheme: str) -> None:
    page = opened(width=390, height=844, color_scheme=scheme)
    for path in pages_of(folder):
        page.goto(f"{folder.as_uri()}/{path}")
        assert page.evaluate("document.documentElement.scrollWidth") <= 390, path


@pytest.mark.parametrize(("width", "height"), [(1400, 900), (390, 844)])
def test_the_first_screen_has_the_sentence_the_picture_and_the_top_of_the_table(
    opened: Callable[..., Any], width: int, height: int
) -> None:
    page = opened(width=width, height=height)
    for what in ("h1.verdict", "figure.main svg", "#rows tr:first-child th"):
        box = page.locator(what).bounding_box()
        assert box is not None
        assert box["y"] >= 0
        assert box["y"] + box["height"] <= height, what


def test_names_stay_while_a_table_scrolls(opened: Callable[..., Any]) -> None:
    page = opened(width=390, height=844)
    page.locator("#table .scroll").evaluate("region => region.scrollLeft = 300")
    box = page.locator("#rows tr:first-child th").bounding_box()
    assert box is not None
    assert 0 <= box["x"] < 30


def test_text_in_figures_can_be_read_on_a_phone(opened: Callable[..., Any], folder: Path) -> None:
    page = opened(width=390, height=844)
    for path in pages_of(folder):
        page.goto(f"{folder.as_uri()}/{path}")
        heights = page.eval_on_selector_all(
            "figure svg text", "texts => texts.map(text => text.getBoundingClientRect().height).filter(h => h > 0)"
        )
        assert not heights or min(heights) >= 8, path


def test_dark_is_dark_in_figures_too(opened: Callable[..., Any]) -> None:
    shades = []
    for scheme in ("light", "dark"):
        page = opened(color_scheme=scheme)
        paper = page.evaluate("getComputedStyle(document.body).backgroundColor")
        ink = page.evaluate("getComputedStyle(document.querySelector('figure.main svg text')).fill")
        shades.append([sum(map(int, shade.strip("rgb()").split(","))) for shade in (paper, ink)])
    (light_paper, light_ink), (dark_paper, dark_ink) = shades
    assert light_paper > 600 > light_ink
    assert dark_paper < 200 < 500 < dark_ink


def test_print_has_all_of_the_table_and_no_controls(opened: Callable[..., Any]) -> None:
    page = opened(color_scheme="dark")
    page.emulate_media(media="print")
    assert page.locator("#controls").is_hidden()
    assert page.locator("header.site nav").is_hidden()
    assert page.locator("#table .scroll").evaluate("region => getComputedStyle(region).overflowX") == "visible"
    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(255, 255, 255)"
    assert len(page.pdf()) > 10_000


def test_a_figure_opened_alone_shows_its_ink(opened: Callable[..., Any]) -> None:
    page = opened("figures/index-cost.svg", color_scheme="dark")
    assert page.evaluate("getComputedStyle(document.documentElement).backgroundColor") == "rgb(22, 24, 28)"
