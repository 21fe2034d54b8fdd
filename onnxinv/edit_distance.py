"""The cheapest order-preserving pairing of two sequences, with whole runs left out at a discount."""

from __future__ import annotations

import math

import numpy as np
import numpy.typing as npt

_OPEN = 0.3
"""Cost of leaving out a first element; a pair must be cheaper than leaving out both of its elements."""

_EXTEND = 0.15
"""Cost of leaving out one more behind it: one block that was inserted is likelier than pieces of several."""


def pair_up(costs: npt.NDArray[np.float64]) -> list[tuple[int, int]]:
    """Return the pairs of the cheapest alignment, in order.

    The band is where costs are finite: cells outside it are not looked at.

    Args:
        costs: (first, second) cost of pairing; infinite where two elements cannot be paired, negative where something
            speaks for it.

    Source: Gotoh, An improved algorithm for matching biological sequences, J. Mol. Biol. 162 (1982).
    """
    first, second = costs.shape
    # What the last step was: 0 a pair, 1 an element of the first left out, 2 one of the second left out.
    total = np.full((3, first + 1, second + 1), math.inf)
    came = np.zeros((3, first + 1, second + 1), np.int8)
    total[0, 0, 0] = 0.0
    total[1, 1:, 0] = _OPEN + _EXTEND * np.arange(first)
    total[2, 0, 1:] = _OPEN + _EXTEND * np.arange(second)
    came[1, 2:, 0] = 1
    came[2, 0, 2:] = 2
    for row in range(1, first + 1):
        above = total[:, row - 1]
        came[0, row, 1:] = above[:, :-1].argmin(0)
        total[0, row, 1:] = above[:, :-1].min(0) + costs[row - 1]
        skipped = np.stack([above[0] + _OPEN, above[1] + _EXTEND, above[2] + _OPEN])[:, 1:]
        came[1, row, 1:] = skipped.argmin(0)
        total[1, row, 1:] = skipped.min(0)
        _leave_out_second(total[:, row], came[2, row])
    return _walk_back(total, came)


def _leave_out_second(total: npt.NDArray[np.float64], came: npt.NDArray[np.int8]) -> None:
    """Fill one row of the state in which elements of the second are left out, from left to right."""
    best = total[:2].min(0)
    from_first = total[1] < total[0]
    running = total[2]
    for column in range(1, len(best)):
        opened = best[column - 1] + _OPEN
        extended = running[column - 1] + _EXTEND
        running[column] = min(opened, extended)
        came[column] = 2 if extended < opened else int(from_first[column - 1])


def _walk_back(total: npt.NDArray[np.float64], came: npt.NDArray[np.int8]) -> list[tuple[int, int]]:
    row, column = total.shape[1] - 1, total.shape[2] - 1
    state = int(total[:, row, column].argmin())
    pairs = []
    while row or column:
        before = int(came[state, row, column])
        if state == 0:
            pairs.append((row - 1, column - 1))
        row, column = row - (state != 2), column - (state != 1)
        state = before
    return pairs[::-1]
