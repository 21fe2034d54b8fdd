"""Column moments: for every transform and unit the mean and the squared deviations over samples."""

from __future__ import annotations

from typing import Self

import numpy as np
import numpy.typing as npt

from onnxinv.statistics.column_sums import ColumnSums
from onnxinv.statistics.moments import combine, from_shifted_sums
from onnxinv.statistics.single_sums import Single, SingleSums
from onnxinv.statistics.statistic import Array, Block, Extent, Statistic

_ALL = slice(None)


class ColumnMoments(Statistic):
    """Moments of the columns of the samples x transforms matrix.

    The pivot of a column is its first value in the group, one for each transform and unit: a pivot shared between
    transforms would cancel exactly where a unit depends on the transform alone.

    Attributes:
        count: samples seen, n.
    """

    def __init__(self, count: int, mean: Array, deviations: Array) -> None:
        self.count = count
        self._mean = mean
        self._deviations = deviations
        self._pivot: Array | None = None
        self._sums: ColumnSums | None = None

    @classmethod
    def empty(cls, extent: Extent) -> Self:
        """Return the moments of no samples."""
        # While the group is open, these hold sums of the shifted values and of their squares, or sums in float32 do.
        shape = extent.transforms, extent.units
        if extent.single:
            self = cls(0, *np.empty((2, 0, 0)))
            self._sums = ColumnSums(*shape)
        else:
            self = cls(0, np.zeros(shape), np.zeros(shape))
            self._pivot = np.zeros(shape)
        return self

    @classmethod
    def bytes_per_unit(cls, transforms: int, samples: int) -> int:
        """Return 16 bytes a transform."""
        return 16 * transforms

    @property
    def mean(self) -> Array:
        """(transforms, units) column means `a_.j`."""
        return self._settled()._mean

    @property
    def deviations(self) -> Array:
        """(transforms, units) sums over samples of `(a_ij - a_.j)^2`."""
        return self._settled()._deviations

    @property
    def single(self) -> bool:
        """Whether it takes sums in float32; of an open state."""
        return self._sums is not None

    @property
    def sums(self) -> ColumnSums:
        """The sums in float32; of an open state of single numbers."""
        assert self._sums is not None, "a state of single numbers has them"
        return self._sums

    @property
    def pivot(self) -> Single:
        """The (transforms, units) pivots; of an open state of single numbers that has seen a first block."""
        return self.sums.pivot

    def update(self, block: Block) -> None:
        """Add shifted sums of the block's columns."""
        if self._sums is not None:
            if block.first:
                self._sums.begin(block.values[0], block)
                self._sums.clear(block)
            pivot = self._sums.pivot[block.transforms, block.units].astype(np.float64)
            self._sums.add_double(*block.shifted_sums(pivot, axis=0), block)
            return
        assert self._pivot is not None, "a closed statistic is not updated"
        pivot = self._pivot[block.transforms, block.units]
        if block.first:
            pivot[...] = block.values[0]
        total, squares = block.shifted_sums(pivot, axis=0)
        self._mean[block.transforms, block.units] += total
        self._deviations[block.transforms, block.units] += squares

    def single_pivot(self, block: Block) -> Single:
        """Return (transforms of the run, units) the pivots of the columns, which a first block sets."""
        if block.first:
            self.sums.begin(block.values[0], block)
        return self.pivot[block.transforms, block.units]

    def begin(self, pivot: Single, units: slice) -> None:
        """Take over the (transforms, units) pivots of some units from what takes the sums of a first block."""
        self.pivot[:, units] = pivot

    def add_single(self, sums: SingleSums, block: Block) -> None:
        """Add sums that were taken in float32; see `update`."""
        self.sums.add(sums, block)

    def close(self, samples: int) -> None:
        """Turn the shifted sums into mean and squared deviations; those in float32 only where they are asked for."""
        self.count = samples
        if self._sums is None:
            assert self._pivot is not None, "a statistic is closed once"
            self._mean, self._deviations = from_shifted_sums(samples, self._pivot, self._mean, self._deviations)
            self._pivot = None

    def merge(self, other: Self) -> Self:
        """Return the moments of both sets of samples."""
        mean, deviations = combine(self.count, self.mean, self.deviations, other.count, other.mean, other.deviations)
        return type(self)(self.count + other.count, mean, deviations)

    def absorb(self, other: Self) -> Self:
        """Return the moments of both sets of samples, in place of these."""
        sums = self._sums
        mean, deviations = self.mean, self.deviations
        if sums is not None:
            sums.release()
        if other._sums is None:
            mean[...], deviations[...] = combine(
                self.count, mean, deviations, other.count, other._mean, other._deviations
            )
        else:
            other._sums.add_to(mean, deviations, self.count, other.count)
            other._sums.release()
        self.count += other.count
        return self

    def take(self, units: npt.NDArray[np.intp] | slice) -> Self:
        """Return the moments of some units."""
        return type(self)(self.count, *self._moments(_ALL, units))

    def _moments(self, transform: int | slice, units: npt.NDArray[np.intp] | slice) -> tuple[Array, Array]:
        if self._sums is not None:
            return self._sums.moments(self.count, transform, units)
        return self._mean[transform, units], self._deviations[transform, units]

    def _settled(self) -> Self:
        if self._sums is not None:
            mean, deviations = self._sums.settled(self.count)
            self._mean, self._deviations, self._sums = mean, deviations, None
        return self
