"""Whole pixels moved without interpolation: flips, quarter turns and whole-pixel shifts, by indexing."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from onnxinv.transforms.transform import Image

Indices = npt.NDArray[np.intp]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Gather:
    """Where every output pixel of a pixel-exact map comes from.

    Attributes:
        transposed: whether output rows run along input columns.
        rows: (height,) index into the source (the transposed image if `transposed`) of every output row, clamped to it.
        columns: (width,) the same for every output column.
        outside_rows: (height,) whether the output row comes from outside the image.
        outside_columns: (width,) the same for every output column.
    """

    transposed: bool
    rows: Indices
    columns: Indices
    outside_rows: Mask
    outside_columns: Mask

    @classmethod
    def of(cls, matrix: npt.NDArray[np.float64], height: int, width: int) -> Gather | None:
        """Return the gather that equals a forward pixel matrix, or None where pixels would land between pixels.

        Args:
            matrix: 3x3, from input (x, y, 1) to output (x, y, 1), free of rounding noise.
            height: of the image, in pixels.
            width: of the image, in pixels.
        """
        linear, shift = matrix[:2, :2], matrix[:2, 2]
        transposed = bool(linear[0, 0] == 0)
        along = (linear[1, 0], linear[0, 1]) if transposed else (linear[1, 1], linear[0, 0])
        across = (linear[1, 1], linear[0, 0]) if transposed else (linear[1, 0], linear[0, 1])
        if any(abs(value) != 1 for value in along) or any(across) or np.any(shift != np.round(shift)):
            return None
        source_height, source_width = (width, height) if transposed else (height, width)
        rows = _come_from(height, along[0], shift[1])
        columns = _come_from(width, along[1], shift[0])
        return cls(
            transposed,
            rows.clip(0, source_height - 1),
            columns.clip(0, source_width - 1),
            (rows < 0) | (rows >= source_height),
            (columns < 0) | (columns >= source_width),
        )

    def apply(self, image: Image, fill: float | None) -> Image:
        """Return the moved image; what comes from outside is `fill`, or the nearest edge pixel where that is None."""
        source = image.swapaxes(0, 1) if self.transposed else image
        moved = np.ascontiguousarray(source.take(self.rows, axis=0).take(self.columns, axis=1))
        if fill is not None:
            moved[self.outside_rows] = fill
            moved[:, self.outside_columns] = fill
        return moved


def _come_from(size: int, sign: float, shift: float) -> Indices:
    # output = sign * input + shift, and sign is its own inverse.
    return (sign * (np.arange(size) - shift)).astype(np.intp)
