"""Minibatch HSIC: how much alike samples lie to each other with and without a transform, block by block."""

from __future__ import annotations

from typing import ClassVar, Literal, Self

import numpy as np
import numpy.typing as npt

from onnxinv.statistics.statistic import Array, Block, Extent, Statistic
from onnxinv.statistics.vector_pieces import Vectors, pieces, squared_lengths

LEAST_SAMPLES = 4
"""Fewest samples of which the unbiased estimator is defined."""


class MinibatchHsic(Statistic):
    """Sums over blocks of 16 samples of the unbiased estimator `HSIC1` (Song et al. 2012) with linear kernels.

    Of the Gram matrices K and L of n samples, with a diagonal of zeros, `HSIC1(K, L) = [tr(K L) + 1'K1 1'L1 /
    ((n-1)(n-2)) - 2/(n-2) 1'KL1] / (n(n-3))`. That is the inner product of the two U-centred matrices (Szekely and
    Rizzo 2014), which is how it is computed: the HSIC of a matrix with itself comes out as a sum of squares.

    A group's last block may be shorter; one of fewer than 4 samples is skipped, any other weighs the same.

    Attributes:
        count: blocks that were not skipped.
        alone: (1 + transforms,) sums of `HSIC1(K, K)` of the untransformed samples, and of `HSIC1(L_j, L_j)`.
        cross: (transforms,) sums of `HSIC1(K, L_j)`.
        squares: (1 + transforms,) sums of the squared length of each block's first vector.
    """

    window: ClassVar[Literal[0, 1, 16]] = 16
    whole: ClassVar[bool] = True
    reference: ClassVar[bool] = True

    def __init__(self, count: int, alone: Array, cross: Array, squares: Array) -> None:
        self.count = count
        self.alone = alone
        self.cross = cross
        self.squares = squares

    @classmethod
    def empty(cls, extent: Extent) -> Self:
        """Return the sums over no blocks."""
        transforms = extent.transforms
        return cls(0, np.zeros(1 + transforms), np.zeros(transforms), np.zeros(1 + transforms))

    @classmethod
    def bytes_per_unit(cls, transforms: int, samples: int) -> int:
        """Return nothing: it has three numbers a transform for the whole layer."""
        return 0

    def update(self, block: Block) -> None:
        """Add a block of 16 samples or, at the end of a group, fewer."""
        assert block.reference is not None, "it compares with the untransformed samples"
        samples = len(block.values)
        if samples < LEAST_SAMPLES:
            return
        grams, squares = _gram_matrices(block.reference, block.values)
        centred = u_centred(grams).reshape(len(grams), -1)
        scale = samples * (samples - 3)
        self.count += 1
        self.alone += np.square(centred).sum(axis=1) / scale
        self.cross += (centred[1:] * centred[0]).sum(axis=1) / scale
        self.squares += squares

    def close(self, samples: int) -> None:
        """Do nothing: blocks are counted, not samples."""

    def merge(self, other: Self) -> Self:
        """Return the sums over the blocks of both sets of samples."""
        return type(self)(
            self.count + other.count,
            self.alone + other.alone,
            self.cross + other.cross,
            self.squares + other.squares,
        )

    def take(self, units: npt.NDArray[np.intp] | slice) -> Self:
        """Return itself: it speaks of the layer as a whole."""
        return self


def _gram_matrices(reference: Vectors, values: Vectors) -> tuple[Array, Array]:
    """Return the Gram matrices of k samples, untransformed and for each transform, and their first squared lengths.

    HSIC does not change when all vectors are shifted alike, and a large mean in common would drown their differences:
    each matrix is that of the differences from its first vector.

    Args:
        reference: (k, units).
        values: (k, transforms, units).

    Returns:
        (1 + transforms, k, k) and (1 + transforms,).
    """
    samples, transforms, _ = values.shape
    grams, squares = np.zeros((1 + transforms, samples, samples)), np.zeros(1 + transforms)
    for piece in pieces(values.transpose(1, 0, 2)):
        if piece.rows.start == 0:
            # In the pieces of the transforms, so that equal vectors have matrices that are equal to the last bit.
            known = piece.scratch[:1]
            np.copyto(known, reference[:, piece.units])
            squares[:1] += squared_lengths(known[:, 0])
            grams[:1] += _gram(np.subtract(known, known[:, :1].copy(), out=known))
        rows = slice(1 + piece.rows.start, 1 + piece.rows.stop)
        squares[rows] += squared_lengths(piece.values[:, 0])
        grams[rows] += _gram(np.subtract(piece.values, piece.values[:, :1], out=piece.scratch))
    return grams, squares


def _gram(vectors: Array) -> Array:
    gram: Array = np.matmul(vectors, vectors.transpose(0, 2, 1))
    return gram


def u_centred(grams: Array) -> Array:
    """Return matrices whose rows and columns add up to 0 beside their diagonal of zeros."""
    samples = grams.shape[1]
    diagonal = np.arange(samples)
    bare = grams.copy()
    bare[:, diagonal, diagonal] = 0
    rows = bare.sum(axis=2) / (samples - 2)
    total = rows.sum(axis=1) / (samples - 1)
    centred: Array = bare - rows[:, :, None] - rows[:, None, :] + total[:, None, None]
    centred[:, diagonal, diagonal] = 0
    return centred
