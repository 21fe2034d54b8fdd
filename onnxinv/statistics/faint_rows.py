"""Rows that hardly vary, kept one by one until the unit's scale tells which of them are rounding."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Self

import numpy as np
import numpy.typing as npt

from onnxinv.statistics.statistic import Array

MARGIN = 2
"""How many times the rounding of the layer's largest activation a row's standard deviation may be, and still is kept.

More than once, because the first samples of a group, from which the largest activation is known, need not show the very
largest.
"""


@dataclass(frozen=True)
class FaintRows:
    """Small, non-zero row standard deviations of a layer, sorted by unit and size.

    Attributes:
        unit: which unit each row belongs to.
        std: its standard deviation.
        complete: whether all of them are here; a layer with more than `most` keeps none.
    """

    unit: npt.NDArray[np.intp]
    std: Array
    complete: bool = True

    @classmethod
    def gathered(cls, parts: list[tuple[npt.NDArray[np.intp], Array]], units: int) -> Self:
        """Return the rows of all parts, or none where there are too many for a layer of that many units."""
        if sum(part[0].size for part in parts) > cls.most(units):
            return cls.none(complete=False)
        if not parts:
            return cls.none()
        unit, std = (np.concatenate(columns) for columns in zip(*parts, strict=True))
        order = np.lexsort((std, unit))  # the order of arrival depends on threads
        return cls(unit[order], std[order])

    @classmethod
    def none(cls, *, complete: bool = True) -> Self:
        """Return no rows."""
        return cls(np.zeros(0, dtype=np.intp), np.zeros(0), complete)

    @staticmethod
    def most(units: int) -> int:
        """Return how many rows are kept for a layer: 16 bytes each, four a unit on average."""
        return max(4 * units, 4096)

    def within(self, limit: Array) -> Self:
        """Return the rows whose standard deviation is within the limit of their unit."""
        kept = self.std <= limit[self.unit]
        return type(self)(self.unit[kept], self.std[kept], self.complete)

    def merge(self, other: Self, units: int) -> Self:
        """Return the rows of both."""
        if not (self.complete and other.complete):
            return self.none(complete=False)
        return self.gathered([(self.unit, self.std), (other.unit, other.std)], units)

    def take(self, units: npt.NDArray[np.intp] | slice, size: int) -> Self:
        """Return the rows of some of the `size` units, renumbered."""
        if not self.unit.size:
            return self
        place = np.full(size, -1, dtype=np.intp)
        place[units] = np.arange(place[units].size)
        unit = place[self.unit]
        return type(self)(unit[unit >= 0], self.std[unit >= 0], self.complete)

    def sums_up_to(self, limit: Array) -> tuple[Array, Array]:
        """Return, by unit, the sums of the standard deviations up to the unit's limit, and of their squares."""
        rows = self.within(limit)
        total = np.bincount(rows.unit, weights=rows.std, minlength=limit.size)
        squares = np.bincount(rows.unit, weights=rows.std**2, minlength=limit.size)
        return total.astype(np.float64), squares.astype(np.float64)
