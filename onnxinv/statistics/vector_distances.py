"""Distances between vectors of whole layers, exact zero where vectors are equal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import numpy as np

from onnxinv.statistics.statistic import Array
from onnxinv.statistics.vector_pieces import Vectors, pieces, squared_lengths

Distance = Literal["cosine", "euclidean"]

DISTANCES: tuple[Distance, ...] = ("cosine", "euclidean")
"""The order in which functions and statistics hold both distances."""


def both_distances(apart: Array, one: Array, other: Array) -> Array:
    """Return the (2, ...) distances between vectors: `1 - cos` and the euclidean.

    The cosine distance is `(|a - b|^2 - (|a| - |b|)^2) / (2 |a| |b|)`, in which vectors that point nearly the same way
    lose nothing. Between a zero vector and another it is 1, between two zero vectors 0.

    Args:
        apart: (...) squared lengths of the differences.
        one: squared lengths of the first vectors.
        other: squared lengths of the second vectors.
    """
    lengths, other_lengths = np.sqrt(one), np.sqrt(other)
    product = lengths * other_lengths
    with np.errstate(divide="ignore", invalid="ignore"):
        angle = (apart - np.square(lengths - other_lengths)) / (2 * product)
    cosine = np.where(product == 0, (lengths != other_lengths).astype(np.float64), np.clip(angle, 0, 2))
    return np.stack([cosine, np.sqrt(apart)])


def rounding_distance(distance: Distance, mean_squares: Array, resolution: float) -> Array:
    """Return the (...) largest distances between vectors that differ by rounding alone.

    Args:
        distance: which one.
        mean_squares: (...) mean squared lengths of the vectors.
        resolution: largest rounding of an activation, in root mean squares.
    """
    # Rounding turns a vector by that angle at the most, and 1 - cos is half the square of a small angle.
    return np.full_like(mean_squares, resolution**2 / 2) if distance == "cosine" else resolution * np.sqrt(mean_squares)


def distances_to_points(vectors: Vectors, points: Sequence[Vectors]) -> tuple[Array, Array]:
    """Return how far the vectors of every row are from some points of that row.

    Args:
        vectors: (rows, columns, units).
        points: tables of (rows, units).

    Returns:
        Both distances (2, points, rows, columns), and the squared lengths (rows, columns) of the vectors.
    """
    squares, squares_of_points = np.zeros(vectors.shape[:2]), np.zeros((len(points), len(vectors)))
    apart = np.zeros((len(points), *vectors.shape[:2]))
    for piece in pieces(vectors):
        squares[piece.rows] += squared_lengths(piece.values)
        for position, table in enumerate(points):
            np.copyto(piece.point, table[piece.rows, piece.units])
            squares_of_points[position, piece.rows] += squared_lengths(piece.point)
            difference = np.subtract(piece.values, piece.point[:, None], out=piece.scratch)
            apart[position, piece.rows] += squared_lengths(difference)
    return both_distances(apart, squares, squares_of_points[:, :, None]), squares
