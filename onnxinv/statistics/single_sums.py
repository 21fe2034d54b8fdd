"""Sums of rows and columns of float32 activations, taken in float32 where nothing that counts is lost by it."""

from __future__ import annotations

from dataclasses import dataclass, fields
from typing import Self

import numpy as np
import numpy.typing as npt

Single = npt.NDArray[np.float32]

LARGEST = 1e15
"""Magnitude from which squares, and their sums, may leave the range of float32."""

SMALLEST = 1e-12
"""Magnitude of a unit below which squares of its differences may vanish in float32, though they still count."""

FEW = 16
"""Transforms up to which a variance about the first of them loses no more than rounding to float32 takes anyway."""


@dataclass(frozen=True)
class SingleSums:
    """What a block of k samples under a run of r transforms adds up to; exact to float32, whatever the mean.

    Attributes:
        start: (k, units) the first variant of each sample's row, its pivot.
        total: (k, units) sum over the run of `a_ij - start_i`.
        deviations: (k, units) sum over the run of the squared deviations from the run's own mean.
        column_total: (r, units) sum over samples of `a_ij - pivot_j`.
        column_squares: (r, units) sum over samples of `(a_ij - pivot_j)^2`.
    """

    start: Single
    total: Single
    deviations: Single
    column_total: Single
    column_squares: Single


@dataclass(frozen=True)
class Summed:
    """Sums that were taken elsewhere, such as in the graph, with what a group begins with.

    Attributes:
        sums: of a block of whole rows.
        pivot: (m, units) first value of each column; None where the block does not begin a group.
        largest: largest magnitude in the block; where that is None.
    """

    sums: SingleSums
    pivot: Single | None = None
    largest: float | None = None

    def of(self, units: slice) -> Self:
        """Return those of some units; nothing is copied."""
        sums = SingleSums(**{field.name: getattr(self.sums, field.name)[:, units] for field in fields(SingleSums)})
        return type(self)(sums, None if self.pivot is None else self.pivot[:, units], self.largest)


def room_for(samples: int, run: int, units: int) -> int:
    """Return how many numbers `single_sums` needs room for."""
    return (samples * run + 2 * samples + 2 * run) * units


def single_sums(values: Single, start: Single, pivot: Single, room: Single) -> SingleSums | None:
    """Return the sums of a block; None where float32 does not hold them.

    Args:
        values: (k, r, units) activations.
        start: (k, units) the first variant of each row, of this run or an earlier one.
        pivot: (r, units) first value of each column in the group.
        room: (at least `room_for`) numbers to be overwritten; the sums lie in it.
    """
    samples, run, units = values.shape
    ends = np.cumsum([samples * run, 2 * samples, 2 * run]) * units
    shifted = room[: ends[0]].reshape(values.shape)
    total, deviations = room[ends[0] : ends[1]].reshape(2, samples, units)
    column_total, column_squares = room[ends[1] : ends[2]].reshape(2, run, units)
    np.subtract(values, start[:, None], out=shifted)
    np.add.reduce(shifted, axis=1, out=total)
    if run > FEW:
        shifted -= (total * np.float32(1 / run))[:, None]
        np.einsum("kru,kru->ku", shifted, shifted, out=deviations)
    else:
        np.einsum("kru,kru->ku", shifted, shifted, out=deviations)
        deviations -= total * (total * np.float32(1 / run))
        np.maximum(deviations, 0, out=deviations)
    if not _is_held(start, total, deviations):
        return None
    if samples == 1:
        np.subtract(values[0], pivot, out=column_total)
        np.multiply(column_total, column_total, out=column_squares)
    else:
        np.subtract(values, pivot, out=shifted)
        np.add.reduce(shifted, axis=0, out=column_total)
        np.einsum("kru,kru->ru", shifted, shifted, out=column_squares)
    if not _is_near(column_squares, samples):
        return None
    return SingleSums(start, total, deviations, column_total, column_squares)


def is_held(sums: SingleSums) -> bool:
    """Whether float32 holds sums that were taken elsewhere, such as in the graph; else `single_sums` returns None."""
    with np.errstate(all="ignore"):  # activations that are not finite are what is looked for
        return _is_held(sums.start, sums.total, sums.deviations) and _is_near(sums.column_squares, len(sums.start))


def _is_near(column_squares: Single, samples: int) -> bool:
    """Whether the pivot of no column is so large, in a block that is not, that squares leave the range of float32."""
    return bool(column_squares.max() <= 4 * samples * LARGEST**2)


def _is_held(start: Single, total: Single, deviations: Single) -> bool:
    """Whether every unit is large enough somewhere for its squares, or 0 everywhere, and none is too large."""
    size = np.einsum("ku,ku->u", start, start)
    size += np.add.reduce(deviations, axis=0)
    if not size.max() < LARGEST**2:  # nor where it is not a number
        return False
    small = size < SMALLEST**2
    return not (small.any() and (start[:, small].any() or total[:, small].any()))
