"""Top values: the largest and the smallest activations of every unit on the untransformed samples."""

from __future__ import annotations

from typing import Self

import numpy as np
import numpy.typing as npt

from onnxinv.statistics.statistic import Array, Block, Extent, Statistic

FIRING_ONE_IN = 100
"""A unit fires on one in so many untransformed samples (MEASURES, goodfellow)."""

_LEAST_ROOM = 32
"""Samples taken in between two sorts, at least: a sort costs by the samples it is shared by."""

_SORTED_WIDTH = 256
"""Rows up to which sorting is faster than selecting both ends."""


class TopValues(Statistic):
    """The k+1 largest activations and the k+1 smallest of every unit, k the number of samples that it may fire on.

    It is fed with the untransformed samples alone, as a grid of one transform. A set of samples with no more than
    2 (k+1) of them keeps them all, so that merging loses nothing.

    Attributes:
        count: samples seen.
        most: k+1 for the whole run, of which these samples may be a part.
        values: (units, up to 2 most) sorted; the smallest and the largest `most` where there are more; nan is largest.
    """

    def __init__(self, count: int, most: int, values: Array) -> None:
        self.count = count
        self.most = most
        self.values = values
        self._room = np.empty((0, 0))
        self._filled = np.zeros(0, dtype=np.intp)

    @classmethod
    def empty(cls, extent: Extent) -> Self:
        """Return the values of no samples."""
        most = firing_samples(extent.samples) + 1
        self = cls(0, most, np.zeros((extent.units, 0)))
        self._room = np.empty((extent.units, _capacity(most)))
        self._filled = np.zeros(extent.units, dtype=np.intp)
        return self

    @classmethod
    def bytes_per_unit(cls, transforms: int, samples: int) -> int:
        """Return the size of the open state, 24 bytes for every value of the k+1; closed it is at most 16."""
        return 8 * _capacity(firing_samples(samples) + 1)

    def update(self, block: Block) -> None:
        """Take in the block's samples, and drop those between the ends whenever the room is full."""
        room = self._room[block.units]
        filled = int(self._filled[block.units.start])
        samples = block.values[:, 0]
        while len(samples):
            taken = samples[: room.shape[1] - filled]
            room[:, filled : filled + len(taken)] = taken.T
            filled += len(taken)
            samples = samples[len(taken) :]
            if filled == room.shape[1]:
                filled = self._drop_the_middle(room)
        self._filled[block.units] = filled

    def close(self, samples: int) -> None:
        """Sort what was kept."""
        self.count = samples
        taken = self._room[:, : self._filled.max(initial=0)]
        taken.sort(axis=1)
        self.values = _ends(taken, self.most).copy()
        self._room, self._filled = np.empty((0, 0)), np.zeros(0, dtype=np.intp)

    def merge(self, other: Self) -> Self:
        """Return the values of both sets of samples."""
        assert self.most == other.most, "both are parts of one run"
        both = np.concatenate([self.values, other.values], axis=1)
        both.sort(axis=1)
        return type(self)(self.count + other.count, self.most, _ends(both, self.most))

    def take(self, units: npt.NDArray[np.intp] | slice) -> Self:
        """Return the values of some units."""
        return type(self)(self.count, self.most, self.values[units])

    def limits(self) -> Array:
        """Return the (2, units) activations that a unit must exceed, or fall below, to fire.

        They are the (k+1)-th largest and the (k+1)-th smallest of all untransformed samples, so that k fire on either
        side unless there are ties.
        """
        return np.stack([self.values[:, -self.most], self.values[:, self.most - 1]])

    def _drop_the_middle(self, room: Array) -> int:
        """Bring the ends of every full row of the room to its front and return how many values they are."""
        most, width = self.most, room.shape[1]
        if width <= _SORTED_WIDTH:
            room.sort(axis=1)
        else:
            room.partition(most - 1, axis=1)
            room[:, most:].partition(width - 2 * most, axis=1)
        room[:, most : 2 * most] = room[:, width - most :]
        return 2 * most


def firing_samples(samples: int) -> int:
    """Return k, how many of n untransformed samples a unit without ties fires on: 1 % rounded up, and less than n."""
    return min(-(-samples // FIRING_ONE_IN), samples - 1)


def _capacity(most: int) -> int:
    """Return the room of a unit: both ends, and the samples that come between two sorts."""
    return 2 * most + max(most, _LEAST_ROOM)


def _ends(ordered: Array, most: int) -> Array:
    """Return the first and the last columns of sorted rows, or all of them where these would overlap."""
    if ordered.shape[1] <= 2 * most:
        return ordered
    return np.concatenate([ordered[:, :most], ordered[:, -most:]], axis=1)
