"""Raw columns: every activation is kept, so that all pairs of samples can be compared in the end."""

from __future__ import annotations

from typing import Any, ClassVar, Literal, Self

import numpy as np
import numpy.typing as npt

from onnxinv.statistics.pair_distances import pairs_within
from onnxinv.statistics.sorted_differences import difference_sums
from onnxinv.statistics.statistic import Array, Block, Extent, Statistic

Raw = npt.NDArray[Any]

_PIECE = 1 << 20
"""Activations compared at a time."""


class RawColumns(Statistic):
    """The activations of all samples, in the layer's own type.

    Attributes:
        groups: for each group its (samples, transforms, units) activations; merging copies none.
    """

    whole: ClassVar[bool] = True
    window: ClassVar[Literal[0, 1, 16]] = 1

    def __init__(self, groups: tuple[Raw, ...]) -> None:
        self.groups = groups
        self._blocks: list[Raw] = []

    @classmethod
    def empty(cls, extent: Extent) -> Self:
        """Return no activations."""
        return cls(())

    @classmethod
    def bytes_per_unit(cls, transforms: int, samples: int) -> int:
        """Return 8 bytes an activation, of which float32 layers use half."""
        return 8 * transforms * samples

    def update(self, block: Block) -> None:
        """Keep a copy of the block."""
        self._blocks.append(block.values.copy())

    def close(self, samples: int) -> None:
        """Join the blocks of the group."""
        self.groups = (np.concatenate(self._blocks),)
        self._blocks = []

    def merge(self, other: Self) -> Self:
        """Return the activations of both groups."""
        return type(self)((*self.groups, *other.groups))

    def take(self, units: npt.NDArray[np.intp] | slice) -> Self:
        """Return the activations of some units."""
        return type(self)(tuple(group[:, :, units] for group in self.groups))

    def pairs(self) -> int:
        """Return how many pairs of samples all transforms have."""
        transforms: int = self.groups[0].shape[1]
        return transforms * pairs_within(sum(map(len, self.groups)))

    def mean(self) -> Array:
        """Return the (units,) mean over columns of the mean absolute difference, nan where there is no pair."""
        _, transforms, units = self.groups[0].shape
        pairs = self.pairs()
        if not pairs:
            return np.full(units, np.nan)
        step = max(1, _PIECE // (transforms * sum(map(len, self.groups))))
        total = np.empty(units)
        for start in range(0, units, step):
            some = np.concatenate([group[:, :, start : start + step] for group in self.groups])
            total[start : start + step] = difference_sums(some, 0, single=some.dtype != np.float64)
        return total / pairs
