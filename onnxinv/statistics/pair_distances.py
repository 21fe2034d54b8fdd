"""Distances between activations, added up over pairs: what rows and columns have in common."""

from __future__ import annotations

from abc import abstractmethod
from typing import Self

import numpy as np
import numpy.typing as npt

from onnxinv.statistics.statistic import BLOCK_SAMPLES, Array, Extent, Statistic


class PairDistances(Statistic):
    """The distance of every pair of a kind, summed for each unit.

    Attributes:
        total: (units,) sum over pairs of their distance.
        pairs: how many pairs a unit has; the same for all.
    """

    def __init__(self, total: Array, pairs: int) -> None:
        self.total = total
        self.pairs = pairs
        self._transforms = 0

    @classmethod
    def empty(cls, extent: Extent) -> Self:
        """Return the distances of no pairs."""
        self = cls(np.zeros(extent.units), 0)
        self._transforms = extent.transforms
        return self

    @classmethod
    def bytes_per_unit(cls, transforms: int, samples: int) -> int:
        """Return 8 bytes, whatever the number of transforms."""
        return 8

    @staticmethod
    @abstractmethod
    def pairs_of(samples: int, transforms: int) -> int:
        """Return how many pairs one unit has in a group."""

    def close(self, samples: int) -> None:
        """Count the pairs of the group."""
        self.pairs = self.pairs_of(samples, self._transforms)

    def merge(self, other: Self) -> Self:
        """Return the distances of the pairs of both groups; no pair crosses groups."""
        return type(self)(self.total + other.total, self.pairs + other.pairs)

    def take(self, units: npt.NDArray[np.intp] | slice) -> Self:
        """Return the distances of some units."""
        return type(self)(self.total[units], self.pairs)

    def mean(self) -> Array:
        """Return the (units,) mean distance of a pair, nan where there is no pair."""
        return self.total / self.pairs if self.pairs else np.full(self.total.shape, np.nan)


def pairs_within(count: int) -> int:
    """Return how many pairs a set has."""
    return count * (count - 1) // 2


def pairs_in_blocks(samples: int) -> int:
    """Return how many pairs a group's samples form within blocks of 16 consecutive ones, the last block shorter."""
    blocks, rest = divmod(samples, BLOCK_SAMPLES)
    return blocks * pairs_within(BLOCK_SAMPLES) + pairs_within(rest)
