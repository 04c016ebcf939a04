"""Renders altair charts as inline SVG that takes the page's colours and names itself to screen readers."""

import html
import re
from dataclasses import dataclass
from typing import Any

import altair as alt
import vl_convert

INK = "currentColor"
FONT = "Helvetica, Arial, sans-serif"


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
        spec = _themed(chart).to_dict(validate=False)  # validation costs more than the drawing
    svg = vl_convert.vegalite_to_svg(spec, allowed_base_urls=[])
    svg = re.sub(r'\bid="([^"]*)"', rf'id="{key}-\1"', svg)
    svg = re.sub(r"url\(#", f"url(#{key}-", svg)
    svg = re.sub(r'href="#', f'href="#{key}-', svg)
    labels = (
        f'<title id="{key}-title">{html.escape(title)}</title>'
        f'<desc id="{key}-desc">{html.escape(description)}</desc>'
    )
    opening = f'<svg role="img" aria-labelledby="{key}-title {key}-desc" '
    svg = re.sub(r"^<svg ([^>]*)>", lambda found: f"{opening}{found[1]}>{labels}", svg, count=1)
    return Figure(svg, title, description)


def _themed(chart: Any) -> Any:
    text = {"labelColor": INK, "titleColor": INK, "labelFontSize": 11, "titleFontSize": 11, "titleFontWeight": "normal"}
    lines = {"gridColor": INK, "gridOpacity": 0.12, "domainColor": INK, "domainOpacity": 0.4}
    return (
        chart.configure(background="transparent", font=FONT, padding={"left": 12, "top": 5, "right": 40, "bottom": 5})
        .configure_view(stroke=INK, strokeOpacity=0.15)
        .configure_axis(**text, **lines, tickColor=INK, tickOpacity=0.4)
        .configure_legend(**text, symbolOpacity=1, labelLimit=180)
        .configure_header(labelColor=INK, titleColor=INK, labelFontSize=12, labelFontWeight="bold")
        .configure_text(color=INK)
    )
