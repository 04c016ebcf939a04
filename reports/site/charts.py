"""Figures of the front page, of a method and of the truth's reliability; a task's are in `lodo.reports.figures`."""

from collections.abc import Sequence
from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from lodo.reports import formats
from lodo.reports.figures import HUES, SHAPES, axis_at, ordered_points, sentence, step_chart, ticks
from lodo.reports.site.labels import places
from lodo.reports.site.material import Material, letter
from lodo.reports.site.page import Plot
from lodo.reports.site.verdict import frontier
from lodo.reports.site.words import trainings, with_interval
from lodo.reports.standings import Standing
from lodo.reports.svg import INK, sketch

WIDTH, HEIGHT = 320, 205
KNEE = 0.03  # below this cost, in trainings, the axis is nearly linear: much that is compared costs nothing
MOST_LABELS = 9


def cost_chart(material: Material) -> Plot | None:
    """Score with its interval against cost, all methods and references, or None where nothing has both."""
    rows = [
        _point(material, standing)
        for standing in material.overall
        if standing.score is not None and standing.pair in material.costs
    ]
    if not rows:
        return None
    data = pd.DataFrame(rows).astype({"low": float, "high": float})
    labels = data["label"].tolist()
    held = {material.label(standing.pair) for standing in material.references}
    lead = {material.label(step.standing.pair) for step in frontier(material)}
    order = sorted(range(len(labels)), key=lambda index: (labels[index] not in held, labels[index] not in lead))
    top = max(float(data["cost"].max()), 0.3)
    marks = [tick for tick in (0.0, 0.1, 1.0, 10.0, 100.0, 1000.0) if tick <= top * 1.3]
    low = min(-0.1, float(data["low"].fillna(data["score"]).min()))
    reach = [np.floor(low * 10) / 10, 1.0]
    across = [float(np.log1p(cost / KNEE) / np.log1p(top * 1.25 / KNEE) * WIDTH) for cost in data["cost"]]
    down = {name: (reach[1] - data[name]) / (reach[1] - reach[0]) * HEIGHT for name in ("low", "score", "high")}
    whiskers = [
        (x - 1.5, high, x + 1.5, low)
        for x, low, high in zip(
            across, down["low"].fillna(down["score"]), down["high"].fillna(down["score"]), strict=True
        )
    ]
    placed = places(
        across, down["score"].tolist(), labels, order, (WIDTH, HEIGHT), MOST_LABELS, whiskers, len(held | lead)
    )
    drawn = data.round(4)
    x = alt.X(
        "cost:Q",
        title="cost of one attribution, in trainings",
        scale=alt.Scale(type="symlog", constant=KNEE, domain=[0, top * 1.25], nice=False),
        axis=axis_at(marks, "~r"),
    )
    y = alt.Y(
        "score:Q",
        title="score (Pearson r with the truth)",
        scale=alt.Scale(domain=reach, nice=False),
        axis=axis_at(ticks(*reach), ".1f"),
    )
    groups = sorted(set(data["group"]) - {""}, key=lambda name: (len(name), name))
    cycle = range(len(groups))
    legend = alt.Legend(title="tie group", titleOrient="left", orient="bottom", direction="horizontal", columns=8)
    hues = alt.Scale(domain=groups, range=[HUES[index % len(HUES)] for index in cycle])
    shapes = alt.Scale(domain=groups, range=[SHAPES[index % len(SHAPES)] for index in cycle])
    colour, shape = alt.Color("group:N", scale=hues, legend=legend), alt.Shape("group:N", scale=shapes, legend=legend)
    ranked, others = alt.Chart(drawn[drawn["group"] != ""]), alt.Chart(drawn[drawn["group"] == ""])
    low_end = alt.Y("low:Q", title="")
    layers: list[Any] = [
        others.mark_rule(strokeWidth=1.2, opacity=0.6, color=INK, aria=False, clip=True).encode(
            x=x, y=low_end, y2="high:Q"
        ),
        others.mark_point(shape="circle", size=50, strokeWidth=1.4, color=INK, opacity=1, aria=False).encode(x=x, y=y),
        ranked.mark_rule(strokeWidth=1.6, opacity=0.75, aria=False, clip=True).encode(
            x=x, y=low_end, y2="high:Q", color=colour
        ),
        ranked.mark_point(filled=True, size=62, opacity=1, aria=False).encode(x=x, y=y, color=colour, shape=shape),
    ]
    for dx, dy in sorted({place for place in placed if place}):
        words = alt.Chart(drawn[[place == (dx, dy) for place in placed]])
        style: dict[str, Any] = {"dx": dx, "dy": dy, "baseline": "middle", "color": INK, "fontSize": 11, "aria": False}
        layers.append(words.mark_text(align="left" if dx > 0 else "right", **style).encode(x=x, y=y, text="label:N"))
    chart = alt.layer(*layers).properties(width=WIDTH, height=HEIGHT)
    said = [
        f"{row.label} scores {_ends(row)} for {trainings(row.cost)}" for row in data.head(6).itertuples(index=False)
    ]
    rest = f", and {len(data) - 6} more" if len(data) > 6 else ""
    return Plot(
        sketch(
            chart,
            "Score against cost",
            f"Scores with 95 % intervals against cost in trainings, best first: {'; '.join(said)}{rest}.",
            "index-cost",
        ),
        "Lines: 95 % intervals. Same shape: one tie group, not to be told from its best. Circles: references.",
        data,
    )


def _point(material: Material, standing: Standing) -> dict[str, object]:
    return {
        "method": standing.pair[0],
        "hyperparameters": standing.pair[1],
        "label": material.label(standing.pair),
        "group": letter(standing.place.group) if standing.place else "",
        "score": standing.score,
        "low": standing.again.low,
        "high": standing.again.high,
        "cost": material.costs[standing.pair],
    }


def _ends(row: object) -> str:
    low, high, score = (getattr(row, name) for name in ("low", "high", "score"))
    if formats.missing(low):
        return formats.number(score)
    return f"{formats.number(score)} ({formats.number(low)} to {formats.number(high)})"


def task_chart(material: Material, pair: tuple[str, str], key: str) -> Plot | None:
    """A method's score with its interval on each task, beside what retraining scores there; None without a score."""
    rows = []
    for task in material.tasks:
        own, top = material.by_task[task].get(pair), _of(material, task)
        if own is not None and own.score is not None:
            ceiling = top.score if top and material.reading == "others" and top.pair != pair else None
            rows.append((task, own.score, own.again.low, own.again.high, ceiling))
    if not rows:
        return None
    data = pd.DataFrame(rows, columns=["task", "score", "low", "high", "retraining"])
    said = [f"{task} {with_interval(float(score), material.by_task[task][pair].again)}" for task, score, *_ in rows]
    name = material.label(pair)
    return Plot(
        sketch(
            ordered_points(data.rename(columns={"task": "label"}), data["task"].tolist(), ceiling="retraining"),
            f"Scores of {name} by task",
            f"{name}: {sentence(said, 8)}.",
            key,
        ),
        "Dots are scores, lines 95 % intervals over new seeds and redraws; the short upright line is what retraining "
        "scores on the task.",
        data,
    )


def _of(material: Material, task: str) -> Standing | None:
    retraining = material.retraining
    return material.by_task[task].get(retraining.pair) if retraining else None


def steps_chart(material: Material, pair: tuple[str, str], key: str) -> Plot | None:
    """Influence over a method's steps on each task; None unless some task has two points or more."""
    estimates = material.tables.estimates
    own = estimates[(estimates["method"] == pair[0]) & (estimates["hyperparameters"] == pair[1])]
    return step_chart(own.assign(label=own["task"]), list(material.tasks), material.label(pair), key)


def reliability_chart(tables_reliability: pd.DataFrame, tasks: Sequence[str]) -> Plot | None:
    """R of every subset, a row a task, or None where no task has one."""
    data = tables_reliability[["task", "subset", "reliability", "mean_r"]].dropna(subset=["reliability"])
    if data.empty:
        return None
    means = data.groupby("task", as_index=False)["reliability"].mean()
    floor = float(np.floor(min(0.5, data["reliability"].min()) * 10) / 10)
    x = alt.X(
        "reliability:Q",
        title="R of the seed-averaged truth",
        scale=alt.Scale(domain=[floor, 1], nice=False),
        axis=axis_at(ticks(floor, 1.0), ".1f"),
    )
    y = alt.Y(
        "task:N", title=None, sort=list(tasks), axis=alt.Axis(labelLimit=150, grid=True, ticks=False, domain=False)
    )
    chart = alt.layer(
        alt.Chart(data.round(4)).mark_point(size=44, color=HUES[0], opacity=0.8, aria=False).encode(x=x, y=y),
        alt.Chart(means.round(4)).mark_tick(thickness=2.5, size=15, color=HUES[5], aria=False).encode(x=x, y=y),
    ).properties(width=210, height=alt.Step(24))
    said = [f"{row.task} {formats.number(row.reliability)}" for row in means.itertuples(index=False)]
    return Plot(
        sketch(
            chart, "Reliability of the truth", f"Mean R over the subsets: {sentence(said, 12)}.", "sure-reliability"
        ),
        "A circle for each test subset, the upright line is their mean. At 1 another set of seeds would give the same "
        "truth.",
        data,
    )
