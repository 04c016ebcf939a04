"""Where the names of points stand in a figure, so that none covers another."""

from collections.abc import Sequence

Box = tuple[float, float, float, float]  # left, top, right, bottom
Place = tuple[float, float]  # of a name beside its point: pixels right and down
LETTER, LINE, GAP = 6.2, 12.0, 8.0  # pixels: a letter's width at 11 px, a line's height, between a point and its name
OUT = 60.0  # how far a name may stand out to the right


def places(
    x: Sequence[float],
    y: Sequence[float],
    names: Sequence[str],
    order: Sequence[int],
    size: tuple[float, float],
    most: int,
    obstacles: Sequence[Box] = (),
    needed: int = 0,
) -> list[Place | None]:
    """By point, how far its name stands from it (pixels right and down), None for those without.

    A name begins right of its point or ends left of it. The first of ``order`` choose first.

    Args:
        x, y: the points, pixels from the left and from the top.
        size: width and height of the figure, which names leave by half a line, or `OUT` to the right.
        most: how many names there may be; those that find no room are left out.
        obstacles: what else no name may cover.
        needed: so many of the first of ``order`` may cover obstacles where they find no room beside them.
    """
    points = [(px - 4, py - 4, px + 4, py + 4) for px, py in zip(x, y, strict=True)]
    made: list[Place | None] = [None] * len(names)
    named: list[Box] = []
    for rank, index in enumerate(order):
        if len(named) == most:
            break
        kept = [*(box for at, box in enumerate(points) if at != index), *named]
        spot = (x[index], y[index], len(names[index]))
        found = _free(spot, [*kept, *obstacles], size) or (_free(spot, kept, size) if rank < needed else None)
        if found:
            made[index] = found
            named.append(_box(x[index] + found[0], y[index] + found[1], len(names[index]), found[0] > 0))
    return made


def _free(spot: tuple[float, float, int], others: Sequence[Box], size: tuple[float, float]) -> Place | None:
    """The first place beside a point, for a name of so many letters, where it meets nothing else."""
    x, y, letters = spot
    for across, down in ((GAP, 0.0), (-GAP, 0.0), (GAP, -9.0), (GAP, 9.0), (-GAP, -9.0), (-GAP, 9.0)):
        box = _box(x + across, y + down, letters, across > 0)
        inside = box[0] >= 0 and box[2] <= size[0] + OUT and box[1] >= -LINE / 2 and box[3] <= size[1]
        if inside and not any(_meet(box, other) for other in others):
            return across, down
    return None


def _box(x: float, y: float, letters: int, begins: bool) -> Box:
    """What a name covers that begins or ends at x."""
    left = x if begins else x - letters * LETTER
    return left, y - LINE / 2, left + letters * LETTER, y + LINE / 2


def _meet(one: Box, other: Box) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]
