"""Pixels brought to 0..1 and back, for what can only be done where the range of a pixel is known."""

from __future__ import annotations

import numpy as np

from onnxinv.errors import UsageError
from onnxinv.transforms.transform import Image

Range = tuple[float, float]


def known(value_range: Range | None, what: str) -> Range:
    """Return the range of a pixel.

    Args:
        value_range: lowest and highest value, None where that is not known.
        what: the family that needs it, for the message.

    Raises:
        UsageError: it is not known.
    """
    if value_range is None:
        raise UsageError(
            f"'{what}' needs to know the range of a pixel, and data stored as floats do not tell it.",
            "Store the images as uint8 or uint16.",
        )
    return value_range


def to_unit(image: Image, value_range: Range) -> Image:
    """Return the image with its range brought to 0..1; what lies outside of it is clipped."""
    low, high = value_range
    return np.clip((image - low) / (high - low), 0.0, 1.0)


def from_unit(unit: Image, value_range: Range) -> Image:
    """Return an image of the range 0..1, clipped to it, brought to the range of a pixel."""
    low, high = value_range
    return low + np.clip(unit, 0.0, 1.0) * (high - low)
