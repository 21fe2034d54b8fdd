"""Sums of columns that are taken in float32, over a few samples of a group."""

from __future__ import annotations

from collections.abc import Iterator
from threading import Lock
from types import ModuleType

import numpy as np
import numpy.typing as npt

from onnxinv.statistics.moments import combine, from_shifted_sums
from onnxinv.statistics.single_sums import Single, SingleSums
from onnxinv.statistics.spare_arrays import leave_array, pieces, take_array
from onnxinv.statistics.statistic import Array, Block, Reals

_BEGINNING = Lock()

Units = npt.NDArray[np.intp] | slice


class ColumnSums:
    """Sums over samples of `a_ij - pivot_j` and of its square, for every transform and unit.

    They are of so few samples that float32 holds them; blocks that it does not hold are in float64 beside them.

    Args:
        transforms: m.
        units: how many.

    Attributes:
        pivot: (transforms, units) the first value of each column.
        recent: (2, transforms, units) sums of shifted values, and of their squares, in float32.
        doubtful: whether pivots may be too large for float32, or not finite.
        code: compiled code that has added to them, see `compiled`; None where none has.
    """

    def __init__(self, transforms: int, units: int) -> None:
        self._held: Single = take_array((3, transforms, units), np.float32)
        self.pivot: Single = self._held[0]
        self.recent: Single = self._held[1:]
        self.doubtful = False
        self.code: ModuleType | None = None
        self._doubles: Array = np.empty((2, 0, 0))

    @staticmethod
    def bytes_per_unit(transforms: int) -> int:
        """Return 12 bytes a transform."""
        return 12 * transforms

    def release(self) -> None:
        """Leave the arrays to others; nothing of these sums is to be used any more."""
        leave_array(self._held)

    def begin(self, values: npt.NDArray[np.floating], block: Block) -> None:
        """Take (transforms of the run, units) the first values as pivots."""
        self.pivot[block.transforms, block.units] = values

    def clear(self, block: Block) -> None:
        """Begin with nothing, where a first block is not added in float32."""
        self.doubtful = True
        self.recent[:, block.transforms, block.units] = 0

    def add(self, sums: SingleSums, block: Block) -> None:
        """Add the sums of a block."""
        total, squares = self.recent[:, block.transforms, block.units]
        if block.first:
            total[...] = sums.column_total
            squares[...] = sums.column_squares
        else:
            total += sums.column_total
            squares += sums.column_squares

    def add_double(self, total: Reals, squares: Reals, block: Block) -> None:
        """Add sums in float64."""
        if not self._doubles.size:
            with _BEGINNING:  # slices of units are added in threads of their own
                if not self._doubles.size:
                    self._doubles = np.zeros((2, *self.pivot.shape))
        self._doubles[0, block.transforms, block.units] += total
        self._doubles[1, block.transforms, block.units] += squares

    def add_to(self, mean: Array, deviations: Array, count: int, samples: int) -> None:
        """Combine moments of other samples with these, in place.

        Args:
            mean: (transforms, units) of the others.
            deviations: (transforms, units) of the others.
            count: how many they are.
            samples: how many were added up here.
        """
        if self.code is not None and not self._doubles.size:
            flat = [each.reshape(-1) for each in (mean, deviations, self.pivot, *self.recent)]
            self.code.absorb_sums(*flat[:2], count, *flat[2:], samples)
            return
        for transform, units in _pieces(self.pivot.shape):
            mean[transform, units], deviations[transform, units] = combine(
                count, mean[transform, units], deviations[transform, units],
                samples, *self.moments(samples, transform, units),
            )  # fmt: skip

    def settled(self, samples: int) -> tuple[Array, Array]:
        """Return (transforms, units) means and squared deviations of all columns."""
        mean, deviations = np.empty((2, *self.pivot.shape))
        for transform, units in _pieces(self.pivot.shape):
            mean[transform, units], deviations[transform, units] = self.moments(samples, transform, units)
        return mean, deviations

    def moments(self, samples: int, transform: int | slice, units: Units) -> tuple[Array, Array]:
        """Return mean and squared deviations of some columns.

        Args:
            samples: how many were added up.
            transform: which transforms.
            units: which units.
        """
        total, squares = (each[transform, units].astype(np.float64) for each in self.recent)
        if self._doubles.size:
            total += self._doubles[0][transform, units]
            squares += self._doubles[1][transform, units]
        return from_shifted_sums(samples, self.pivot[transform, units].astype(np.float64), total, squares)


def _pieces(shape: tuple[int, int]) -> Iterator[tuple[int, slice]]:
    """Yield transforms and units to work on one after the other."""
    transforms, units = shape
    return ((transform, some) for transform in range(transforms) for some in pieces(units))
