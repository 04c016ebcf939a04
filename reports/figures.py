"""A task's figures: scores, truth against estimate, ground truth, estimates over a method's steps."""

from collections.abc import Sequence
from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from lodo.reports import formats
from lodo.reports.site.page import Plot
from lodo.reports.svg import INK, sketch

# Eight hues that stay apart for colour-blind readers (Okabe and Ito; their yellow darkened and their black made grey,
# so that all are visible on white and on black), doubled by shapes.
HUES = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#a89a00", "#8a8a8a")
SHAPES = ("circle", "square", "triangle-up", "diamond", "cross", "triangle-down", "triangle-right", "triangle-left")
DIVERGING = ("#b35806", "#f1a340", "#f4f2ee", "#67a9cf", "#2166ac")
MAX_STEPS = 60
MAX_POINTS = 2400  # of a scatter: more are a page that is slow to open, and no clearer
WIDTH = 210  # pixels: with names beside it a figure fits a phone
LEGEND = alt.Legend(orient="bottom", columns=3, labelLimit=110)


def _by_dataset(names: Sequence[str]) -> dict[str, alt.Color]:
    """Colour encoding of datasets: more than eight share hues (their shapes shift by one)."""
    hues = [HUES[i % len(HUES)] for i in range(len(names))]
    scale = alt.Scale(domain=list(names), range=hues)
    return {"color": alt.Color("dataset:N", scale=scale, title="left-out dataset", legend=LEGEND)}


def _shapes(names: Sequence[str]) -> alt.Shape:
    shapes = [SHAPES[(i + i // len(HUES)) % len(SHAPES)] for i in range(len(names))]
    return alt.Shape(
        "dataset:N", scale=alt.Scale(domain=list(names), range=shapes), title="left-out dataset", legend=LEGEND
    )


def standardised(frame: pd.DataFrame, by: Sequence[str]) -> pd.Series:
    """``influence`` minus its mean over its standard deviation within each group; NaN in groups without variance."""
    groups = frame.groupby(list(by))["influence"]
    spread = groups.transform("std", ddof=0)
    size = frame["influence"].abs().groupby([frame[name] for name in by]).transform("max")
    return ((frame["influence"] - groups.transform("mean")) / spread).where(spread > 1e-9 * size)


def sentence(said: Sequence[str], most: int) -> str:
    """The first of some findings joined, and how many more there are."""
    rest = f"; and {len(said) - most} more" if len(said) > most else ""
    return "; ".join(said[:most]) + rest


def ticks(low: float, high: float) -> list[float]:
    """Ticks whose one decimal tells them apart: at most eight, of equal steps, 0 among them if it lies between."""
    step = next(step for step in (0.1, 0.2, 0.5, 1.0) if (high - low) / step <= 7.01 or step == 1.0)
    first, last = int(np.ceil(round(low / step, 6))), int(np.floor(round(high / step, 6)))
    return [round(index * step, 1) for index in range(first, last + 1)]


def axis_at(values: Sequence[float], form: str) -> alt.Axis:
    """An axis with ticks at these values, and at all of them: by default Vega drops some where they are many."""
    return alt.Axis(values=list(values), tickCount=len(values), format=form, labelOverlap=False)


def ordered_points(data: pd.DataFrame, order: Sequence[str], ceiling: str | None = None) -> Any:
    """A row for each label: a dot at its score, a line from low to high, an upright line at the column ``ceiling``."""
    defined = data.dropna(subset=["score"]).round(4)
    ends = [-0.1, *defined["low"].dropna(), *defined["score"]]
    low = float(np.floor(min(ends) * 10) / 10)
    x = alt.X(
        "score:Q",
        title="score (Pearson r with the truth)",
        scale=alt.Scale(domain=[low, 1.0], nice=False),
        axis=axis_at(ticks(low, 1.0), ".1f"),
    )
    y = alt.Y(
        "label:N",
        title=None,
        sort=list(order),
        axis=alt.Axis(grid=True, labelLimit=140, domain=False, ticks=False),
    )
    dots = alt.Chart(defined)
    layers = [
        alt.Chart(pd.DataFrame({"zero": [0.0]})).mark_rule(color=INK, opacity=0.4, aria=False).encode(x="zero:Q"),
        dots.mark_rule(strokeWidth=2, color=HUES[0], aria=False).encode(x=alt.X("low:Q", title=""), x2="high:Q", y=y),
        dots.mark_circle(size=60, color=HUES[0], opacity=1, aria=False).encode(x=x, y=y),
    ]
    missing = data[data["score"].isna()][["label"]]
    if len(missing):
        text = missing.assign(zero=0.0, text="undefined")
        mark = alt.Chart(text).mark_text(align="left", dx=5, fontStyle="italic", color=INK, opacity=0.7, aria=False)
        layers.append(mark.encode(x=alt.X("zero:Q"), y=y, text="text:N"))
    if ceiling is not None and len(level := data.dropna(subset=[ceiling])):
        mark = alt.Chart(level.round(4)).mark_tick(color=HUES[5], thickness=2, size=16, aria=False)
        layers.append(mark.encode(x=alt.X(f"{ceiling}:Q"), y=y))
    return alt.layer(*layers).properties(width=WIDTH, height=alt.Step(22))


def score_chart(data: pd.DataFrame, ceiling: float | None, task: str, key: str) -> Plot | None:
    """Score of each method with its interval, and what the true retraining scores.

    Args:
        data: columns label, score, low, high in the order of the rows; score is NaN where it is undefined.
        ceiling: the score of the true retraining, None where there is none to compare with.
    """
    if data.empty:
        return None
    level = float("nan") if ceiling is None else ceiling
    said = [
        f"{row.label} {formats.number(row.score)}"
        + ("" if formats.missing(row.low) else f" ({formats.number(row.low)} to {formats.number(row.high)})")
        for row in data.dropna(subset=["score"]).itertuples(index=False)
    ]
    return Plot(
        sketch(
            ordered_points(data.assign(retraining=level), data["label"].tolist(), ceiling="retraining"),
            f"Scores, {task}",
            f"Best first: {sentence(said, 8)}." if said else "No method has a score.",
            key,
        ),
        "Dots are scores, lines 95 % intervals over new seeds and redraws"
        + ("." if ceiling is None else "; the upright line is what retraining scores."),
        data,
    )


def scatter(answers: pd.DataFrame, order: Sequence[str], task: str, key: str) -> Plot | None:
    """Estimates of the first seed against the truth that they are scored with, one panel for each method, or None.

    One seed, because averaged over all seeds the true retraining is the truth that it is compared with. Where there
    would be too many points, the methods that come first in the order are shown.

    Args:
        answers: one task's rows of `derive.answers` with a ``label`` column (what to call the method).
        order: labels in the order of the panels.
    """
    first = answers[answers["seed"] == answers["seed"].min()]
    means = first.groupby(["label", "dataset", "subset"], as_index=False)[["influence", "truth"]].mean()
    groups = ["label", "subset"]
    estimate = standardised(means, groups)
    truth = standardised(means.assign(influence=means["truth"]), groups)
    data = means[["label", "dataset", "subset"]].assign(truth=truth, estimate=estimate).dropna()
    if data.empty:
        return None
    there = set(data["label"])
    possible = [label for label in order if label in there]
    panels = max(1, MAX_POINTS // int(data["label"].value_counts().max()))
    shown = possible[:panels]
    data = data[data["label"].isin(shown)]
    names = sorted(data["dataset"].unique())
    reach = float(data[["truth", "estimate"]].abs().to_numpy().max()) * 1.05
    axis = alt.Axis(values=[-2, 0, 2], tickCount=3)
    scale = alt.Scale(domain=[-reach, reach], nice=False)
    base = alt.Chart().encode(x=alt.X("estimate:Q", title="estimate", scale=scale, axis=axis))
    points = base.mark_point(filled=True, size=26, opacity=0.75, aria=False, clip=True).encode(
        y=alt.Y("truth:Q", title="truth", scale=scale, axis=axis), shape=_shapes(names), **_by_dataset(names)
    )
    diagonal = (
        alt.Chart()
        .transform_aggregate(points="count()")  # one line a panel, not one for each point
        .mark_rule(color=INK, opacity=0.4, strokeDash=[4, 3], aria=False)
        .encode(x=alt.datum(-reach), x2=alt.datum(reach), y=alt.datum(-reach), y2=alt.datum(reach))
    )
    chart = (
        alt.layer(diagonal, points, data=data.round(2))
        .properties(width=128, height=128)
        .facet(facet=alt.Facet("label:N", title=None, sort=shown), columns=min(4, len(shown)), spacing=12)
    )
    left = f" Shown are the first {len(shown)} of {len(possible)} methods." if len(shown) < len(possible) else ""
    return Plot(
        sketch(
            chart,
            f"Truth against estimate, {task}",
            f"{len(shown)} panels: {sentence(shown, 8)}. {len(names)} left-out datasets in each.",
            key,
        ),
        "A panel for each method, a point for each left-out dataset and test subset; both axes are standardised "
        "within each subset. Estimates are those of the first seed, averaged over the runs; the truth is the one that "
        f"they are scored with. On the dashed diagonal the estimate equals the truth.{left}",
        data,
    )


def truth_heatmap(truth: pd.DataFrame, task: str, key: str) -> Plot | None:
    """Seed-averaged ground truth (nats per token), datasets × subsets, and how far the seeds lie apart."""
    cells = truth.groupby(["dataset", "subset"], as_index=False)["influence"].agg(["mean", "std", "count"])
    data = pd.DataFrame(cells).rename(columns={"mean": "influence", "std": "seed_std", "count": "seeds"})
    data = data.dropna(subset=["influence"])
    if data.empty:
        return None
    reach = float(data["influence"].abs().max()) or 1.0
    scale = alt.Scale(domain=[-reach, -reach / 2, 0, reach / 2, reach], range=list(DIVERGING), interpolate="lab")
    legend = alt.Legend(
        title="nats per token",
        format="+.2~g",
        gradientLength=140,
        orient="bottom",
        direction="horizontal",
        values=[-reach, 0, reach],
    )
    drawn = data.assign(
        influence=data["influence"].map(lambda value: float(f"{value:.4g}")),
        across=(data["seed_std"].fillna(0.0) / reach).clip(upper=1.0).round(3) ** 2,
    )
    base = alt.Chart(drawn).encode(
        x=alt.X("subset:N", title="test subset", axis=alt.Axis(labelAngle=-40, labelLimit=130)),
        y=alt.Y("dataset:N", title=None, axis=alt.Axis(labelLimit=110)),
    )
    size = alt.Size("across:Q", scale=alt.Scale(domain=[0, 1], range=[0, 22**2]), legend=None)
    chart = alt.layer(
        base.mark_rect(aria=False).encode(color=alt.Color("influence:Q", scale=scale, legend=legend)),
        base.mark_point(shape="circle", stroke="#000", strokeWidth=1, fill=None, aria=False).encode(size=size),
    ).properties(width=alt.Step(24), height=alt.Step(24))
    most = data.iloc[int(data["influence"].to_numpy().argmax())]
    least = data.iloc[int(data["influence"].to_numpy().argmin())]
    return Plot(
        sketch(
            chart,
            f"Ground truth, {task}",
            f"Leaving out {most['dataset']} raises the loss on {most['subset']} most, by "
            f"{formats.number(most['influence'], 3)} nats per token; the other end is {least['dataset']} on "
            f"{least['subset']}, {formats.number(least['influence'], 3)}.",
            key,
        ),
        "Change of the test loss when a dataset is left out, averaged over the seeds. Blue: the loss rises, the "
        "dataset helped. Brown: the loss falls, the dataset hurt. The ring is the standard deviation over the seeds: "
        "as wide as the cell where it is as large as the strongest colour.",
        data,
    )


def step_chart(estimates: pd.DataFrame, order: Sequence[str], name: str, key: str) -> Plot | None:
    """Estimated influence of each dataset after each step, a panel for each label; None unless one has two steps.

    Args:
        estimates: one method's ``estimates`` rows, all steps, with a ``label`` column.
    """
    stepped = estimates[estimates["step"].notna()]
    steps = stepped.groupby("label")["step"].nunique()
    stepped = stepped[stepped["label"].isin(steps.index[steps > 1])]
    if stepped.empty:
        return None
    grouped = stepped.assign(step=stepped["step"].astype(int)).groupby(["label", "dataset", "step"], as_index=False)
    data = pd.DataFrame(grouped["influence"].mean())
    there = set(data["label"])
    shown = [label for label in order if label in there]
    kept = data.groupby("label")["step"].transform(lambda steps: steps.isin(_thinned(np.unique(steps))))
    data = data[kept]
    names = sorted(data["dataset"].unique())
    many = int(data.groupby("label")["step"].nunique().max()) > 6
    values = alt.Undefined if many else sorted(data["step"].unique().tolist())
    chart = (
        alt.Chart(data.assign(influence=data["influence"].map(lambda value: float(f"{value:.4g}"))))
        .mark_line(aria=False, strokeWidth=1.6, point=alt.OverlayMarkDef(size=12, aria=False))
        .encode(
            x=alt.X("step:Q", title="steps", axis=alt.Axis(values=values, tickMinStep=1, tickCount=4, format="d")),
            y=alt.Y("influence:Q", title="estimated influence", axis=alt.Axis(format="~g", tickCount=4)),
            **_by_dataset(names),
        )
        .properties(width=190, height=130)
        .facet(facet=alt.Facet("label:N", title=None, sort=shown), columns=min(3, len(shown)), spacing=24)
        .resolve_scale(x="independent", y="independent")
    )
    return Plot(
        sketch(
            chart,
            f"Estimates over steps, {name}",
            f"{len(shown)} panels, {sentence(shown, 6)}; {len(names)} left-out datasets in each.",
            key,
        ),
        "Estimated influence of each left-out dataset after each step, averaged over subsets, seeds and runs, in the "
        "method's own units. The last step is the estimate.",
        data,
    )


def _thinned(steps: np.ndarray) -> np.ndarray:
    """At most MAX_STEPS of the steps, evenly spaced, the first and the last among them."""
    if len(steps) <= MAX_STEPS:
        return steps
    thinned: np.ndarray = steps[np.unique(np.linspace(0, len(steps) - 1, MAX_STEPS).round().astype(int))]
    return thinned
