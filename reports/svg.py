"""Renders altair charts as inline SVG that takes the page's colours and names itself to screen readers."""

import html
import re
from dataclasses import dataclass
from typing import Any

import altair as alt
import vl_convert

INK = "currentColor"


@dataclass(frozen=True)
class Figure:
    """A rendered figure: an ``<svg>`` element, its title and a sentence saying what it shows."""

    svg: str
    title: str
    description: str


def render(chart: Any, title: str, description: str, key: str) -> Figure:
    """Render a chart without network access.

    Args:
        chart: any altair chart. Names from outside must be values in its data, never field names or expressions.
        title, description: for the caption and for screen readers, plain text.
        key: prefix of the SVG's ids, unique on the page: ids of two inline SVGs would collide.
    """
    with alt.data_transformers.enable("default", max_rows=None):
        spec = chart.to_dict(validate=False)  # validation costs as much as the drawing
    spec["config"] = _theme()
    svg = vl_convert.vegalite_to_svg(spec, allowed_base_urls=[])
    svg = re.sub(r'\bid="([^"]*)"', rf'id="{key}-\1"', svg)
    svg = re.sub(r"url\(#", f"url(#{key}-", svg)
    svg = re.sub(r'href="#', f'href="#{key}-', svg)
    labels = (
        f'<title id="{key}-title">{html.escape(title)}</title><desc id="{key}-desc">{html.escape(description)}</desc>'
    )
    opening = f'<svg role="img" aria-labelledby="{key}-title {key}-desc" '
    svg = re.sub(r"^<svg ([^>]*)>", lambda found: f"{opening}{found[1]}>{labels}", svg, count=1)
    return Figure(svg, title, description)


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
