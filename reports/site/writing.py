"""Renders pages and writes the site: each file atomically, and what an earlier site wrote and this one lacks goes."""

import base64
import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path, PurePosixPath
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from lodo.reports.site.page import Page, Plot, root_of
from lodo.reports.svg import Figure, draw, standalone
from lodo.reports.tables import replace_file

TEMPLATES = Path(__file__).parents[1] / "templates"
FIGURES = "figures"
RECORD = "site.json"
FORMAT = 1


@dataclass(frozen=True)
class Renderer:
    """Makes HTML of pages; all names, reasons and values are data, and escaped."""

    shared: Mapping[str, Any]

    @cached_property
    def environment(self) -> Environment:
        made = Environment(
            loader=FileSystemLoader(TEMPLATES),
            autoescape=True,  # for every template, whatever its file is called
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        made.filters["breakable"] = breakable
        script = (TEMPLATES / "site.js").read_text(encoding="utf-8")
        made.globals |= {
            "style": Markup((TEMPLATES / "style.css").read_text(encoding="utf-8")),
            "script": Markup(script),
            "script_hash": base64.b64encode(hashlib.sha256(script.encode()).digest()).decode(),
        }
        return made

    def html(self, page: Page, figures: Mapping[str, Figure]) -> str:
        """The page with its drawn figures."""
        shown = {
            name: {
                "svg": Markup(figure.svg),  # the renderer escaped the names in it
                "title": figure.title,
                "caption": page.plots[name].caption,
                "stem": f"{FIGURES}/{page.plots[name].sketch.key}",
            }
            for name, figure in figures.items()
        }
        template = self.environment.get_template(page.template)
        return template.render(
            **self.shared, **page.context, page=page, root=root_of(page.slug), figures=shown, plots=page.plots
        )


def breakable(name: str) -> Markup:
    """A name, escaped, that may be broken after its slashes."""
    return Markup("/<wbr>").join(name.split("/"))


def render(pages: Iterable[Page], shared: Mapping[str, Any]) -> Iterator[tuple[str, bytes]]:
    """All files of some pages, as (path, content): HTML, and for each figure SVG and CSV."""
    renderer = Renderer(shared)
    with ThreadPoolExecutor(1) as pen:  # one thread draws while this one makes pages and fills templates
        drawing: list[tuple[Page, dict[str, Future[Figure]]]] = [
            (page, {name: pen.submit(draw, plot.sketch) for name, plot in page.plots.items()}) for page in pages
        ]
        for page, futures in drawing:
            figures = {name: future.result() for name, future in futures.items()}
            yield f"{page.slug}.html", renderer.html(page, figures).encode()
            for name, figure in figures.items():
                yield from _files(page.plots[name], figure)


def _files(plot: Plot, figure: Figure) -> Iterator[tuple[str, bytes]]:
    stem = f"{FIGURES}/{plot.sketch.key}"
    yield f"{stem}.svg", (standalone(figure) + "\n").encode()
    yield f"{stem}.csv", plot.data.to_csv(index=False, lineterminator="\n").encode()


def write_site(out: Path, files: Mapping[str, bytes]) -> None:
    """Write files by their path below ``out``, and take away what an earlier site left there and this one has not.

    ``site.json`` lists what was written with its SHA-256. A file goes only if that list names it and it is still as it
    was written: what somebody put there or changed stays.
    """
    before = _record(out)
    for path, content in files.items():
        place = out / path
        place.parent.mkdir(parents=True, exist_ok=True)
        replace_file(place, content)
    written = {path: hashlib.sha256(content).hexdigest() for path, content in files.items()}
    for path in sorted(before.keys() - written.keys()):
        _remove(out, path, before[path])
    _write_record(out, written)


def change_pages(out: Path, change: Callable[[str], str]) -> bool:
    """Write the pages of the site in ``out`` again, each as ``change`` makes it; False where ``out`` holds no site."""
    files = _record(out)
    for path in [path for path in files if path.endswith(".html")]:
        place = _place(out, path)
        try:
            before = place.read_bytes() if place else None
        except OSError:
            continue
        if place and before is not None and hashlib.sha256(before).hexdigest() == files[path]:
            after = change(before.decode()).encode()
            replace_file(place, after)
            files[path] = hashlib.sha256(after).hexdigest()
    if files:
        _write_record(out, files)
    return bool(files)


def _write_record(out: Path, files: Mapping[str, str]) -> None:
    record = {"lodo_site": FORMAT, "files": dict(sorted(files.items()))}
    replace_file(out / RECORD, (json.dumps(record, indent=1, ensure_ascii=False) + "\n").encode())


def _record(out: Path) -> dict[str, str]:
    """What an earlier site says it wrote, by path its SHA-256; nothing where there is none or it cannot be read."""
    try:
        known = json.loads((out / RECORD).read_text(encoding="utf-8"))
        files = known["files"]
        return {path: digest for path, digest in files.items() if isinstance(path, str) and isinstance(digest, str)}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}


def _place(out: Path, path: str) -> Path | None:
    """Where a file of a site lies; None for what would be outside, since the list may be anybody's."""
    parts = PurePosixPath(path).parts
    place = out.joinpath(*parts)
    outside = ".." in parts or place.is_symlink() or not place.resolve().is_relative_to(out.resolve())
    return None if outside else place


def _remove(out: Path, path: str, digest: str) -> None:
    """Take away a file that a site wrote: only below ``out``, and only as it was written."""
    place = _place(out, path)
    if place is None:
        return
    try:
        if hashlib.sha256(place.read_bytes()).hexdigest() == digest:
            place.unlink()
            if place.parent != out and not any(place.parent.iterdir()):
                place.parent.rmdir()
    except OSError:
        return
