"""Sums of absolute differences over all pairs of a set, from the sorted set."""

from __future__ import annotations

from functools import cache
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from onnxinv.statistics.statistic import Array

Line = npt.NDArray[Any]

NETWORK_LENGTH = 32
"""Longer sets are sorted one by one: the comparators of a network grow faster than their number."""

NETWORK_WIDTH = 1024
"""Fewer sets are sorted one by one: the calls of a network would cost more than its work."""

_TOGETHER = 1 << 14
"""Sets sorted together: with more the rows of a network leave the cache, with fewer its calls weigh more."""


def difference_sums(
    values: npt.NDArray[Any], axis: Literal[0, 1], *, single: bool, scratch: Array | None = None
) -> Array:
    """Return the sums of `|x - y|` over all pairs along one axis, added up over the other.

    The sum over the pairs of a sorted set is `sum_r (k-1-2r) (x_(k-1-r) - x_(r))` over its lower half: no term is
    negative and each difference is taken in float64, so equal values give exactly 0 and nothing cancels.

    Args:
        values: (samples, transforms, units) activations.
        axis: along which pairs are formed: 0 for samples, 1 for transforms.
        single: whether float32 holds the values without loss, in which they sort twice as fast.
        scratch: room for as many float64 numbers as there are values.

    Returns:
        (units,) sums; nan where any value of the unit is.
    """
    lines = np.moveaxis(values, axis, 0)
    length, others, units = lines.shape
    if length < 2:
        return np.zeros(units)
    room = _room(values.size, np.dtype(np.float32 if single else np.float64), scratch)
    if length <= NETWORK_LENGTH and others * units >= NETWORK_WIDTH:
        step = max(1, _TOGETHER // units)
        parts = [_by_network(lines[:, start : start + step], room) for start in range(0, others, step)]
        total: Array = np.sum(parts, axis=0, dtype=np.float64)
        return total
    return _by_set(lines, room)


@cache
def merge_exchange(length: int) -> tuple[tuple[int, int], ...]:
    """Return the comparators that sort any set of that length: pairs of places whose values are put in order.

    Source: Batcher's merge exchange, Knuth, The Art of Computer Programming, volume 3, 5.2.2, algorithm M.
    """
    comparators = []
    top = 1 << max(length - 1, 0).bit_length() >> 1
    step = top
    while step:
        widest, remainder, distance = top, 0, step
        while distance:
            comparators += [(i, i + distance) for i in range(length - distance) if i & step == remainder]
            distance, widest, remainder = widest - step, widest >> 1, step
        step >>= 1
    return tuple(comparators)


def _room(size: int, dtype: np.dtype[Any], scratch: Array | None) -> Line:
    if scratch is None:
        return np.empty(size, dtype)
    return scratch.reshape(-1).view(dtype)[:size]


def _by_network(lines: npt.NDArray[Any], room: Line) -> Array:
    """Sort all sets at once: each comparator works on two whole rows, and rows change places by name only."""
    length, others, units = lines.shape
    copy = room[: lines.size].reshape(lines.shape)
    np.copyto(copy, lines, casting="same_kind")
    rows = list(copy.reshape(length, -1))
    spare = np.empty_like(rows[0])
    for low, high in merge_exchange(length):
        x, y = rows[low], rows[high]
        np.minimum(x, y, out=spare)
        np.maximum(x, y, out=y)
        rows[low], spare = spare, x
    total = np.zeros(units)
    difference = np.empty(rows[0].shape)
    for rank in range(length // 2):
        np.subtract(rows[length - 1 - rank], rows[rank], out=difference, dtype=np.float64)
        total += (length - 1 - 2 * rank) * difference.reshape(others, units).sum(axis=0)
    return total


def _by_set(lines: npt.NDArray[Any], room: Line) -> Array:
    """Sort set after set, each in one piece of memory."""
    length, others, units = lines.shape
    copy = room.reshape(others, units, length)
    np.copyto(copy, np.moveaxis(lines, 0, -1), casting="same_kind")
    copy.sort(axis=-1)
    half = length // 2
    differences = np.subtract(copy[..., : -half - 1 : -1], copy[..., :half], dtype=np.float64)
    weights = length - 1 - 2 * np.arange(half, dtype=np.float64)
    total: Array = np.einsum("our,r->u", differences, weights)
    return total
