"""Reference distances: how far variants lie from their own untransformed sample, and from another one."""

from __future__ import annotations

from typing import ClassVar, Literal, Self

import numpy as np
import numpy.typing as npt

from onnxinv.statistics.statistic import Array, Block, Extent, Statistic
from onnxinv.statistics.vector_distances import distances_to_points
from onnxinv.statistics.vector_pieces import Vectors


class ReferenceDistances(Statistic):
    """Sums over samples of distances between layer vectors, cosine and euclidean.

    The other sample of each is the next of its segment of the group, that of the last the first: groups are shuffled,
    so this is a random derangement, however these are cut into blocks. A group of one sample has no other and counts
    nothing.

    Attributes:
        count: samples that were compared.
        own: (2, transforms) sums of `d(z_i, zt_ij)`, the layer's vectors on sample i and on its variant j.
        other: (2, transforms) sums of `d(z_i, zt_i'j)`, i' being the other sample.
        squares: (transforms,) sums of `|zt_ij|^2`.
    """

    window: ClassVar[Literal[0, 1, 16]] = 1
    whole: ClassVar[bool] = True
    reference: ClassVar[bool] = True

    def __init__(self, count: int, own: Array, other: Array, squares: Array) -> None:
        self.count = count
        self.own = own
        self.other = other
        self.squares = squares
        self._first: Vectors | None = None
        self._last: Vectors | None = None

    @classmethod
    def empty(cls, extent: Extent) -> Self:
        """Return the distances of no samples."""
        own, other = np.zeros((2, 2, extent.transforms))
        return cls(0, own, other, np.zeros(extent.transforms))

    @classmethod
    def bytes_per_unit(cls, transforms: int, samples: int) -> int:
        """Return nothing: the sums are of the layer as a whole."""
        return 0

    @classmethod
    def open_bytes_per_unit(cls, transforms: int) -> int:
        """Return 4 bytes a transform and 4 more, for the variants of the group's first sample."""
        return 4 * transforms + 4

    def update(self, block: Block) -> None:
        """Add the block's samples, each with the one before it as the one that it is the other of."""
        assert block.reference is not None, "it compares with the untransformed sample"
        if self._first is None or self._last is None:
            self._first = block.values[:1].copy()
            before = np.concatenate([block.reference[:1], block.reference[:-1]])
            pairs = slice(1, None)
        else:
            before = np.concatenate([self._last, block.reference[:-1]])
            pairs = slice(None)
        found, squares = distances_to_points(block.values, [block.reference, before])
        self.own += found[:, 0].sum(axis=1)
        self.other += found[:, 1, pairs].sum(axis=1)
        self.squares += squares.sum(axis=0)
        self._last = block.reference[-1:].copy()

    def close(self, samples: int) -> None:
        """Compare the last sample with the first, and forget a group of one."""
        assert self._first is not None, "a group has samples"
        assert self._last is not None, "a group has samples"
        if samples > 1:
            self.count = samples
            self.other += distances_to_points(self._first, [self._last])[0][:, 0, 0]
        else:
            self.own, self.other, self.squares = (np.zeros_like(each) for each in (self.own, self.other, self.squares))
        self._first = self._last = None

    def merge(self, other: Self) -> Self:
        """Return the distances of both sets of samples."""
        return type(self)(
            self.count + other.count, self.own + other.own, self.other + other.other, self.squares + other.squares
        )

    def take(self, units: npt.NDArray[np.intp] | slice) -> Self:
        """Return itself: it speaks of the layer as a whole."""
        return self
