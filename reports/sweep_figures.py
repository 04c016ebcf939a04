"""The figures of a sweep: score and cost, or score and forgetting, against what was swept."""

from collections.abc import Sequence
from typing import Any, Literal

import altair as alt
import numpy as np
import pandas as pd

from lodo.reports.figures import HUES, SHAPES
from lodo.reports.schema import RETRAINING
from lodo.reports.svg import INK, Sketch, sketch
from lodo.reports.tables import ReportError

SIZE = {"width": 380, "height": 300}
KNOWN = {"trained": "trained on everything", "retrained": "truly retrained without it"}
# Where each level's name begins or ends, in pixels.
SIDES: tuple[tuple[str, int, Literal["left", "right"]], ...] = (
    (KNOWN["trained"], 4, "left"),
    (KNOWN["retrained"], SIZE["width"] - 4, "right"),
)


def cost_figure(curve_rows: pd.DataFrame, axis: str, key: str = "sweep") -> Sketch:
    """Mean score against the swept value, one line a method with a 95 % band over seeds, and the cost beside it.

    Args:
        curve_rows: of `lodo.reports.sweep.curves`. Methods that the axis does not touch are level lines.
    """
    drawn = curve_rows[curve_rows["pearson"].notna()]
    labels = _labels(drawn)
    return sketch(
        alt.hconcat(
            _score_panel(drawn, axis, labels),
            _panel(drawn, axis, "trainings", "cost, in trainings", alt.Scale(type="symlog", constant=0.05), labels),
        ),
        f"Score and cost against {axis}",
        "Left: Pearson correlation with the truth, mean over tasks, runs and seeds, with a 95 % band over the seeds. "
        "Right: what an attribution costs, in units of one base training.",
        key,
    )


def forgetting_figure(curve_rows: pd.DataFrame, forgotten: pd.DataFrame, axis: str, key: str = "forgetting") -> Sketch:
    """Mean score and, below it, the perplexity of the forgotten text against the swept value.

    Args:
        curve_rows: of `lodo.reports.sweep.curves`.
        forgotten: of `forgetting_curves`.

    Raises:
        ReportError: no method of the sweep unlearns a training dataset.
    """
    lines = forgotten[~forgotten["label"].isin(list(KNOWN.values()))]
    if lines.empty:
        raise ReportError(
            "--forgetting: no method of this sweep unlearns a training dataset; name untrac or one of its kin"
        )
    labels = list(dict.fromkeys([*_labels(lines), *_labels(curve_rows[curve_rows["method"] == RETRAINING])]))
    scale = alt.Scale(type="log", nice=True)
    below = [_panel(lines, axis, "perplexity", "perplexity of the forgotten text", scale, labels)]
    # The two levels can lie close together: one is named on the left, the other on the right.
    for label, place, align in SIDES:
        level = alt.Chart(forgotten[forgotten["label"] == label]).encode(y="perplexity:Q")
        below.append(level.mark_rule(color=INK, strokeDash=[5, 3], opacity=0.7))
        text = level.mark_text(align=align, baseline="bottom", dy=-2, color=INK)
        below.append(text.encode(x=alt.value(place), text="label:N"))
    score = _score_panel(curve_rows[curve_rows["label"].isin(labels) & curve_rows["pearson"].notna()], axis, labels)
    return sketch(
        alt.vconcat(score, alt.layer(*below)),
        f"Score and forgetting against {axis}",
        "Above: Pearson correlation with the truth, with a 95 % band over the seeds. Below: perplexity of the "
        "forgotten dataset's text after unlearning, median over datasets, seeds and tasks; dashed: before, and after "
        "a true retraining without the dataset.",
        key,
    )


def forgetting_curves(rows: pd.DataFrame, curve_rows: pd.DataFrame) -> pd.DataFrame:
    """Median perplexity of forgotten text over datasets, seeds and tasks: columns label, value, x, perplexity.

    Args:
        rows: of `lodo.reports.sweep.forgetting_rows`, all points together.
        curve_rows: of `lodo.reports.sweep.curves`.
    """
    medians = rows.groupby(["model", "swept"], dropna=False)["forgotten_perplexity"].median().reset_index()
    medians = medians.rename(columns={"forgotten_perplexity": "perplexity", "model": "method"})
    level = medians[medians["method"].isin(list(KNOWN))]
    level = level.assign(label=level["method"].map(KNOWN), value="", x=np.nan)
    lines = curve_rows[["method", "swept", "label", "value", "x"]].merge(medians, on=["method", "swept"])
    columns = ["label", "value", "x", "perplexity"]
    return pd.concat([lines[columns], level[columns]], ignore_index=True)


def _score_panel(shown: pd.DataFrame, axis: str, labels: Sequence[str]) -> Any:
    bounds = alt.Scale(domain=[min(0.0, *shown["pearson"]), max(1.0, *shown["pearson"])], clamp=True)
    panel = _panel(shown, axis, "pearson", "mean Pearson r with the truth", bounds, labels)
    band = shown[shown["low"].notna() & (shown["value"] != "")]
    if band.empty:
        return panel
    area = alt.Chart(band).mark_area(opacity=0.13, aria=False, clip=True)
    return alt.layer(
        area.encode(
            x=_x(shown, axis),
            y=alt.Y("low:Q", scale=bounds),
            y2="high:Q",
            color=_colour(labels),
        ),
        panel,
    )


def _panel(lines: pd.DataFrame, axis: str, column: str, title: str, scale: alt.Scale, labels: Sequence[str]) -> Any:
    """Lines with points over the swept value; level dashed lines for what is not swept."""
    ticks = alt.Axis(format="~e", tickCount=6) if column == "perplexity" else alt.Undefined
    y = alt.Y(f"{column}:Q", title=title, scale=scale, axis=ticks)
    swept, fixed = lines[lines["value"] != ""], lines[lines["value"] == ""]
    layers = []
    if len(swept):
        base = alt.Chart(swept).encode(x=_x(swept, axis), y=y, color=_colour(labels))
        layers += [
            base.mark_line(strokeWidth=1.6, aria=False),
            base.mark_point(filled=True, size=40).encode(
                shape=alt.Shape(
                    "label:N", scale=alt.Scale(domain=labels, range=_cycled(SHAPES, len(labels), 1)), title=None
                )
            ),
        ]
    if len(fixed):
        rule = alt.Chart(fixed).mark_rule(strokeDash=[4, 3], strokeWidth=1.4)
        layers.append(rule.encode(y=y, color=_colour(labels)))
    return alt.layer(*layers).properties(**SIZE)


def _labels(lines: pd.DataFrame) -> list[str]:
    """Lines, best first where they are scored, so that hues repeat only among the low ones; the retraining last."""
    scored = lines.assign(top=lines.get("pearson", 0.0))
    tops = scored.groupby("label")["top"].max().sort_values(ascending=False, kind="stable")
    return sorted(tops.index, key=lambda label: label == RETRAINING)


def _colour(labels: Sequence[str]) -> alt.Color:
    hues = _cycled(HUES, len(labels), 0)
    scale = alt.Scale(
        domain=list(labels),
        range=[INK if label == RETRAINING else hue for label, hue in zip(labels, hues, strict=True)],
    )
    return alt.Color("label:N", scale=scale, title=None, legend=alt.Legend(orient="bottom", columns=4))


def _cycled(values: Sequence[str], count: int, shift: int) -> list[str]:
    """The values again and again; each round begins ``shift`` later, so that pairs of hue and shape stay apart."""
    return [values[(i + shift * (i // len(values))) % len(values)] for i in range(count)]


def _x(lines: pd.DataFrame, axis: str) -> alt.X:
    """A log axis for positive numbers, else the values in the order of the sweep."""
    swept = lines[lines["value"] != ""]
    if swept["x"].notna().all() and (swept["x"] > 0).all():
        title = "examples shown of each dataset" if axis == "task.examples" else axis
        ticks = sorted(set(swept["x"]))
        return alt.X(
            "x:Q",
            title=title,
            scale=alt.Scale(type="log", nice=False),
            # Rates are told apart by their powers of ten, counts by their digits.
            axis=alt.Axis(values=ticks, format="~e" if ticks[0] < 1e-3 else "~g"),
        )
    return alt.X("value:N", title=axis, sort=list(dict.fromkeys(swept["value"])))
