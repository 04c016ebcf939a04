"""The leaderboard's figures: truth against estimate, scores, ground truth, estimates over unlearning steps."""

from collections.abc import Sequence

import altair as alt
import numpy as np
import pandas as pd

from lodo.reports.svg import INK, Sketch, sketch

# Eight hues that stay apart for colour-blind readers (Okabe and Ito; their yellow darkened and their black made grey,
# so that all are visible on white and on black), doubled by shapes.
HUES = ("#0072b2", "#e69f00", "#009e73", "#cc79a7", "#56b4e9", "#d55e00", "#a89a00", "#8a8a8a")
SHAPES = ("circle", "square", "triangle-up", "diamond", "cross", "triangle-down", "triangle-right", "triangle-left")
DIVERGING = ("#b35806", "#f1a340", "#f4f2ee", "#67a9cf", "#2166ac")
MAX_STEPS = 60


def _by_dataset(names: Sequence[str]) -> dict[str, alt.Color]:
    """Colour encoding of datasets: more than eight share hues (their shapes shift by one)."""
    hues = [HUES[i % len(HUES)] for i in range(len(names))]
    scale = alt.Scale(domain=list(names), range=hues)
    return {"color": alt.Color("dataset:N", scale=scale, title="left-out dataset", legend=alt.Legend(orient="right"))}


def _shapes(names: Sequence[str]) -> alt.Shape:
    shapes = [SHAPES[(i + i // len(HUES)) % len(SHAPES)] for i in range(len(names))]
    return alt.Shape("dataset:N", scale=alt.Scale(domain=list(names), range=shapes), title="left-out dataset")


def standardised(frame: pd.DataFrame, by: Sequence[str]) -> pd.Series:
    """``influence`` minus its mean over its standard deviation within each group; NaN in groups without variance."""
    groups = frame.groupby(list(by))["influence"]
    spread = groups.transform("std", ddof=0)
    size = frame["influence"].abs().groupby([frame[name] for name in by]).transform("max")
    return ((frame["influence"] - groups.transform("mean")) / spread).where(spread > 1e-9 * size)


def scatter(answers: pd.DataFrame, order: Sequence[str], task: str, key: str) -> Sketch | None:
    """Estimates of the first seed against the truth that they are scored with, one panel for each method, or None.

    One seed, because averaged over all seeds the true retraining is the truth that it is compared with.

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
    shown = [label for label in order if label in set(data["label"])]
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
        alt.layer(diagonal, points, data=data.round(3))
        .properties(width=150, height=150)
        .facet(facet=alt.Facet("label:N", title=None, sort=shown), columns=min(4, len(shown)), spacing=14)
    )
    return sketch(
        chart,
        f"Truth against estimate, {task}",
        "One panel for each method, one point for each left-out dataset and test subset; both axes are standardised "
        "within each subset. Estimates are those of the first seed, averaged over the runs; the truth is the one that "
        "they are scored with. On the dashed diagonal the estimate equals the truth.",
        key,
    )


def score_chart(
    scores: pd.DataFrame, ceiling: float | None, order: Sequence[str], task: str, key: str
) -> Sketch | None:
    """Mean Pearson ± std over the runs of each method, with a line at what the true retraining scores.

    Args:
        scores: one task's rows of `summarise_scores` that rank, with a ``label`` column.
        ceiling: the score of the true retraining, None where there is none to compare with.
    """
    if scores.empty:
        return None
    data = scores[["label", "pearson"]].assign(std=scores["pearson_std"].fillna(0.0))
    data["low"], data["high"] = data["pearson"] - data["std"], data["pearson"] + data["std"]
    defined, missing = data.dropna(subset=["pearson"]).round(4), data[data["pearson"].isna()][["label"]]
    bounds = [-0.1, 1.0, *defined["low"], *defined["high"]]
    x = alt.X(
        "pearson:Q", title="Pearson r with the truth", scale=alt.Scale(domain=[min(bounds), max(bounds)], nice=True)
    )
    y = alt.Y(
        "label:N", title=None, sort=list(order), axis=alt.Axis(grid=True, labelLimit=220, domain=False, ticks=False)
    )
    layers = [
        alt.Chart(pd.DataFrame({"zero": [0.0]})).mark_rule(color=INK, opacity=0.4).encode(x="zero:Q"),
        alt.Chart(defined).mark_rule(strokeWidth=2, color=HUES[0]).encode(x=alt.X("low:Q", title=""), x2="high:Q", y=y),
        alt.Chart(defined).mark_circle(size=70, color=HUES[0], opacity=1).encode(x=x, y=y),
    ]
    if len(missing):
        text = missing.assign(zero=0.0, text="undefined")
        mark = alt.Chart(text).mark_text(align="left", dx=5, fontStyle="italic", color=INK, opacity=0.7)
        layers.append(mark.encode(x=alt.X("zero:Q"), y=y, text="text:N"))
    if ceiling is not None and np.isfinite(ceiling):
        line = pd.DataFrame({"ceiling": [ceiling], "text": [f"retraining {ceiling:.2f}"]})
        rule = alt.Chart(line).mark_rule(color=HUES[5], strokeDash=[5, 3], strokeWidth=1.5).encode(x="ceiling:Q")
        name = alt.Chart(line).mark_text(color=HUES[5], baseline="bottom", dy=-3).encode(x="ceiling:Q", text="text:N")
        layers += [rule, name.encode(y=alt.value(0))]
    return sketch(
        alt.layer(*layers).properties(width=430, height=alt.Step(24)),
        f"Scores, {task}",
        "Dots are means over the runs, lines reach one standard deviation over the runs to each side. "
        "The dashed line is what the true retraining of the same seed scores.",
        key,
    )


def truth_heatmap(truth: pd.DataFrame, task: str, key: str) -> Sketch | None:
    """Seed-averaged ground truth (nats per token), datasets × subsets, on a diverging scale centred at 0."""
    data = truth.groupby(["dataset", "subset"], as_index=False)["influence"].mean().dropna()
    if data.empty:
        return None
    reach = float(data["influence"].abs().max()) or 1.0
    scale = alt.Scale(domain=[-reach, -reach / 2, 0, reach / 2, reach], range=list(DIVERGING), interpolate="lab")
    legend = alt.Legend(title="nats per token", format="+.2~g", gradientLength=140, tickCount=5)
    chart = (
        alt.Chart(data.assign(influence=data["influence"].map(lambda value: float(f"{value:.4g}"))))
        .mark_rect(aria=False)
        .encode(
            x=alt.X("subset:N", title="test subset", axis=alt.Axis(labelAngle=-40, labelLimit=130)),
            y=alt.Y("dataset:N", title=None, axis=alt.Axis(labelLimit=160)),
            color=alt.Color("influence:Q", scale=scale, legend=legend),
        )
        .properties(width=alt.Step(34), height=alt.Step(24))
    )
    return sketch(
        chart,
        f"Ground truth, {task}",
        "Change of the test loss when a dataset is left out, averaged over the seeds. Blue: the loss rises, "
        "the dataset helped. Brown: the loss falls, the dataset hurt.",
        key,
    )


def step_chart(estimates: pd.DataFrame, order: Sequence[str], task: str, key: str) -> Sketch | None:
    """Estimated influence of each dataset after each unlearning step, for the methods that have steps; else None.

    Args:
        estimates: one task's ``estimates`` rows, all steps, with a ``label`` column.
    """
    stepped = estimates[estimates["step"].notna()]
    if stepped.empty:
        return None
    grouped = stepped.assign(step=stepped["step"].astype(int)).groupby(["label", "dataset", "step"], as_index=False)
    data = pd.DataFrame(grouped["influence"].mean())
    shown = [label for label in order if label in set(data["label"])]
    kept = data.groupby("label")["step"].transform(lambda steps: steps.isin(_thinned(np.unique(steps))))
    names = sorted(data["dataset"].unique())
    chart = (
        alt.Chart(data[kept].assign(influence=data["influence"].map(lambda value: float(f"{value:.4g}"))))
        .mark_line(aria=False, strokeWidth=1.6, point=alt.OverlayMarkDef(size=12, aria=False))
        .encode(
            x=alt.X("step:Q", title="unlearning steps", axis=alt.Axis(tickMinStep=1, tickCount=5, format="d")),
            y=alt.Y("influence:Q", title="estimated influence", axis=alt.Axis(format="~g", tickCount=5)),
            **_by_dataset(names),
        )
        .properties(width=240, height=150)
        .facet(facet=alt.Facet("label:N", title=None, sort=shown), columns=min(3, len(shown)), spacing=24)
        .resolve_scale(x="independent", y="independent")
    )
    return sketch(
        chart,
        f"Estimates over unlearning, {task}",
        "Estimated influence of each training dataset after each unlearning step, averaged over subsets, seeds and "
        "runs, in the method's own units. The last step is the estimate.",
        key,
    )


def _thinned(steps: np.ndarray) -> np.ndarray:
    """At most MAX_STEPS of the steps, evenly spaced, the first and the last among them."""
    if len(steps) <= MAX_STEPS:
        return steps
    thinned: np.ndarray = steps[np.unique(np.linspace(0, len(steps) - 1, MAX_STEPS).round().astype(int))]
    return thinned
