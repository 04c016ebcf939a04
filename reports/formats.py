"""Numbers as text: correlations, losses, durations, sizes. A missing number is a dash."""

import json
import math
from typing import Any

DASH = "–"
MINUS = "−"


def missing(value: Any) -> bool:
    """Whether a number is None, NaN or pandas' NA."""
    try:
        return value is None or math.isnan(value)
    except TypeError:
        return True


def number(value: Any, digits: int = 2) -> str:
    """Fixed digits and a true minus sign; never a negative zero."""
    if missing(value):
        return DASH
    text = f"{value:,.{digits}f}"
    return text.replace("-", MINUS) if float(text.replace(",", "")) != 0 else text.lstrip("-")


def plus_minus(mean: Any, std: Any) -> str:
    """``0.91 ± 0.01``; the mean alone where one run leaves no standard deviation."""
    return number(mean) if missing(std) or missing(mean) else f"{number(mean)} ± {number(std)}"


def with_interval(value: Any, low: Any, high: Any) -> str:
    """``0.91 [0.88, 0.93]``; the value alone where there is no interval."""
    if missing(low) or missing(high) or missing(value):
        return number(value)
    return f"{number(value)} [{number(low)}, {number(high)}]"


def seconds(value: Any) -> str:
    """A duration with the unit that fits."""
    if missing(value):
        return DASH
    for limit, unit, size in ((90, "s", 1), (5400, "min", 60), (math.inf, "h", 3600)):
        if value < limit:
            return f"{value / size:.{2 if value < 1 else 1}f} {unit}"
    return DASH


def memory(value: Any) -> str:
    """Bytes with the unit that fits."""
    if missing(value):
        return DASH
    return f"{value / 2**30:.2f} GiB" if value >= 2**30 else f"{value / 2**20:.0f} MiB"


def settings(value: Any) -> str:
    """Hyperparameters (a mapping or its JSON) as ``name = value`` joined by commas; "none" if there are none."""
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError:
            return str(value) or "none"
    if not isinstance(value, dict):
        return "none" if value is None else str(value)
    return ", ".join(f"{key} = {_plain(item)}" for key, item in value.items()) or "none"


def pairs(value: Any) -> list[tuple[str, str]]:
    """Hyperparameters (a mapping or its JSON) as (name, value), both text; what cannot be read so is left out."""
    if isinstance(value, str):
        try:
            value = json.loads(value)
        except ValueError:
            return []
    return [(str(key), _plain(item)) for key, item in value.items()] if isinstance(value, dict) else []


def _plain(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
