"""Residuals: how large differences are under each transform, beside what they are differences from."""

from __future__ import annotations

from typing import ClassVar, Literal, Self

import numpy as np
import numpy.typing as npt

from onnxinv.statistics.statistic import Array, Block, Extent, Statistic


class Residuals(Statistic):
    """Sums of squares over samples, of the values and of the reference that they are residuals of.

    Attributes:
        squares: (transforms, units) sum over samples of the squared values.
        energy: (units,) sum over samples of the squared reference.
    """

    window: ClassVar[Literal[0, 1, 16]] = 1
    reference: ClassVar[bool] = True

    def __init__(self, squares: Array, energy: Array) -> None:
        self.squares = squares
        self.energy = energy

    @classmethod
    def empty(cls, extent: Extent) -> Self:
        """Return the sums of no samples."""
        return cls(np.zeros((extent.transforms, extent.units)), np.zeros(extent.units))

    @classmethod
    def bytes_per_unit(cls, transforms: int, samples: int) -> int:
        """Return 8 bytes a transform and 8 for the reference."""
        return 8 * transforms + 8

    def update(self, block: Block) -> None:
        """Add the block's squares."""
        assert block.reference is not None, "residuals are of something"
        self.squares[:, block.units] += np.einsum("kmu,kmu->mu", block.values, block.values)
        self.energy[block.units] += np.einsum("ku,ku->u", block.reference, block.reference)

    def close(self, samples: int) -> None:
        """Do nothing: the sums are what is wanted."""

    def merge(self, other: Self) -> Self:
        """Return the sums of both sets of samples."""
        return type(self)(self.squares + other.squares, self.energy + other.energy)

    def take(self, units: npt.NDArray[np.intp] | slice) -> Self:
        """Return the sums of some units."""
        return type(self)(self.squares[:, units], self.energy[units])
