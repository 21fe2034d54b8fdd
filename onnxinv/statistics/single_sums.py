"""Sums of rows and columns of float32 activations, taken in float32 where nothing that counts is lost by it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

Single = npt.NDArray[np.float32]

LARGEST = 1e15
"""Magnitude from which squares may leave the range of float32."""

_SMALLEST = np.float32(1e-12)
"""Magnitude of a unit below which squares of its differences may vanish in float32, though they still count."""


@dataclass(frozen=True)
class SingleSums:
    """What a block of k samples under m transforms adds up to; deviations are exact to float32, whatever the mean.

    Attributes:
        first: (k, units) the first variant of each row, its pivot.
        total: (k, units) sum over transforms of `a_ij - a_i0`.
        deviations: (k, units) sum over transforms of `(a_ij - a_i.)^2`.
        column_total: (m, units) sum over samples of `a_ij - pivot_j`.
        column_squares: (m, units) sum over samples of `(a_ij - pivot_j)^2`.
    """

    first: Single
    total: Single
    deviations: Single
    column_total: Single
    column_squares: Single


def single_sums(values: Single, pivot: Single, scratch: Single) -> SingleSums | None:
    """Return the sums of a block; None where float32 does not hold them.

    Args:
        values: (k, m, units) activations.
        pivot: (m, units) first value of each column in the group.
        scratch: of the shape of `values`, overwritten.
    """
    first = values[:, 0]
    shifted = np.subtract(values, values[:, :1], out=scratch)
    total = np.add.reduce(shifted, axis=1)
    shift = total * np.float32(1 / values.shape[1])
    np.subtract(shifted, shift[:, None], out=shifted)
    deviations = np.einsum("kmu,kmu->ku", shifted, shifted)
    if not _is_held(first, total, shift, deviations):
        return None
    shifted = np.subtract(values, pivot, out=scratch)
    column_total = np.add.reduce(shifted, axis=0)
    column_squares = np.einsum("kmu,kmu->mu", shifted, shifted)
    if not np.isfinite(column_squares.sum()):
        return None
    return SingleSums(first, total, deviations, column_total, column_squares)


def is_held(sums: SingleSums, transforms: int) -> bool:
    """Whether float32 holds sums that were taken elsewhere, such as in the graph; else `single_sums` returns None."""
    with np.errstate(all="ignore"):  # activations that are not finite are what is looked for
        shift = sums.total * np.float32(1 / transforms)
        return _is_held(sums.first, sums.total, shift, sums.deviations) and bool(np.isfinite(sums.column_squares.sum()))


def _is_held(first: Single, total: Single, shift: Single, deviations: Single) -> bool:
    """Whether every unit is large enough somewhere for its squares, or 0 everywhere, and nothing has overflowed."""
    if not np.isfinite(deviations.sum()):
        return False
    large = np.abs(first + shift) > _SMALLEST
    large |= deviations > _SMALLEST * _SMALLEST
    small = ~large.any(axis=0)
    if not small.any():
        return True
    return not (first[:, small].any() or total[:, small].any())
