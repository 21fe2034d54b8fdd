"""Firing counts: how many untransformed samples a unit fires on, and how many of their variants."""

from __future__ import annotations

from typing import ClassVar, Self

import numpy as np
import numpy.typing as npt

from onnxinv.statistics.column_moments import ColumnMoments
from onnxinv.statistics.statistic import Array, Block, Extent, Statistic
from onnxinv.statistics.top_values import TopValues

_SIDES = (np.greater, np.less)
"""How a unit fires: above its upper limit, as it is; below its lower one, with its sign turned."""


class FiringCounts(Statistic):
    """Counts of firing, with limits from the top and bottom 1 % of the untransformed samples.

    Only the variants of samples that fire are looked at, about 1 % of the grid on either side.

    Attributes:
        count: samples seen, n.
        fired: (2, units) how many untransformed samples fire, |Z|, above the upper limit and below the lower one.
        variants: (2, units) how many of the variants of these samples fire on the same side.
        std: (units,) standard deviation (ddof 1) over all untransformed samples of the run; nan where one of them is
            not finite.
    """

    window: ClassVar = 1
    reference: ClassVar = True
    untransformed: ClassVar = (TopValues, ColumnMoments)

    def __init__(self, count: int, fired: Array, variants: Array, std: Array) -> None:
        self.count = count
        self.fired = fired
        self.variants = variants
        self.std = std
        self._limits = np.zeros((2, 0))

    @classmethod
    def empty(cls, extent: Extent) -> Self:
        """Return the counts of no samples."""
        top, moments = extent.untransformed[TopValues], extent.untransformed[ColumnMoments]
        assert isinstance(top, TopValues)
        assert isinstance(moments, ColumnMoments)
        shape = 2, extent.units
        self = cls(0, np.zeros(shape), np.zeros(shape), np.sqrt(moments.deviations[0] / max(moments.count - 1, 1)))
        self._limits = top.limits()
        return self

    @classmethod
    def bytes_per_unit(cls, transforms: int, samples: int) -> int:
        """Return 40 bytes, whatever the number of transforms and samples."""
        return 40

    def update(self, block: Block) -> None:
        """Count what fires in the block."""
        assert block.reference is not None, "it compares with the untransformed samples"
        _, transforms, width = block.values.shape
        every_transform = width * np.arange(transforms)[:, None]
        for side, beyond in enumerate(_SIDES):
            limit = self._limits[side, block.units]
            # np.nonzero of two axes is several times as slow.
            sample, unit = np.divmod(np.flatnonzero(beyond(block.reference, limit)), width)
            variants = block.values.reshape(-1).take(sample * (transforms * width) + unit + every_transform)
            firing = np.count_nonzero(beyond(variants, limit[unit]), axis=0)
            self.fired[side, block.units] += np.bincount(unit, minlength=width)
            self.variants[side, block.units] += np.bincount(unit, weights=firing, minlength=width)

    def close(self, samples: int) -> None:
        """Drop the limits."""
        self.count = samples
        self._limits = np.zeros((2, 0))

    def merge(self, other: Self) -> Self:
        """Return the counts of both sets of samples."""
        return type(self)(self.count + other.count, self.fired + other.fired, self.variants + other.variants, self.std)

    def take(self, units: npt.NDArray[np.intp] | slice) -> Self:
        """Return the counts of some units."""
        return type(self)(self.count, self.fired[:, units], self.variants[:, units], self.std[units])
