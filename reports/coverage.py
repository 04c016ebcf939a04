"""How often the intervals of `lodo.reports.uncertainty` hold the expected score, on drawn truths and estimates.

`python -m lodo.reports.coverage` prints the tables. A world is what other datasets and subsets would change: each
dataset's mean influence and a method's lasting error, both correlated over subsets, and how clear each subset's signal
is. A seed adds noise to truth and estimates; an estimate knows a part of its own seed's.
"""

import argparse
import itertools
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np

from lodo.reports.uncertainty import (
    again_ends,
    elsewhere_ends,
    generator,
    jackknife,
    quantile,
    score,
    seeds_left_out,
)

# By expected score of many datasets: correlation of a method's lasting answer with the mean influence, and the
# standard deviation of seeds' noise where that of mean influence is 1.
STRENGTHS = {0.0: (0.0, 0.7), 0.3: (0.42, 0.6), 0.6: (0.72, 0.4), 0.9: (0.965, 0.25), 0.97: (0.995, 0.15)}
OWN_NOISE = 0.5  # the correlation of an estimate's noise with its own seed's truth's
REDRAWN = 0.2  # the share of the rest of an estimate's noise that a redraw draws anew
OVER_SUBSETS = 0.5  # the correlation of one dataset's values on two subsets
CLARITY = 0.4  # the standard deviation of the logarithm of a subset's signal
DRAWS_PER_WORLD = 10
FRESH = 60  # score-only draws per world that make its expected score; their error adds 1/60 of the score's variance


@dataclass(frozen=True)
class Cell:
    """One shape and kind of data.

    Attributes:
        datasets, subsets, seeds, runs: K, S, n and R.
        heavy: Student's t of 3 degrees of freedom in place of the normal, for everything but a subset's clarity.
        strength: a key of `STRENGTHS`.
        tied: the share of seeds' noise that moves all datasets at once, every other one the other way.
    """

    datasets: int
    subsets: int
    seeds: int
    runs: int
    heavy: bool
    strength: float
    tied: float = 0.0


@dataclass(frozen=True)
class Coverage:
    """Share of intervals that hold the expected score, its Monte-Carlo standard error, and their mean width."""

    expected: float
    share: float
    error: float
    width: float


Draw = tuple[np.ndarray, ...]


def draw_worlds(rng: np.random.Generator, cell: Cell, count: int, methods: int = 1) -> Draw:
    """Mean influence and each method's lasting answer, each (count, K, S)."""
    skill, _ = STRENGTHS[cell.strength]
    influence, *errors = (_over_subsets(rng, cell, (count, cell.datasets)) for _ in range(1 + methods))
    clarity = np.exp(CLARITY * rng.standard_normal((count, 1, cell.subsets), dtype=np.float32))
    return (
        influence * clarity,
        *((skill * influence + np.sqrt(1 - skill**2) * error) * clarity for error in errors),
    )


def draw_seeds(rng: np.random.Generator, cell: Cell, worlds: Draw) -> Draw:
    """Each method's estimates (B, n, R, K, S) and, last, the truths (B, n, K, S) of B worlds."""
    influence, *answers = worlds
    _, size = STRENGTHS[cell.strength]
    lead = (len(influence), cell.seeds)
    noise = _seed_noise(rng, cell, lead)

    def estimated(answer: np.ndarray) -> np.ndarray:
        other = _seed_noise(rng, cell, lead)
        redraws = standard(rng, cell, (*lead, cell.runs, cell.datasets, cell.subsets))
        lasting = OWN_NOISE * noise + np.sqrt((1 - REDRAWN) * (1 - OWN_NOISE**2)) * other
        moving = np.sqrt(REDRAWN * (1 - OWN_NOISE**2)) * redraws
        return np.asarray(answer[:, None, None] + size * (lasting[:, :, None] + moving))

    return (*map(estimated, answers), influence[:, None] + size * noise)


def standard(rng: np.random.Generator, cell: Cell, shape: tuple[int, ...]) -> np.ndarray:
    """Numbers of mean 0 and variance 1, normal or heavy-tailed."""
    normal = rng.standard_normal(shape, dtype=np.float32)
    # t of 3 degrees of freedom is normal / sqrt(χ²/3), χ² twice a gamma of shape 3/2; its variance is 3.
    return normal / np.sqrt(2 * rng.standard_gamma(1.5, shape, dtype=np.float32)) if cell.heavy else normal


def measure_again(cell: Cell, draws: int) -> Coverage:
    """Coverage of `again`: every interval is held against the expected score of its own world."""
    return _measure_in_worlds("again", cell, draws, _score, _again_ends, 1)


def measure_difference(cell: Cell, draws: int) -> Coverage:
    """Coverage of paired differences over the seeds: of two methods of one strength whose answers err apart."""
    return _measure_in_worlds("difference", cell, draws, difference, difference_ends, 2)


def _score(estimates: np.ndarray, truth: np.ndarray) -> np.ndarray:
    return score(estimates, truth)


def _again_ends(estimates: np.ndarray, truth: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return again_ends(estimates, truth)


def _elsewhere_ends(estimates: np.ndarray, truth: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return elsewhere_ends(estimates, truth)


def difference(one: np.ndarray, other: np.ndarray, truth: np.ndarray) -> np.ndarray:
    """One method's score minus another's (…)."""
    return np.asarray(score(one, truth) - score(other, truth))


def difference_ends(one: np.ndarray, other: np.ndarray, truth: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Ends of `lodo.reports.leaving.Leaving.interval` of a difference of two methods over the seeds, each (…)."""
    gap = difference(one, other, truth)
    error, freedom = jackknife([seeds_left_out(one, truth) - seeds_left_out(other, truth)])
    half = quantile(freedom) * error
    return np.asarray(gap - half), np.asarray(gap + half)


def _measure_in_worlds(
    name: str,
    cell: Cell,
    draws: int,
    figure: Callable[..., np.ndarray],
    ends: Callable[..., tuple[np.ndarray, np.ndarray]],
    methods: int,
) -> Coverage:
    """Coverage of an interval over new seeds, held against the figure that is expected in its own world."""
    rng = generator(name, cell)
    worlds = draw_worlds(rng, cell, max(draws // DRAWS_PER_WORLD, 2), methods)
    count = len(worlds[0])

    def repeated(times: int) -> Draw:
        return draw_seeds(rng, cell, tuple(np.repeat(world, times, axis=0) for world in worlds))

    fresh = [figure(*repeated(10)).reshape(count, 10) for _ in range(FRESH // 10)]
    expected = np.concatenate(fresh, axis=1).mean(axis=1)
    low, high = (end.reshape(count, -1) for end in ends(*repeated(DRAWS_PER_WORLD)))
    held = ((low <= expected[:, None]) & (expected[:, None] <= high)).mean(axis=1)
    # Intervals of one world hold or miss together, so worlds are what varies independently.
    error = held.std(ddof=1) / np.sqrt(count)
    return Coverage(float(expected.mean()), float(held.mean()), float(error), float((high - low).mean()))


def measure_elsewhere(cell: Cell, draws: int) -> Coverage:
    """Coverage of `elsewhere`: every interval is of its own world; the expected score is over five times as many."""
    rng = generator("elsewhere", cell)
    batches = [min(500, draws - start) for start in range(0, draws, 500)]

    def fresh(count: int) -> Draw:
        return draw_seeds(rng, cell, draw_worlds(rng, cell, count))

    expected = float(np.concatenate([_score(*fresh(count)) for count in batches * 5]).mean())
    low, high = np.concatenate([_elsewhere_ends(*fresh(count)) for count in batches], axis=1)
    held = float(((low <= expected) & (expected <= high)).mean())
    return Coverage(expected, held, float(np.sqrt(held * (1 - held) / draws)), float((high - low).mean()))


MEASURES: dict[str, Callable[[Cell, int], Coverage]] = {
    "again": measure_again,
    "elsewhere": measure_elsewhere,
    "difference": measure_difference,
}


def table(name: str, shapes: list[tuple[int, int, int, int]], draws: int, tied: float) -> Iterator[str]:
    """Lines of Markdown: by shape (K, S, n, R), tails and strength, coverage ± its error, width, expected score."""
    yield from map(_line, (["K", "S", "n", "runs", "tails", *map(str, STRENGTHS)], ["---"] * (5 + len(STRENGTHS))))
    for shape, heavy in itertools.product(shapes, (False, True)):
        measured = [MEASURES[name](Cell(*shape, heavy, strength, tied), draws) for strength in STRENGTHS]
        cells = [f"{100 * m.share:.1f} ± {100 * m.error:.1f}, {m.width:.2f} ({m.expected:.2f})" for m in measured]
        yield _line([*map(str, shape), "heavy" if heavy else "light", *cells])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--draws", type=int, default=2000, help="intervals for each cell")
    parser.add_argument("--datasets", type=int, nargs="+", default=[4, 8, 50])
    parser.add_argument("--subsets", type=int, nargs="+", default=[4, 13])
    parser.add_argument("--seeds", type=int, nargs="+", default=[2, 3, 5])
    parser.add_argument("--runs", type=int, default=2, help="redraws of each estimate")
    parser.add_argument("--tied", type=float, default=0.0, help="share of seeds' noise that moves all datasets at once")
    parser.add_argument("--only", choices=[*MEASURES], help="one of the intervals")
    asked = parser.parse_args()
    shapes = list(itertools.product(asked.datasets, asked.subsets, asked.seeds, [asked.runs]))
    print("Coverage in % ± its Monte-Carlo error, mean width (expected score), by strength of the signal.")
    for name in [asked.only] if asked.only else MEASURES:
        print(f"\n{name}:\n")
        for line in table(name, shapes, asked.draws, asked.tied):
            print(line, flush=True)


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _over_subsets(rng: np.random.Generator, cell: Cell, lead: tuple[int, ...]) -> np.ndarray:
    """Standard numbers (*lead, S), correlated over the subsets."""
    shared, single = standard(rng, cell, (*lead, 1)), standard(rng, cell, (*lead, cell.subsets))
    return np.asarray(np.sqrt(OVER_SUBSETS) * shared + np.sqrt(1 - OVER_SUBSETS) * single)


def _seed_noise(rng: np.random.Generator, cell: Cell, lead: tuple[int, ...]) -> np.ndarray:
    """Standard noise (*lead, K, S), of which a share is one for all datasets with alternating sign."""
    noise = _over_subsets(rng, cell, (*lead, cell.datasets))
    if not cell.tied:
        return noise
    signs = np.where(np.arange(cell.datasets) % 2, 1.0, -1.0)[:, None]
    together = _over_subsets(rng, cell, (*lead, 1))
    return np.asarray(np.sqrt(1 - cell.tied) * noise + np.sqrt(cell.tied) * signs * together)


if __name__ == "__main__":
    main()
