"""Distances between the maps of a channel: a map is the vector of all its units."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations_with_replacement, pairwise
from typing import Any, Literal

import numpy as np
import numpy.typing as npt

from onnxinv.statistics.sorted_differences import difference_sums
from onnxinv.statistics.statistic import Array

Maps = npt.NDArray[Any]
Places = npt.NDArray[np.intp]

_PIECE = 1 << 16
"""Activations compared at a time: as float64 they stay near the core."""

_SMALL = 25
"""Smaller maps are subtracted pair by pair: a matrix product for each would cost more in calls than in work."""

_TOGETHER = 64
"""Maps that are multiplied with as many others at a time."""

_ONE_THREAD = 1 << 18
"""Multiplications up to which OpenBLAS starts no threads: with those of the reducer they would be too many."""

_CANCELS = 1e-4
"""Share of `|x|^2 + |y|^2` below which `|x - y|^2` is computed again from the difference itself."""


@dataclass(frozen=True)
class Channels:
    """Some consecutive channels of equal size.

    Attributes:
        places: which channels, of those that the layer has.
        units: their units, channel after channel.
        size: units of one of them.
    """

    places: slice
    units: slice | npt.NDArray[np.intp]
    size: int

    def maps(self, values: npt.NDArray[Any]) -> Maps:
        """Return the (samples, transforms, channels, size) maps in (samples, transforms, units) activations."""
        found = values[:, :, self.units] if isinstance(self.units, slice) else values.take(self.units, axis=2)
        return found.reshape(*values.shape[:2], -1, self.size)


def runs_of_channels(channel: npt.NDArray[np.intp]) -> Iterator[Channels]:
    """Cut a layer into runs of channels of equal size, small enough to be compared one after another.

    Args:
        channel: (units,) the channel of each unit, numbered from 0 without gaps.
    """
    order = np.argsort(channel, kind="stable")
    sizes = np.bincount(channel)
    starts = np.concatenate([[0], np.cumsum(sizes)])
    changes = np.flatnonzero(np.diff(sizes)) + 1
    for first, last in pairwise([0, *changes.tolist(), sizes.size]):
        size = int(sizes[first])
        step = max(1, _PIECE // (16 * size))
        for low in range(first, last, step):
            high = min(low + step, last)
            units = order[starts[low] : starts[high]]
            together = bool((np.diff(units) == 1).all())
            place = slice(int(units[0]), int(units[-1]) + 1) if together else units
            yield Channels(slice(low, high), place, size)


def pair_sums(maps: Maps, axis: Literal[0, 1], *, normalized: bool, squared: bool) -> tuple[Array, Array]:
    """Compare all pairs of a channel's maps along one axis.

    Equal maps are at distance 0 exactly, and no distance loses more than a few digits of float64, however far the maps
    are from zero and from each other.

    Args:
        maps: (samples, transforms, channels, size) activations.
        axis: along which pairs are formed: 0 for samples, 1 for transforms.
        normalized: whether each map is first divided by its Euclidean norm; a map of zeros stays as it is.
        squared: whether distances are squared.

    Returns:
        (channels,) sums of the distances over pairs and over the other axis, and largest distances (not squared) of a
        map from the first along the axis.
    """
    lines = np.moveaxis(maps, axis, 0)
    length, others, channels, size = lines.shape
    total, farthest = np.zeros((2, channels))
    step = max(1, _PIECE // (length * channels * size))
    for start in range(0, others if length > 1 else 0, step):
        sets = lines[:, start : start + step]
        if normalized:
            sets = _of_norm_one(sets)
        if size == 1 and not squared:
            sums, away = _by_sorting(sets[..., 0])
        elif size < _SMALL:
            sums, away = _by_difference(sets, squared)
        else:
            sums, away = _by_product(sets, squared)
        total += sums.reshape(-1, channels).sum(axis=0)
        farthest = np.maximum(farthest, away.reshape(-1, channels).max(axis=0))
    return total, np.sqrt(farthest)


def _of_norm_one(sets: Maps) -> Array:
    sets = sets.astype(np.float64)
    norms = np.sqrt(np.einsum("jocp,jocp->joc", sets, sets))
    sets /= np.where(norms == 0, 1.0, norms)[..., None]
    return sets


def _by_sorting(sets: Maps) -> tuple[Array, Array]:
    """Return what `_by_difference` returns, where a map is one activation: (k, others, channels)."""
    total = difference_sums(sets, 0, single=sets.dtype != np.float64)
    away = np.abs(np.subtract(sets, sets[0], dtype=np.float64)).max(axis=(0, 1))
    return total, np.square(away)


def _by_difference(sets: Maps, squared: bool) -> tuple[Array, Array]:
    """Return sums of distances, and largest squared distances from the first, of (k, others, channels, size) maps."""
    length, others, channels, size = sets.shape
    rows = np.empty((length, size, others * channels))
    np.copyto(rows.reshape(length, size, others, channels), np.moveaxis(sets, -1, 1))
    total, away = np.zeros((2, rows.shape[-1]))
    step = max(1, _PIECE // rows[0].size)
    room = np.empty((min(step, length - 1), *rows.shape[1:]))
    for shift in range(1, length):
        for start in range(0, length - shift, step):
            stop = min(start + step, length - shift)
            difference = np.subtract(rows[start + shift : stop + shift], rows[start:stop], out=room[: stop - start])
            squares = np.einsum("jpb,jpb->jb", difference, difference)
            if start == 0:
                away = np.maximum(away, squares[0])
            total += (squares if squared else np.sqrt(squares, out=squares)).sum(axis=0)
    return total, away


def _by_product(sets: Maps, squared: bool) -> tuple[Array, Array]:
    """Return the same from `|x|^2 + |y|^2 - 2 x y`, x and y counted from the first map.

    Where that cancels all the same (two maps near each other, both far from the first), the difference is taken.
    """
    length, size = len(sets), sets.shape[-1]
    rows = sets.transpose(1, 2, 0, 3)
    room = np.empty(rows.shape)
    centred: Array = np.subtract(rows, rows[:, :, :1], out=room, dtype=np.float64).reshape(-1, length, size)
    twice = -2 * centred
    norms = np.einsum("bjp,bjp->bj", centred, centred)
    total = np.zeros(len(centred))
    parts = [slice(start, start + _TOGETHER) for start in range(0, length, _TOGETHER)]
    for some, others in combinations_with_replacement(parts, 2):
        both = norms[:, some, None] + norms[:, None, others]
        squares = both.copy()
        _add_products(squares, centred[:, some], twice[:, others])
        both *= _CANCELS
        once = np.triu(np.ones(squares.shape[1:], dtype=np.bool_), 1 if some == others else -length)
        lost = np.flatnonzero((squares < both) & once)
        if lost.size:
            batch, one, other = np.unravel_index(lost, squares.shape)
            squares.reshape(-1)[lost] = _differences(rows, batch, one + some.start, other + others.start)
        np.maximum(squares, 0.0, out=squares)
        total += np.einsum("bjl,jl->b", squares if squared else np.sqrt(squares, out=squares), once)
    return total, norms.max(axis=1)


def _add_products(to: Array, one: Array, other: Array) -> None:
    """Add the scalar products of (b, j, size) and (b, l, size) maps to (b, j, l), a few positions at a time."""
    step = max(1, _ONE_THREAD // (to.shape[1] * to.shape[2]))
    for start in range(0, one.shape[2], step):
        some = slice(start, start + step)
        to += one[:, :, some] @ other[:, :, some].transpose(0, 2, 1)


def _differences(rows: Maps, batch: Places, one: Places, other: Places) -> Array:
    """Return the squared distances between some maps, (pairs,), of (others, channels, k, size)."""
    found = np.empty(batch.size)
    step = max(1, _PIECE // rows.shape[-1])
    sample, channel = np.divmod(batch, rows.shape[1])
    for start in range(0, batch.size, step):
        some = slice(start, start + step)
        place = sample[some], channel[some]
        difference = np.subtract(rows[*place, one[some]], rows[*place, other[some]], dtype=np.float64)
        found[some] = np.einsum("np,np->n", difference, difference)
    return found
