"""Sums of columns that are taken in float32, within one group of samples."""

from __future__ import annotations

from threading import Lock

import numpy as np
import numpy.typing as npt

from onnxinv.statistics.moments import from_shifted_sums
from onnxinv.statistics.single_sums import Single, SingleSums
from onnxinv.statistics.statistic import Array, Block, Reals

_HELD = 64
"""Samples that are added up in float32 before they are brought into float64."""

_BEGINNING = Lock()

_SPARE: dict[tuple[int, int], list[Single]] = {}
"""Arrays of groups that are done with, by transforms and units: memory that was never touched is dear."""

Units = npt.NDArray[np.intp] | slice


class ColumnSums:
    """Sums over samples of `a_ij - pivot_j` and of its square, for every transform and unit.

    Most groups are small, and all of their sums are in float32; what goes beyond is in float64 beside them.

    Args:
        transforms: m.
        units: how many.

    Attributes:
        pivot: (transforms, units) the first value of each column.
    """

    def __init__(self, transforms: int, units: int) -> None:
        try:
            self._held: Single = _SPARE[transforms, units].pop()
        except (KeyError, IndexError):
            self._held = np.empty((3, transforms, units), np.float32)
        self.pivot: Single = self._held[0]
        self._recent: Single = self._held[1:]
        self._earlier: Array = np.empty((2, 0, 0))

    @staticmethod
    def bytes_per_unit(transforms: int, samples: int) -> int:
        """Return 12 bytes a transform, and 16 more where the samples are too many for float32."""
        return (12 if samples < _HELD else 28) * transforms

    def release(self) -> None:
        """Leave the arrays to the next group; nothing of these sums is to be used any more."""
        _SPARE.setdefault(self.pivot.shape, []).append(self._held)

    def begin(self, values: npt.NDArray[np.floating], block: Block) -> None:
        """Take (transforms of the run, units) the first values as pivots."""
        self.pivot[block.transforms, block.units] = values

    def clear(self, block: Block) -> None:
        """Begin with nothing, where a first block is not added in float32."""
        self._recent[:, block.transforms, block.units] = 0

    def add(self, sums: SingleSums, block: Block) -> None:
        """Add the sums of a block."""
        total, squares = self._recent[:, block.transforms, block.units]
        if block.first:
            total[...] = sums.column_total
            squares[...] = sums.column_squares
        else:
            total += sums.column_total
            squares += sums.column_squares
        if block.before // _HELD < (block.before + len(sums.start)) // _HELD:
            self.add_double(total, squares, block)
            total[...] = squares[...] = 0

    def add_double(self, total: Reals, squares: Reals, block: Block) -> None:
        """Add sums in float64."""
        if not self._earlier.size:
            with _BEGINNING:  # slices of units are added in threads of their own
                if not self._earlier.size:
                    self._earlier = np.zeros((2, *self.pivot.shape))
        self._earlier[0, block.transforms, block.units] += total
        self._earlier[1, block.transforms, block.units] += squares

    def moments(self, samples: int, transform: int | slice, units: Units) -> tuple[Array, Array]:
        """Return mean and squared deviations of some columns.

        Args:
            samples: how many were added up.
            transform: which transforms.
            units: which units.
        """
        total, squares = (each[transform, units].astype(np.float64) for each in self._recent)
        if self._earlier.size:
            total += self._earlier[0][transform, units]
            squares += self._earlier[1][transform, units]
        return from_shifted_sums(samples, self.pivot[transform, units].astype(np.float64), total, squares)


def forget_spare() -> None:
    """Give back the memory that groups have left to following ones."""
    _SPARE.clear()
