"""Orbit distances: how far the variants of a sample lie from their centroid."""

from __future__ import annotations

from typing import ClassVar, Literal, Self

import numpy as np
import numpy.typing as npt

from onnxinv.statistics.statistic import Array, Block, Extent, Statistic
from onnxinv.statistics.vector_distances import both_distances
from onnxinv.statistics.vector_pieces import pieces, squared_lengths


class OrbitDistances(Statistic):
    """Sums over samples of the distances of a sample's variants to their centroid, cosine and euclidean.

    Attributes:
        count: samples seen, n.
        total: (2, transforms) sums of `d(zt_ij, c_i)`, zt_ij being the layer's vector on variant j of sample i and c_i
            the mean of these over j.
        squares: (transforms,) sums of `|zt_ij|^2`.
    """

    window: ClassVar[Literal[0, 1, 16]] = 1
    whole: ClassVar[bool] = True

    def __init__(self, count: int, total: Array, squares: Array) -> None:
        self.count = count
        self.total = total
        self.squares = squares

    @classmethod
    def empty(cls, extent: Extent) -> Self:
        """Return the distances of no samples."""
        return cls(0, np.zeros((2, extent.transforms)), np.zeros(extent.transforms))

    @classmethod
    def bytes_per_unit(cls, transforms: int, samples: int) -> int:
        """Return nothing: it has three numbers a transform for the whole layer."""
        return 0

    def update(self, block: Block) -> None:
        """Add the block's orbits."""
        samples, transforms, _ = block.values.shape
        squares, apart = np.zeros((2, samples, transforms))
        squares_of_centroids = np.zeros((samples, 1))
        add = np.ones((1, transforms))
        for piece in pieces(block.values):
            squares[piece.rows] += squared_lengths(piece.values)
            origin = np.zeros(1)
            if not block.single:
                # Sums of float64 round: shifted by the first variant, equal variants still lie at their centroid.
                origin = piece.values[:, 0].copy()
                piece.values[...] -= origin[:, None]
            centroid = np.matmul(add, piece.values, out=piece.point[:, None])
            centroid /= transforms
            apart[piece.rows] += squared_lengths(np.subtract(piece.values, centroid, out=piece.scratch))
            squares_of_centroids[piece.rows, 0] += squared_lengths(piece.point + origin)
        self.total += both_distances(apart, squares, squares_of_centroids).sum(axis=1)
        self.squares += squares.sum(axis=0)

    def close(self, samples: int) -> None:
        """Remember how many samples there were."""
        self.count = samples

    def merge(self, other: Self) -> Self:
        """Return the distances of both sets of samples."""
        return type(self)(self.count + other.count, self.total + other.total, self.squares + other.squares)

    def take(self, units: npt.NDArray[np.intp] | slice) -> Self:
        """Return itself: it speaks of the layer as a whole."""
        return self
