"""Map distances: how far apart a channel's maps are, as vectors, under two transforms or of two samples."""

from __future__ import annotations

from abc import abstractmethod
from typing import ClassVar, Literal, Self

import numpy as np
import numpy.typing as npt

from onnxinv.statistics.map_pairs import Channels, pair_sums, runs_of_channels
from onnxinv.statistics.pair_distances import pairs_in_blocks, pairs_within
from onnxinv.statistics.statistic import Array, Block, Extent, Statistic


class MapDistances(Statistic):
    """The Euclidean distance of every pair of a channel's maps of a kind, summed for each channel.

    Attributes:
        normalized: whether maps are first divided by their norm.
        squared: whether distances are squared.
        axis: along which pairs are formed: 0 for samples, 1 for transforms.
        channel: (units,) the channel of each unit, numbered from 0 without gaps.
        total: (channels,) sum over pairs of their distance.
        farthest: (channels,) largest distance, not squared, of a map from the first of its row or block.
        pairs: how many pairs a channel has; the same for all.
    """

    whole: ClassVar[bool] = True
    normalized: ClassVar[bool] = False
    squared: ClassVar[bool] = False
    axis: ClassVar[Literal[0, 1]]

    def __init__(self, channel: npt.NDArray[np.intp], total: Array, farthest: Array, pairs: int) -> None:
        self.channel = channel
        self.total = total
        self.farthest = farthest
        self.pairs = pairs
        self._transforms = 0
        self._runs: tuple[Channels, ...] = ()

    @classmethod
    def empty(cls, extent: Extent) -> Self:
        """Return the distances of no pairs."""
        found, channel = np.unique(extent.channel, return_inverse=True)
        self = cls(channel.astype(np.intp), np.zeros(found.size), np.zeros(found.size), 0)
        self._transforms = extent.transforms
        self._runs = tuple(runs_of_channels(self.channel))
        return self

    @classmethod
    def bytes_per_unit(cls, transforms: int, samples: int) -> int:
        """Return 24 bytes: the unit's channel and, at most, two numbers for each unit."""
        return 24

    @staticmethod
    @abstractmethod
    def pairs_of(samples: int, transforms: int) -> int:
        """Return how many pairs one channel has in a group."""

    def update(self, block: Block) -> None:
        """Add the pairs of the block."""
        for run in self._runs:
            maps = run.maps(block.values)
            total, farthest = pair_sums(maps, self.axis, normalized=self.normalized, squared=self.squared)
            self.total[run.places] += total
            self.farthest[run.places] = np.maximum(self.farthest[run.places], farthest)

    def close(self, samples: int) -> None:
        """Count the pairs of the group."""
        self.pairs = self.pairs_of(samples, self._transforms)
        self._runs = ()

    def merge(self, other: Self) -> Self:
        """Return the distances of the pairs of both groups; no pair crosses groups."""
        farthest = np.maximum(self.farthest, other.farthest)
        return type(self)(self.channel, self.total + other.total, farthest, self.pairs + other.pairs)

    def take(self, units: npt.NDArray[np.intp] | slice) -> Self:
        """Return the distances of the channels of some units: of their whole maps."""
        kept, channel = np.unique(self.channel[units], return_inverse=True)
        return type(self)(channel.astype(np.intp), self.total[kept], self.farthest[kept], self.pairs)

    def mean(self) -> Array:
        """Return the (channels,) mean distance of a pair, nan where there is no pair."""
        return self.total / self.pairs if self.pairs else np.full(self.total.shape, np.nan)


class MapRowDistances(MapDistances):
    """Distances of a sample's maps, over samples and pairs of transforms."""

    window: ClassVar[Literal[0, 1, 16]] = 1
    axis: ClassVar[Literal[0, 1]] = 1

    @staticmethod
    def pairs_of(samples: int, transforms: int) -> int:
        """Return how many pairs of transforms all samples have."""
        return samples * pairs_within(transforms)


class MapColumnDistances(MapDistances):
    """Distances of two samples' maps, over transforms and pairs of samples in blocks of 16 consecutive ones."""

    window: ClassVar[Literal[0, 1, 16]] = 16
    axis: ClassVar[Literal[0, 1]] = 0

    @staticmethod
    def pairs_of(samples: int, transforms: int) -> int:
        """Return how many pairs of samples all transforms have."""
        return transforms * pairs_in_blocks(samples)


class NormalizedMapRowDistances(MapRowDistances):
    """Distances within rows of maps of norm 1."""

    normalized: ClassVar[bool] = True


class NormalizedMapColumnDistances(MapColumnDistances):
    """Distances within columns of maps of norm 1."""

    normalized: ClassVar[bool] = True


class SquaredNormalizedMapRowDistances(NormalizedMapRowDistances):
    """Squared distances within rows of maps of norm 1."""

    squared: ClassVar[bool] = True


class SquaredNormalizedMapColumnDistances(NormalizedMapColumnDistances):
    """Squared distances within columns of maps of norm 1."""

    squared: ClassVar[bool] = True
