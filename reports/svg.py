"""Renders altair charts as inline SVG that takes the page's colours and names itself to screen readers."""

import html
import re
from dataclasses import dataclass
from typing import Any

import altair as alt
import vl_convert

INK = "currentColor"
# A page gives its own colours to the figures in it; a file has to bring them.
GROUND = (
    "<style>:root{background:#fff;color:#1d1d1f}"
    "@media (prefers-color-scheme:dark){:root{background:#16181c;color:#e6e6e6}}</style>"
)


@dataclass(frozen=True)
class Sketch:
    """A figure to be drawn: a Vega-Lite spec, its title, a sentence saying what it shows, and a prefix for its ids."""

    spec: dict[str, Any]
    title: str
    description: str
    key: str


@dataclass(frozen=True)
class Figure:
    """A drawn figure: an ``<svg>`` element, its title and a sentence saying what it shows."""

    svg: str
    title: str
    description: str


def sketch(chart: Any, title: str, description: str, key: str) -> Sketch:
    """A chart ready to be drawn.

    Args:
        chart: any altair chart. Names from outside must be values in its data, never field names or expressions.
        title, description: for the caption and for screen readers, plain text.
        key: prefix of the SVG's ids, unique on the page: ids of two inline SVGs would collide.
    """
    with alt.data_transformers.enable("default", max_rows=None):
        spec: dict[str, Any] = chart.to_dict(validate=False)  # validation costs as much as the drawing
    return Sketch({**spec, "config": _theme()}, title, description, key)


def draw(plan: Sketch) -> Figure:
    """Draw a sketch without network access. Another thread can go on meanwhile."""
    key = plan.key
    svg = vl_convert.vegalite_to_svg(plan.spec, allowed_base_urls=[])
    # The renderer counts ids on from figure to figure: counted anew, the same tables give the same page.
    ids = dict.fromkeys(re.findall(r'<[^<>]* id="((?:clip|gradient)\w*)"', svg))
    fresh = {old: f"{key}-{index}" for index, old in enumerate(ids)}
    used = r'(\bid="|url\(#|href="#)(\w+)'
    svg = re.sub(used, lambda match: match[1] + fresh.get(match[2], match[2]), svg)
    title, description = html.escape(plan.title), html.escape(plan.description)
    labels = f'<title id="{key}-title">{title}</title><desc id="{key}-desc">{description}</desc>'
    opening = f'<svg role="img" aria-labelledby="{key}-title {key}-desc" '
    svg = re.sub(r"^<svg ([^>]*)>", lambda match: f"{opening}{match[1]}>{labels}", svg, count=1)
    return Figure(svg, plan.title, plan.description)


def standalone(figure: Figure) -> str:
    """A figure as a file of its own, light or dark as its reader has it."""
    return figure.svg.replace("</desc>", f"</desc>{GROUND}", 1)


def _theme() -> dict[str, Any]:
    """Vega-Lite's config: transparent, in the text's colour, with room for fonts wider than those measured here."""
    text = {"labelColor": INK, "titleColor": INK, "labelFontSize": 11, "titleFontSize": 11, "titleFontWeight": "normal"}
    lines = {"gridColor": INK, "gridOpacity": 0.12, "domainColor": INK, "domainOpacity": 0.4}
    return {
        "background": "transparent",
        "font": "Helvetica, Arial, sans-serif",
        "padding": {"left": 12, "top": 5, "right": 40, "bottom": 5},
        "view": {"stroke": INK, "strokeOpacity": 0.15},
        "axis": {**text, **lines, "tickColor": INK, "tickOpacity": 0.4},
        "legend": {**text, "symbolOpacity": 1, "labelLimit": 180},
        "header": {"labelColor": INK, "titleColor": INK, "labelFontSize": 12, "labelFontWeight": "bold"},
    }
