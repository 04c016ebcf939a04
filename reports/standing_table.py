"""Standings as Markdown: who can be told from whom, how far from the best, from chance and from what can be reached."""

from lodo.reports import formats
from lodo.reports.closing import markdown
from lodo.reports.derive import Question, Reading
from lodo.reports.gaps import Difference
from lodo.reports.page_values import READINGS
from lodo.reports.standings import Standing, standings
from lodo.reports.summary import row_labels, summarise
from lodo.reports.tables import ReportError, Tables
from lodo.reports.uncertainty import Interval

HEADS = [
    "rank",
    "group",
    "method",
    "Pearson",
    "elsewhere",
    "to the best",
    "to random",
    "the best, %",
    "of the reachable, %",
]


def standing_table(tables: Tables, question: Question = "as_in_paper", truth: Reading | None = None) -> str:
    """Every method's standing over all tasks, as `lodo.reports.standings` says it, best first, references last.

    Raises:
        ReportError: the tables hold no scores.
    """
    summary = summarise(tables, question)
    reading = truth or summary.truth
    scores = summary.of(question, reading)
    if scores.empty:
        raise ReportError("the tables hold no scores; give those of a finished run")
    labels, count = row_labels(summary.scores), scores["task"].nunique()
    rows = standings(tables, summary, reading=reading)
    return "\n".join(
        [
            f"Pearson correlation with {READINGS[reading]}, mean over {count} task{'' if count == 1 else 's'}; "
            f"{question}. In brackets 95 % intervals over new seeds and redraws; elsewhere: with other datasets and "
            "subsets as well. Rank: the places that paired comparisons with the other methods leave (Holm, 5 %). "
            "Group: methods that cannot be told from the best of it. To the best, to random: difference, and Holm's p. "
            "The best: probability of the highest score with new seeds and redraws. Of the reachable: the score over "
            "that of retraining.",
            "",
            *markdown([HEADS, *(_line(row, labels[row.pair]) for row in rows)], words=3),
        ]
    )


def _line(row: Standing, label: str) -> list[str]:
    place = row.place
    low, high = place.rank if place else (None, None)
    return [
        formats.DASH if place is None else str(low) if low == high else f"{low}–{high}",
        str(place.group) if place else formats.DASH,
        f"`{label}`",
        row.reason or formats.with_interval(row.score, row.again.low, row.again.high),
        _interval(row.elsewhere),
        _difference(place.to_best if place else None),
        _difference(row.to_chance),
        formats.number(100 * place.best, 0) if place else formats.DASH,
        _share(row),
    ]


def _interval(interval: Interval) -> str:
    if interval.low is None:
        return formats.DASH
    return f"[{formats.number(interval.low)}, {formats.number(interval.high)}]"


def _difference(gap: Difference | None) -> str:
    if gap is None:
        return formats.DASH
    chance = "p < 0.001" if gap.p < 0.001 else f"p = {formats.number(gap.p, 3)}"
    return f"{formats.with_interval(gap.value, gap.low, gap.high)}, {chance}"


def _share(row: Standing) -> str:
    share = row.share
    if share.value is None or share.interval.low is None or share.interval.high is None:
        return formats.DASH
    ends = (formats.number(100 * end, 0) for end in (share.interval.low, share.interval.high))
    return f"{formats.number(100 * share.value, 0)} [{', '.join(ends)}]"
