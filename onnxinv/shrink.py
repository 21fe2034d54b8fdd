"""Makes pictures small: fewer pixels, each the mean of those that it stands for, and 8 bits a number."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

Array = npt.NDArray[Any]


def shrink(pictures: Array, most: int) -> Array:
    """Return pictures of at most so many pixels a side, their proportions kept; those that are small stay as they are.

    Args:
        pictures: (..., height, width).
        most: pixels of the longer side.
    """
    longer = max(pictures.shape[-2:])
    if longer <= most:
        return pictures
    for axis in (-2, -1):
        length = pictures.shape[axis]
        bounds = np.linspace(0, length, max(1, round(length * most / longer)) + 1).round().astype(np.intp)
        counts = np.diff(bounds).reshape((-1, 1) if axis == -2 else (-1,))
        pictures = np.add.reduceat(pictures, bounds[:-1], axis=axis) / counts
    return pictures


def range_of(numbers: Array) -> tuple[float, float]:
    """Return the least and the largest finite number; 0 and 0 where there is none."""
    finite = numbers[np.isfinite(numbers)]
    return (float(finite.min()), float(finite.max())) if finite.size else (0.0, 0.0)


def to_bytes(numbers: Array, low: float, high: float) -> npt.NDArray[np.uint8]:
    """Return numbers as bytes: 0 at `low` and below, 255 at `high` and above; what is no number is 0."""
    if not high > low:
        return np.zeros(numbers.shape, np.uint8)
    shares = (np.nan_to_num(numbers.astype(np.float64), nan=low, posinf=high, neginf=low) - low) / (high - low)
    return np.asarray(np.rint(np.clip(shares, 0, 1) * 255), np.uint8)
