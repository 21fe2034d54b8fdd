"""Column moments: for every transform and unit the mean and the squared deviations over samples."""

from __future__ import annotations

from threading import Lock
from typing import Self

import numpy as np
import numpy.typing as npt

from onnxinv.statistics.moments import combine, from_shifted_sums
from onnxinv.statistics.single_sums import Single, SingleSums
from onnxinv.statistics.statistic import Array, Block, Extent, Reals, Statistic

_HELD = 64
"""Samples that are added up in float32 before they are brought into float64."""


_BEGINNING = Lock()


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

    @classmethod
    def empty(cls, extent: Extent) -> Self:
        """Return the moments of no samples."""
        # While the group is open, `mean` holds the sums of the shifted values and `deviations` those of their squares.
        # Those in float32 are held beside them: in most groups all of them, and the others are not needed.
        shape = extent.transforms, extent.units
        if extent.single:
            self = cls(0, *np.empty((2, 0, 0)))
            self._pivot = np.empty(shape, np.float32)
            self._recent = np.empty((2, *shape), np.float32)
        else:
            self = cls(0, np.zeros(shape), np.zeros(shape))
            self._pivot = np.zeros(shape)
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
            if self._recent is not None:
                self._recent[:, block.transforms, block.units] = 0
        self._add(block, *block.shifted_sums(pivot.astype(np.float64, copy=False), axis=0))

    def single_pivot(self, block: Block) -> Single:
        """Return (transforms of the run, units) the pivots of the columns, which a first block sets."""
        assert self._pivot is not None, "a closed statistic is not updated"
        if block.first:
            self._pivot[block.transforms, block.units] = block.values[0]
        return self._pivot[block.transforms, block.units].astype(np.float32, copy=False)

    def begin(self, pivot: Single, units: slice) -> None:
        """Take over the (transforms, units) pivots of some units from what takes the sums of a first block."""
        assert self._pivot is not None, "a closed statistic is not updated"
        self._pivot[:, units] = pivot

    @property
    def pivot(self) -> Single:
        """The (transforms, units) pivots; of an open state of single numbers that has seen a first block."""
        assert self._pivot is not None, "a closed statistic has none"
        return self._pivot.astype(np.float32, copy=False)

    def add_single(self, sums: SingleSums, block: Block) -> None:
        """Add sums that were taken in float32; see `update`."""
        assert self._recent is not None, "a state of single numbers takes them"
        total, squares = self._recent[:, block.transforms, block.units]
        if block.first:
            total[...] = sums.column_total
            squares[...] = sums.column_squares
        else:
            total += sums.column_total
            squares += sums.column_squares
        if block.before // _HELD < (block.before + len(sums.start)) // _HELD:
            self._add(block, total, squares)
            total[...] = squares[...] = 0

    def close(self, samples: int) -> None:
        """Turn the shifted sums into mean and squared deviations."""
        assert self._pivot is not None, "a statistic is closed once"
        self.count = samples
        if self._recent is None:
            self.mean, self.deviations = from_shifted_sums(
                samples, self._pivot.astype(np.float64, copy=False), self.mean, self.deviations
            )
        else:
            self.mean, self.deviations = self._from_single(samples, self._pivot, self._recent)
        self._pivot = self._recent = None

    def merge(self, other: Self) -> Self:
        """Return the moments of both sets of samples."""
        mean, deviations = combine(self.count, self.mean, self.deviations, other.count, other.mean, other.deviations)
        return type(self)(self.count + other.count, mean, deviations)

    def take(self, units: npt.NDArray[np.intp] | slice) -> Self:
        """Return the moments of some units."""
        return type(self)(self.count, self.mean[:, units], self.deviations[:, units])

    def _add(self, block: Block, total: Reals, squares: Reals) -> None:
        self._begin()
        self.mean[block.transforms, block.units] += total
        self.deviations[block.transforms, block.units] += squares

    def _begin(self) -> None:
        """Make room for sums in float64, once: slices of units are updated in threads of their own."""
        if self.mean.size:
            return
        with _BEGINNING:
            if not self.mean.size:
                assert self._pivot is not None, "a closed statistic is not updated"
                deviations = np.zeros(self._pivot.shape)
                self.deviations, self.mean = deviations, np.zeros(self._pivot.shape)

    def _from_single(self, samples: int, pivot: Reals, recent: Single) -> tuple[Array, Array]:
        """Return mean and squared deviations from sums in float32 and what was added up of them; row by row."""
        mean, deviations = np.empty((2, *pivot.shape))
        for place in range(len(pivot)):
            total, squares = recent[:, place].astype(np.float64)
            if self.mean.size:
                total += self.mean[place]
                squares += self.deviations[place]
            mean[place], deviations[place] = from_shifted_sums(samples, pivot[place].astype(np.float64), total, squares)
        return mean, deviations
