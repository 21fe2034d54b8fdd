"""Column moments: for every transform and unit the mean and the squared deviations over samples."""

from __future__ import annotations

from typing import Self

import numpy as np
import numpy.typing as npt

from onnxinv.statistics.moments import combine, from_shifted_sums
from onnxinv.statistics.single_sums import Single, SingleSums
from onnxinv.statistics.statistic import Array, Block, Extent, Reals, Statistic

_HELD = 64
"""Samples that are added up in float32 before they are brought into float64."""


class ColumnMoments(Statistic):
    """Moments of the columns of the samples x transforms matrix.

    The pivot of a column is its first value in the group, one for each transform and unit: a pivot shared between
    transforms would cancel exactly where a unit depends on the transform alone.

    Attributes:
        count: samples seen, n.
        mean: (transforms, units) column means `a_.j`.
        deviations: (transforms, units) sums over samples of `(a_ij - a_.j)^2`.
    """

    def __init__(self, count: int, mean: Array, deviations: Array) -> None:
        self.count = count
        self.mean = mean
        self.deviations = deviations
        self._pivot: Reals | None = None
        self._recent: Single | None = None
        self._untouched = False

    @classmethod
    def empty(cls, extent: Extent) -> Self:
        """Return the moments of no samples."""
        # While the group is open, `mean` holds the sums of the shifted values and `deviations` those of their squares,
        # beside those in float32; zeros take no memory before they are written to.
        shape = extent.transforms, extent.units
        self = cls(0, np.zeros(shape), np.zeros(shape))
        self._pivot = np.zeros(shape, np.float32 if extent.single else np.float64)
        self._recent = np.zeros((2, *shape), np.float32) if extent.single else None
        self._untouched = extent.single
        return self

    @classmethod
    def bytes_per_unit(cls, transforms: int, samples: int) -> int:
        """Return 16 bytes a transform."""
        return 16 * transforms

    @property
    def single(self) -> bool:
        """Whether it takes sums in float32; of an open state."""
        return self._recent is not None

    def update(self, block: Block) -> None:
        """Add shifted sums of the block's columns."""
        assert self._pivot is not None, "a closed statistic is not updated"
        pivot = self._pivot[block.transforms, block.units]
        if block.first:
            pivot[...] = block.values[0]
        self._add(block, *block.shifted_sums(pivot.astype(np.float64, copy=False), axis=0))

    def single_pivot(self, block: Block) -> Single:
        """Return (transforms of the run, units) the pivots of the columns, which a first block sets."""
        assert self._pivot is not None, "a closed statistic is not updated"
        if block.first:
            self._pivot[block.transforms, block.units] = block.values[0]
        return self._pivot[block.transforms, block.units].astype(np.float32, copy=False)

    def add_single(self, sums: SingleSums, block: Block) -> None:
        """Add sums that were taken in float32; see `update`."""
        assert self._recent is not None, "a state of single numbers takes them"
        total, squares = self._recent[:, block.transforms, block.units]
        total += sums.column_total
        squares += sums.column_squares
        if block.before // _HELD < (block.before + len(block.values)) // _HELD:
            self._add(block, total, squares)
            total[...] = squares[...] = 0

    def close(self, samples: int) -> None:
        """Turn the shifted sums into mean and squared deviations."""
        assert self._pivot is not None, "a statistic is closed once"
        self.count = samples
        if self._recent is not None:
            # Most groups are small, and all of their sums are in float32.
            known = (0.0, 0.0) if self._untouched else (self.mean, self.deviations)
            self.mean, self.deviations = (
                recent.astype(np.float64) + before for recent, before in zip(self._recent, known, strict=True)
            )
        pivot = self._pivot.astype(np.float64, copy=False)
        self.mean, self.deviations = from_shifted_sums(samples, pivot, self.mean, self.deviations)
        self._pivot = self._recent = None

    def merge(self, other: Self) -> Self:
        """Return the moments of both sets of samples."""
        mean, deviations = combine(self.count, self.mean, self.deviations, other.count, other.mean, other.deviations)
        return type(self)(self.count + other.count, mean, deviations)

    def take(self, units: npt.NDArray[np.intp] | slice) -> Self:
        """Return the moments of some units."""
        return type(self)(self.count, self.mean[:, units], self.deviations[:, units])

    def _add(self, block: Block, total: Reals, squares: Reals) -> None:
        self._untouched = False
        self.mean[block.transforms, block.units] += total
        self.deviations[block.transforms, block.units] += squares
