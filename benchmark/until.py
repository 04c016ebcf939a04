"""Seeds are added to a run until its truth is as reliable as was asked for.

R is looked at with every seed and the first that is high enough ends it, so where it ends R is a little flattered.
"""

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace

from rich.console import Console
from rich.markup import escape

from lodo.benchmark.request import Request
from lodo.benchmark.result import Result
from lodo.reports.formats import number
from lodo.reports.scoring import NEEDS_SEEDS
from lodo.reports.summary import summarise_reliability
from lodo.reports.tables import Tables
from lodo.tasks.errors import InputError


@dataclass(frozen=True)
class Until:
    """What R, the reliability of the seed-averaged truth, is to be on every task, and with how many seeds at most."""

    reliability: float
    seeds: int


def until_of(reliability: float | None, most: int, seeds: int) -> Until | None:
    """What the command line asks for; None where nothing is. Raises InputError naming the option."""
    if reliability is None:
        return None
    if not 0 < reliability < 1:
        raise InputError(f"--until-reliability {reliability:g}: R of a truth lies between 0 and 1; give e.g. 0.9")
    if most < max(seeds, 2):
        raise InputError(f"--max-seeds {most}: it must be {max(seeds, 2)} at least; give more, or fewer --seeds")
    return Until(reliability, most)


def lowest(tables: Tables) -> tuple[str, float] | None:
    """The task whose truth is least reliable, and its R: the mean over the subsets; 0 with one seed.

    None where no task has an R that more seeds could raise: their truths are the same for every dataset.
    """
    known = summarise_reliability(tables.reliability).set_index("task")
    known = known[known["reliability"].notna() | (known["reason"] == NEEDS_SEEDS)]
    values = known["reliability"].astype(float).fillna(0.0)
    return (str(values.idxmin()), float(values.min())) if len(values) else None


def with_more_seeds(
    request: Request, until: Until | None, console: Console, run: Callable[[Request], Result]
) -> tuple[Request, Result]:
    """Run a request, then with a seed more as long as R is too low; what was run last, and all that was computed."""
    result = run(request)
    while until:
        least = lowest(result.tables)
        if least is None:
            console.print("no task has an R that more seeds could raise", highlight=False)
            break
        task, reached = least
        said = f"R of the truth is {number(reached)} on {task} with {request.seeds} seeds"
        if reached >= until.reliability:
            break
        if request.seeds >= until.seeds:
            said += f", less than {number(until.reliability)}; a larger --max-seeds goes on from there"
            console.print(escape(said), highlight=False, soft_wrap=True)
            break
        console.print(escape(f"{said}: seed {request.seeds + 1} is added"), highlight=False, soft_wrap=True)
        request = replace(request, seeds=request.seeds + 1)
        more = run(request)
        result = replace(more, computed=dict(Counter(result.computed) + Counter(more.computed)))
    return request, result
