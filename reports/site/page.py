"""What a page and a figure of the site are, before anything is written."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import pandas as pd

from lodo.reports.svg import Sketch


@dataclass(frozen=True)
class Plot:
    """A figure with what a reader needs beside it.

    Attributes:
        sketch: what is drawn; its description says what the data show, for those who do not see it, and its key is the
            name of its files, unique in the site.
        caption: how the figure is to be read.
        data: what is drawn, a row for each mark; written as CSV beside the SVG.
    """

    sketch: Sketch
    caption: str
    data: pd.DataFrame


class Page(Protocol):
    """One HTML file of the site."""

    @property
    def slug(self) -> str:
        """Its path below the site's folder, without ``.html``."""

    @property
    def title(self) -> str:
        """What a browser's tab calls it."""

    @property
    def template(self) -> str:
        """Which file of ``templates/`` it is made of."""

    @property
    def context(self) -> Mapping[str, Any]:
        """What the template shows."""

    @property
    def plots(self) -> Mapping[str, Plot]:
        """Its figures by the name under which the template shows them."""


@dataclass(frozen=True)
class Sheet:
    """A page as plain values."""

    slug: str
    title: str
    template: str
    context: Mapping[str, Any]
    plots: Mapping[str, Plot]


def root_of(slug: str) -> str:
    """What leads from a page to the site's folder: "" beside it, "../" from one folder below."""
    return "../" * slug.count("/")


def there(plots: Mapping[str, Plot | None]) -> dict[str, Plot]:
    """The plots that have something to show."""
    return {name: plot for name, plot in plots.items() if plot is not None}


def joined(words: Sequence[str]) -> str:
    """``a, b and c``."""
    return words[0] if len(words) == 1 else f"{', '.join(words[:-1])} and {words[-1]}" if words else ""
