"""Reference deviations: how far each transform takes a unit from its activation on the untransformed sample."""

from __future__ import annotations

from typing import ClassVar, Literal, Self

import numpy as np
import numpy.typing as npt

from onnxinv.statistics.statistic import Array, Block, Extent, Statistic


class ReferenceDeviations(Statistic):
    """Sums over samples of the absolute differences from the untransformed sample.

    Attributes:
        count: samples seen, n.
        total: (transforms, units) sum over samples of `|a_ij - a_i|`, a_i being the activation on the untransformed
            sample.
    """

    window: ClassVar[Literal[0, 1, 16]] = 1
    reference: ClassVar[bool] = True

    def __init__(self, count: int, total: Array) -> None:
        self.count = count
        self.total = total

    @classmethod
    def empty(cls, extent: Extent) -> Self:
        """Return the deviations of no samples."""
        return cls(0, np.zeros((extent.transforms, extent.units)))

    @classmethod
    def bytes_per_unit(cls, transforms: int, samples: int) -> int:
        """Return 8 bytes a transform."""
        return 8 * transforms

    def update(self, block: Block) -> None:
        """Add the block's deviations."""
        assert block.reference is not None, "it compares with the untransformed sample"
        deviations = np.subtract(block.values, block.reference[:, None], out=block.scratch)
        self.total[:, block.units] += np.abs(deviations, out=deviations).sum(axis=0)

    def close(self, samples: int) -> None:
        """Remember how many samples there were."""
        self.count = samples

    def merge(self, other: Self) -> Self:
        """Return the deviations of both sets of samples."""
        return type(self)(self.count + other.count, self.total + other.total)

    def take(self, units: npt.NDArray[np.intp] | slice) -> Self:
        """Return the deviations of some units."""
        return type(self)(self.count, self.total[:, units])
