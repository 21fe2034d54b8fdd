"""Raw maps: every activation is kept, so that the maps of all pairs of samples can be compared in the end."""

from __future__ import annotations

from typing import Self

import numpy as np
import numpy.typing as npt

from onnxinv.statistics.map_pairs import pair_sums, runs_of_channels
from onnxinv.statistics.raw_columns import Raw, RawColumns
from onnxinv.statistics.statistic import Array, Extent


class RawMaps(RawColumns):
    """The activations of all samples, of whole channels only.

    Attributes:
        channel: (units,) the channel of each unit, numbered from 0 without gaps.
    """

    def __init__(self, groups: tuple[Raw, ...], channel: npt.NDArray[np.intp]) -> None:
        super().__init__(groups)
        self.channel = channel

    @classmethod
    def empty(cls, extent: Extent) -> Self:
        """Return no activations."""
        return cls((), np.unique(extent.channel, return_inverse=True)[1].astype(np.intp))

    @classmethod
    def bytes_per_unit(cls, transforms: int, samples: int) -> int:
        """Return 8 bytes an activation, of which float32 layers use half, and 8 for the unit's channel."""
        return super().bytes_per_unit(transforms, samples) + 8

    def merge(self, other: Self) -> Self:
        """Return the activations of both groups."""
        return type(self)((*self.groups, *other.groups), self.channel)

    def take(self, units: npt.NDArray[np.intp] | slice) -> Self:
        """Return the activations of all units of the channels that some units belong to."""
        wanted = np.zeros(self.channel.max() + 1, dtype=np.bool_)
        wanted[self.channel[units]] = True
        places = np.flatnonzero(wanted[self.channel])
        together = places.size == places[-1] + 1 - places[0]
        cut = slice(int(places[0]), int(places[-1]) + 1) if together else places
        channel = np.unique(self.channel[places], return_inverse=True)[1].astype(np.intp)
        return type(self)(tuple(group[:, :, cut] for group in self.groups), channel)

    def compared(self, *, normalized: bool, squared: bool) -> Array:
        """Return the (2, channels) mean distances between the maps of two samples, and largest of a map from the first.

        Args:
            normalized: whether each map is first divided by its Euclidean norm; a map of zeros stays as it is.
            squared: whether the distances of pairs are squared; their mean is nan where there is none.
        """
        _, transforms, _ = self.groups[0].shape
        total, farthest = np.zeros((2, self.channel.max() + 1))
        for run in runs_of_channels(self.channel):
            for transform in range(transforms):
                column = slice(transform, transform + 1)
                maps = np.concatenate([run.maps(group[:, column]) for group in self.groups])
                sums, widest = pair_sums(maps, 0, normalized=normalized, squared=squared)
                total[run.places] += sums
                farthest[run.places] = np.maximum(farthest[run.places], widest)
        pairs = self.pairs()
        return np.stack([total / pairs if pairs else np.full(total.size, np.nan), farthest])
