"""Channel sizes: how many units each unit's channel has, however few of them are kept later."""

from __future__ import annotations

from typing import Self

import numpy as np
import numpy.typing as npt

from onnxinv.statistics.statistic import Block, Extent, Statistic


class ChannelSizes(Statistic):
    """Sizes of maps, by which a mean over some of a map's units becomes the sum over all of them.

    Attributes:
        size: (units,) how many units of the layer share the unit's channel.
    """

    def __init__(self, size: npt.NDArray[np.intp]) -> None:
        self.size = size

    @classmethod
    def empty(cls, extent: Extent) -> Self:
        """Return the sizes, which no sample changes."""
        return cls(np.bincount(extent.channel)[extent.channel])

    @classmethod
    def bytes_per_unit(cls, transforms: int, samples: int) -> int:
        """Return 8 bytes, whatever the number of transforms."""
        return 8

    def update(self, block: Block) -> None:
        """Leave the sizes as they are."""

    def close(self, samples: int) -> None:
        """Leave the sizes as they are."""

    def merge(self, other: Self) -> Self:
        """Return the sizes, which are the same in both."""
        return self

    def take(self, units: npt.NDArray[np.intp] | slice) -> Self:
        """Return the sizes of some units."""
        return type(self)(self.size[units])
