"""Column moments: for every transform and unit the mean and the squared deviations over samples."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
import numpy.typing as npt

from onnxinv.statistics.moments import combine, from_shifted_sums
from onnxinv.statistics.single_sums import Single, SingleSums
from onnxinv.statistics.statistic import Array, Block, Extent, Statistic


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
        self._pivot: npt.NDArray[np.floating[Any]] | None = None

    @classmethod
    def empty(cls, extent: Extent) -> Self:
        """Return the moments of no samples."""
        # While the group is open, `mean` holds the sums of the shifted values and `deviations` those of their squares.
        shape = extent.transforms, extent.units
        self = cls(0, np.zeros(shape), np.zeros(shape))
        self._pivot = np.zeros(shape, np.float32 if extent.single else np.float64)
        return self

    @classmethod
    def bytes_per_unit(cls, transforms: int, samples: int) -> int:
        """Return 16 bytes a transform."""
        return 16 * transforms

    def update(self, block: Block) -> None:
        """Add shifted sums of the block's columns."""
        assert self._pivot is not None, "a closed statistic is not updated"
        pivot = self._pivot[block.transforms, block.units]
        if block.first:
            pivot[...] = block.values[0]
        total, squares = block.shifted_sums(pivot.astype(np.float64, copy=False), axis=0)
        self.mean[block.transforms, block.units] += total
        self.deviations[block.transforms, block.units] += squares

    def single_pivot(self, block: Block) -> Single:
        """Return (transforms, units) the pivots of the columns: the first sample of a block that is `first`."""
        assert self._pivot is not None, "a closed statistic is not updated"
        pivot: Single = block.values[0] if block.first else self._pivot[:, block.units].astype(np.float32, copy=False)
        return pivot

    def add_single(self, sums: SingleSums, block: Block) -> None:
        """Add sums of whole rows that were taken in float32; see `update`."""
        assert self._pivot is not None, "a closed statistic is not updated"
        if block.first:
            self._pivot[:, block.units] = block.values[0]
        self.mean[:, block.units] += sums.column_total
        self.deviations[:, block.units] += sums.column_squares

    def close(self, samples: int) -> None:
        """Turn the shifted sums into mean and squared deviations."""
        assert self._pivot is not None, "a statistic is closed once"
        self.count = samples
        self.mean, self.deviations = from_shifted_sums(
            samples, self._pivot.astype(np.float64, copy=False), self.mean, self.deviations
        )
        self._pivot = None

    def merge(self, other: Self) -> Self:
        """Return the moments of both sets of samples."""
        mean, deviations = combine(self.count, self.mean, self.deviations, other.count, other.mean, other.deviations)
        return type(self)(self.count + other.count, mean, deviations)

    def take(self, units: npt.NDArray[np.intp] | slice) -> Self:
        """Return the moments of some units."""
        return type(self)(self.count, self.mean[:, units], self.deviations[:, units])
