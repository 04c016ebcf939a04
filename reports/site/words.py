"""Scores, intervals and differences as the words and small drawings that all pages share."""

from collections.abc import Iterable
from typing import Any

from markupsafe import Markup

from lodo.reports import formats
from lodo.reports.gaps import Difference
from lodo.reports.site.material import letter, shape
from lodo.reports.standings import Standing
from lodo.reports.uncertainty import Interval

LOW, HIGH = -0.2, 1.0  # where bars begin and end; what lies beyond is cut


def interval(given: Interval, digits: int = 2) -> str:
    """``0.78 to 0.83``; "" where there is none."""
    if given.low is None:
        return ""
    return f"{formats.number(given.low, digits)} to {formats.number(given.high, digits)}"


def with_interval(value: float, given: Interval) -> str:
    """``0.81 (0.78 to 0.83)``, or the number alone."""
    ends = interval(given)
    return f"{formats.number(value)} ({ends})" if ends else formats.number(value)


def percent(value: Any) -> str:
    """A share as a whole number of per cent."""
    return formats.DASH if formats.missing(value) else f"{formats.number(100 * value, 0)} %"


def score(standing: Standing | None) -> dict[str, Any]:
    """A score for a table's cell: number and interval, or what is lacking and why."""
    if standing is None:
        return {"number": "", "interval": "", "why": "", "reason": "not run", "value": None, "bar": ""}
    if standing.score is None:
        return {"number": "", "interval": "", "why": "", "reason": standing.reason, "value": None, "bar": ""}
    ends = interval(standing.again)
    return {
        "number": formats.number(standing.score),
        "interval": ends,
        "why": "" if ends else f"no interval: {standing.again.reason}",
        "reason": "",
        "value": standing.score,
        "bar": bar(standing.score, standing.again),
    }


def bar(value: float, given: Interval) -> Markup:
    """A bar from 0 to the score with its interval as a whisker; decoration, since the number stands beside it."""
    zero, end = _place(0.0), _place(value)
    left, width = min(zero, end), abs(end - zero)
    whisker = ""
    if given.low is not None and given.high is not None:
        low, high = _place(given.low), _place(given.high)
        whisker = f'<path d="M{low:.1f} 6H{high:.1f}M{low:.1f} 3V9M{high:.1f} 3V9"/>'
    return Markup(
        f'<svg class="bar" viewBox="0 0 120 12" aria-hidden="true"><rect x="{left:.1f}" y="2" width="{width:.1f}" '
        f'height="8"/>{whisker}<path class="zero" d="M{zero:.1f} 0V12"/></svg>'
    )


def _place(value: float) -> float:
    return (min(max(value, LOW), HIGH) - LOW) / (HIGH - LOW) * 120


def rank(standing: Standing) -> str:
    """``1`` or ``6–11``; "" where there is none."""
    if standing.place is None:
        return ""
    first, last = standing.place.rank
    return str(first) if first == last else f"{first}–{last}"


def tie(standing: Standing) -> dict[str, str]:
    """A tie group's letter and mark; empty where there is none."""
    if standing.place is None:
        return {"letter": "", "mark": ""}
    return {"letter": letter(standing.place.group), "mark": shape(standing.place.group)}


def difference(given: Difference | None) -> dict[str, Any]:
    """A difference of two scores with interval, Holm's p and whether it is sure; None where there is none."""
    if given is None:
        return {"text": "", "p": "", "sure": False}
    low, high = formats.number(given.low), formats.number(given.high)
    return {"text": f"{signed(given.value)} ({low} to {high})", "p": p_value(given.p), "sure": given.sure}


def signed(value: float) -> str:
    """A number with its sign."""
    text = formats.number(value)
    return text if text.startswith(formats.MINUS) or float(text) == 0 else f"+{text}"


def p_value(p: float) -> str:
    """Holm's p: three digits, or that it is below what they tell."""
    return "< 0.001" if p < 0.001 else formats.number(p, 3)


def share(standing: Standing) -> dict[str, str]:
    """How much of what retraining reaches, with its interval, or why it cannot be said."""
    given = standing.share
    if given.value is None or given.interval.low is None or given.interval.high is None:
        return {"text": "", "interval": "", "reason": given.interval.reason}
    low, high = (formats.number(100 * end, 0) for end in (given.interval.low, given.interval.high))
    return {"text": percent(given.value), "interval": f"{low} to {high} %", "reason": ""}


def no_share(standings: Iterable[Standing]) -> str:
    """Why no row has a share of what retraining reaches, so that it is said once; "" where one has."""
    shares = [share(standing) for standing in standings]
    return "" if any(own["text"] for own in shares) or not shares else shares[0]["reason"]


def trainings(cost: Any) -> str:
    """A cost in units of one training; what is too little to be seen says so."""
    if formats.missing(cost):
        return formats.DASH
    return "< 0.01" if 0 < cost < 0.005 else "0" if cost == 0 else formats.number(cost, 2 if cost < 10 else 1)


def compute(cost: Any) -> str:
    """A cost in a sentence."""
    if formats.missing(cost):
        return "an unknown cost"
    if cost < 0.005:
        return "next to no compute"
    return f"{trainings(cost)} training{'' if trainings(cost) == '1.00' else 's'}"
