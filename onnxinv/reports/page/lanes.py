"""Lanes of a graph whose nodes stand one below the other: branches run side by side, as in a drawing of commits."""

from __future__ import annotations

from collections.abc import Sequence


def lanes(after: Sequence[Sequence[int]]) -> list[int]:
    """Return the lane of each row, counted from the left.

    From a row to the last one that follows it, its lane holds nothing else, so that a line can be drawn there. The last
    row that follows another goes on in its lane, in the leftmost where there are several.

    Args:
        after: of each row, the rows above that it follows.
    """
    last = list(range(len(after)))
    for row, before in enumerate(after):
        for other in before:
            last[other] = max(last[other], row)
    found: list[int] = []
    taken: list[int] = []  # of each lane, the row until which it is
    for row, before in enumerate(after):
        ending = [found[other] for other in before if last[other] == row]
        free = (lane for lane, until in enumerate(taken) if until <= row)
        lane = min(ending) if ending else next(free, len(taken))
        if lane == len(taken):
            taken.append(row)
        taken[lane] = last[row]
        found.append(lane)
    return found
