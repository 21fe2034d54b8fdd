"""Vectors of whole layers in float64, a cache-sized piece at a time."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from onnxinv.statistics.statistic import Array

Vectors = npt.NDArray[Any]

_ACTIVATIONS = 1 << 17
"""Activations in a piece: as float64, and with as much room to work in, they stay in the cache."""

_UNITS = 2048
"""Units in a piece, if a row of that many fits: shorter runs of memory are slower to go through."""

_FEWEST_UNITS = 256
"""Units in a piece at the least, whether or not a row of that many fits."""

_idle: list[Array] = []
"""Buffers that no piece uses at the moment: large arrays that come and go cost page faults."""


@dataclass(frozen=True)
class Piece:
    """Some units of some rows of a table of vectors.

    Attributes:
        rows: which rows of the table.
        units: which units of every vector.
        values: (rows, columns, units) float64; may be overwritten.
        scratch: of the shape of `values`, to be overwritten at will.
        point: (rows, units), room for another vector beside each row.
    """

    rows: slice
    units: slice
    values: Array
    scratch: Array
    point: Array


def pieces(vectors: Vectors) -> Iterator[Piece]:
    """Cut a (rows, columns, units) table of vectors; all rows of one run of units come before the next run.

    The arrays of a piece hold until the next one is asked for.
    """
    rows, columns, units = vectors.shape
    width = max(_FEWEST_UNITS, min(_UNITS, _ACTIVATIONS // columns), _ACTIVATIONS // (rows * columns))
    width = min(units, width)
    together = min(rows, max(1, _ACTIVATIONS // (columns * width)))
    buffer = _idle.pop() if _idle else np.empty(0)
    needed = together * (2 * columns + 1) * width
    if buffer.size < needed:
        buffer = np.empty(max(needed, 3 * _ACTIVATIONS))
    try:
        for start in range(0, units, width):
            run = slice(start, min(start + width, units))
            for first in range(0, rows, together):
                some = slice(first, min(first + together, rows))
                part = vectors[some, :, run]
                values, scratch = buffer[: 2 * part.size].reshape(2, *part.shape)
                point = buffer[2 * part.size :][: part.size // columns].reshape(len(part), -1)
                np.copyto(values, part)
                yield Piece(some, run, values, scratch, point)
    finally:
        _idle.append(buffer)


def squared_lengths(vectors: Array) -> Array:
    """Return the (...) sums of squares of (..., units) vectors."""
    squares: Array = np.matmul(vectors[..., None, :], vectors[..., :, None])
    return squares[..., 0, 0]
