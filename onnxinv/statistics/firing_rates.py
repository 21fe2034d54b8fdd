"""Firing rates: how many variants, and how many untransformed samples, exceed a limit from a normal fit."""

from __future__ import annotations

from statistics import NormalDist
from typing import ClassVar, Self

import numpy as np
import numpy.typing as npt

from onnxinv.statistics.column_moments import ColumnMoments
from onnxinv.statistics.statistic import Array, Block, Extent, Statistic

QUANTILE = NormalDist().inv_cdf(0.99)
"""Standard deviations above the mean from which on a normally distributed unit fires on 1 % of the samples."""

_MOST_ROWS = 255
"""Rows that can be counted in one byte."""


class FiringRates(Statistic):
    """Counts of activations above `mean + z std`, z the 99 % quantile of the normal distribution.

    Mean and standard deviation (ddof 1) are those of all untransformed samples of the run.

    Attributes:
        count: samples seen, n.
        variants: (units,) how many of all n m variants exceed the limit.
        samples: (units,) how many untransformed samples do.
        mean: (units,) mean of all untransformed samples of the run.
        std: (units,) their standard deviation; nan where one of them is not finite.
    """

    window: ClassVar = 1
    reference: ClassVar = True
    untransformed: ClassVar = (ColumnMoments,)

    def __init__(self, count: int, variants: Array, samples: Array, mean: Array, std: Array) -> None:
        self.count = count
        self.variants = variants
        self.samples = samples
        self.mean = mean
        self.std = std
        self._limit = np.zeros(0)

    @classmethod
    def empty(cls, extent: Extent) -> Self:
        """Return the counts of no samples."""
        moments = extent.untransformed[ColumnMoments]
        assert isinstance(moments, ColumnMoments)
        mean, std = moments.mean[0], np.sqrt(moments.deviations[0] / max(moments.count - 1, 1))
        self = cls(0, np.zeros(extent.units), np.zeros(extent.units), mean, std)
        self._limit = mean + QUANTILE * std
        return self

    @classmethod
    def bytes_per_unit(cls, transforms: int, samples: int) -> int:
        """Return 32 bytes, whatever the number of transforms and samples."""
        return 32

    def update(self, block: Block) -> None:
        """Count what exceeds the limit in the block."""
        assert block.reference is not None, "it compares with the untransformed samples"
        limit = self._limit[block.units]
        rows = block.values.reshape(-1, limit.size)
        above = block.scratch.reshape(-1).view(np.bool_)[: rows.size].reshape(rows.shape)
        self.variants[block.units] += _count(np.greater(rows, limit, out=above))
        self.samples[block.units] += _count(block.reference > limit)

    def close(self, samples: int) -> None:
        """Drop the limits."""
        self.count = samples
        self._limit = np.zeros(0)

    def merge(self, other: Self) -> Self:
        """Return the counts of both sets of samples."""
        return type(self)(
            self.count + other.count,
            self.variants + other.variants,
            self.samples + other.samples,
            self.mean,
            self.std,
        )

    def take(self, units: npt.NDArray[np.intp] | slice) -> Self:
        """Return the counts of some units."""
        return type(self)(self.count, self.variants[units], self.samples[units], self.mean[units], self.std[units])


def _count(marks: npt.NDArray[np.bool_]) -> Array:
    """Return how many rows are marked, for every column."""
    total = np.zeros(marks.shape[1])
    for start in range(0, len(marks), _MOST_ROWS):
        # Adding bytes is several times as fast as adding the integers that numpy would turn booleans into.
        total += marks[start : start + _MOST_ROWS].view(np.uint8).sum(axis=0, dtype=np.uint8)
    return total
