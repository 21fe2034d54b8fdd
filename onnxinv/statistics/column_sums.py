"""Sums of columns that are taken in float32, over a few samples of a group."""

from __future__ import annotations

from threading import Lock
from typing import TypeVar

import numpy as np
import numpy.typing as npt

from onnxinv.statistics.compiled import Compiled
from onnxinv.statistics.moments import combine, from_shifted_sums
from onnxinv.statistics.single_sums import Single, SingleSums
from onnxinv.statistics.spare_arrays import leave_array, pieces, take_array
from onnxinv.statistics.statistic import Array, Block, Reals

_BEGINNING = Lock()

Units = npt.NDArray[np.intp] | slice

F = TypeVar("F", np.float32, np.float64)


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
        self.code: Compiled | None = None
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
        if (code := self._alone) is not None:
            flat = [each.reshape(-1) for each in (mean, deviations, self.pivot, *self.recent)]
            code.columns.absorb_sums(*flat[:2], count, *flat[2:], samples)
            return
        for units in pieces(self.pivot.shape[1]):
            mean[:, units], deviations[:, units] = combine(
                count, mean[:, units], deviations[:, units], samples, *self.moments(samples, units)
            )

    def settled(self, samples: int) -> tuple[Array, Array]:
        """Return (transforms, units) means and squared deviations of all columns."""
        if (code := self._alone) is not None:
            return self._compiled_moments(code, samples, slice(0, self.pivot.shape[1]))
        mean, deviations = np.empty((2, *self.pivot.shape))
        for units in pieces(self.pivot.shape[1]):
            mean[:, units], deviations[:, units] = self.moments(samples, units)
        return mean, deviations

    def moments(self, samples: int, units: Units) -> tuple[Array, Array]:
        """Return mean and squared deviations of the columns of some units.

        Args:
            samples: how many were added up.
            units: which units.
        """
        if (code := self._alone) is not None and isinstance(units, slice):
            return self._compiled_moments(code, samples, units)
        pivot, total, squares = (of_units(each, units).astype(np.float64) for each in self._held)
        if self._doubles.size:
            total += of_units(self._doubles[0], units)
            squares += of_units(self._doubles[1], units)
        return from_shifted_sums(samples, pivot, total, squares)

    @property
    def _alone(self) -> Compiled | None:
        """Compiled code, where all sums are in float32."""
        return None if self._doubles.size else self.code

    def _compiled_moments(self, code: Compiled, samples: int, units: slice) -> tuple[Array, Array]:
        transforms, every = self.pivot.shape
        start, stop, _ = units.indices(every)
        mean, deviations = np.empty((2, transforms, stop - start))
        sums = [each.reshape(-1) for each in (self.pivot, *self.recent)]
        code.columns.settle(*sums, every, start, stop - start, mean.reshape(-1), deviations.reshape(-1), samples)
        return mean, deviations


def of_units(array: npt.NDArray[F], units: Units) -> npt.NDArray[F]:
    """Return (transforms, units) numbers of some units; transform after transform, which an index alone does not give.

    Args:
        array: (transforms, units) numbers of all units.
        units: which; a slice is not copied.
    """
    return array[:, units] if isinstance(units, slice) else array.take(units, axis=1)
