"""Why a hyperparameter's value is what it is: a paper's, chosen, kept small for cost, tuned, or asked for."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

Reason = Literal["paper", "chosen", "budget", "tuned", "asked"]

FIGURE_ONLY = "how many points the figure over steps has; the last one is the estimate"


@dataclass(frozen=True)
class Why:
    """Where a value comes from, and one sentence about it.

    ``paper``: the paper's own value. ``chosen``: ours, the sentence says on what grounds. ``budget``: kept small for
    cost, the sentence says what would stand there otherwise. ``tuned``: the best of a recorded grid. ``asked``: set by
    the user.
    """

    reason: Reason
    detail: str


@dataclass(frozen=True)
class Setting:
    """A hyperparameter's value and why it is that."""

    value: Any
    why: Why


# By scale, what replaces a method's defaults there.
Scaled = Mapping[str, Mapping[str, Setting]]


def published(where: str) -> Why:
    """A default that is a paper's own value; ``where`` names the paper."""
    return Why("paper", where)


def chosen(grounds: str) -> Why:
    """A default that is no paper's value."""
    return Why("chosen", grounds)


def budget(value: Any) -> Setting:
    """A value that replaces the default at a scale for its cost alone; the default is what it would be otherwise."""
    return Setting(value, Why("budget", "kept small for cost"))


def choice(value: Any, grounds: str) -> Setting:
    """A value that replaces the default at a scale on other grounds than cost."""
    return Setting(value, chosen(grounds))
