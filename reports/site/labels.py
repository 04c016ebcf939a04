"""Where the names of points stand in a figure, so that none covers another."""

from collections.abc import Sequence

Box = tuple[float, float, float, float]  # left, top, right, bottom
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
) -> list[tuple[float, float] | None]:
    """By point, how far its name stands from it (pixels right and down), None for those without.

    A name begins right of its point or ends left of it. The first of ``order`` choose first.

    Args:
        x, y: the points, pixels from the left and from the top.
        size: width and height of the figure, which names leave by half a line, or `OUT` to the right.
        most: how many names there may be; those that find no room are left out.
        obstacles: what else no name may cover.
    """
    taken = [(px - 4, py - 4, px + 4, py + 4) for px, py in zip(x, y, strict=True)] + list(obstacles)
    made: list[tuple[float, float] | None] = [None] * len(names)
    count = 0
    for index in order:
        if count == most:
            break
        for across, down in ((GAP, 0.0), (-GAP, 0.0), (GAP, -9.0), (GAP, 9.0), (-GAP, -9.0), (-GAP, 9.0)):
            box = _box(x[index] + across, y[index] + down, len(names[index]), across > 0)
            inside = box[0] >= 0 and box[2] <= size[0] + OUT and box[1] >= -LINE / 2 and box[3] <= size[1]
            others = [other for at, other in enumerate(taken) if at != index]
            if inside and not any(_meet(box, other) for other in others):
                made[index] = (across, down)
                taken.append(box)
                count += 1
                break
    return made


def _box(x: float, y: float, letters: int, begins: bool) -> Box:
    """What a name covers that begins or ends at x."""
    left = x if begins else x - letters * LETTER
    return left, y - LINE / 2, left + letters * LETTER, y + LINE / 2


def _meet(one: Box, other: Box) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]
