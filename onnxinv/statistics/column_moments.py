"""Column moments: for every transform and unit the mean and the squared deviations over samples."""

from __future__ import annotations

from typing import Self

import numpy as np
import numpy.typing as npt

from onnxinv.statistics.column_summary import ColumnSummary, mean_std_above, summarize_columns
from onnxinv.statistics.column_sums import ColumnSums, of_units
from onnxinv.statistics.compiled import Compiled
from onnxinv.statistics.moments import combine, from_shifted_sums
from onnxinv.statistics.single_sums import Single, SingleSums
from onnxinv.statistics.statistic import Array, Block, Extent, Statistic


class ColumnMoments(Statistic):
    """Moments of the columns of the samples x transforms matrix.

    The pivot of a column is its first value in the group, one for each transform and unit: a pivot shared between
    transforms would cancel exactly where a unit depends on the transform alone.

    Attributes:
        count: samples seen, n.
    """

    def __init__(self, count: int, mean: Array, deviations: Array, code: Compiled | None = None) -> None:
        self.count = count
        self._mean = mean
        self._deviations = deviations
        self._code = code
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
    def transforms(self) -> int:
        """Length of a row, m."""
        return len(self._mean if self._sums is None else self._sums.pivot)

    @property
    def mean(self) -> Array:
        """(transforms, units) column means `a_.j`."""
        return self.settled()._mean

    @property
    def deviations(self) -> Array:
        """(transforms, units) sums over samples of `(a_ij - a_.j)^2`."""
        return self.settled()._deviations

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
        count, code = self.count + other.count, self.code
        mine, others = (self.mean, self.deviations), (other.mean, other.deviations)
        if code is None:
            return type(self)(count, *combine(self.count, *mine, other.count, *others))
        both = np.empty_like(mine[0]), np.empty_like(mine[0])
        flat = [[each.reshape(-1) for each in pair] for pair in (mine, others, both)]
        code.columns.combine(*flat[0], self.count, *flat[1], other.count, *flat[2])
        return type(self)(count, *both, code)

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
        if self._sums is not None:
            return type(self)(self.count, *self._sums.moments(self.count, units), self.code)
        return type(self)(self.count, of_units(self._mean, units), of_units(self._deviations, units), self._code)

    def summary(self) -> ColumnSummary:
        """Return what the columns of each unit add up to."""
        return summarize_columns(self.mean, self.deviations, self.code)

    def mean_std_above(self, limit: Array) -> Array:
        """Return the (units,) mean over transforms of the standard deviations; those up to a (units,) limit are zero.

        They are over samples, with ddof 1, and zero of one sample.
        """
        return mean_std_above(limit, self.deviations, self.count, self.code)

    @property
    def code(self) -> Compiled | None:
        """Compiled code that works on closed moments; None where numpy does."""
        return self._code if self._sums is None else self._sums.code

    def settled(self) -> Self:
        """Return the moments in float64."""
        if self._sums is not None:
            self._code = self._sums.code
            self._mean, self._deviations = self._sums.settled(self.count)
            self._sums = None
        return self
