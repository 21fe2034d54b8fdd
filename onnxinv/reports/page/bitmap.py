"""Pictures as text that stands in a page: PNG of few colours, or JPEG where that is much shorter."""

from __future__ import annotations

import base64
import io
from typing import Any

import numpy as np
import numpy.typing as npt

Bytes = npt.NDArray[np.uint8]

LEVELS = 15
"""Steps of a picture of few colours; one more colour is for what has no value."""

_STOPS = np.array([[68, 1, 84], [59, 82, 139], [33, 145, 140], [94, 201, 98], [253, 231, 37]])
_NOTHING = [128, 128, 128]

_SHORT = 12_000
"""Bytes up to which a picture of many colours stays as sharp as it is."""

_GAP = 2
"""Pixels between two pictures of a row."""

_LEAST = 24
"""Pixels that the longer side of a picture in a row has about."""


def beside(pictures: npt.NDArray[Any], gap: int) -> npt.NDArray[Any]:
    """Return (height, width, ...) pictures of (n, height, width, ...) in a row, with a gap between them.

    The pixels of tiny pictures are repeated, so that the gap is small beside them.
    """
    times = max(1, _LEAST // max(pictures.shape[1:3]))
    pictures = pictures.repeat(times, axis=1).repeat(times, axis=2)
    room = np.full((*pictures.shape[:2], _GAP, *pictures.shape[3:]), gap, pictures.dtype)
    return np.concatenate([part for each, space in zip(pictures, room, strict=True) for part in (each, space)][:-1], 1)


def steps(values: npt.NDArray[np.float64]) -> Bytes:
    """Return values as steps from their lowest to their highest; `LEVELS` for what is not finite."""
    finite = np.isfinite(values)
    low, high = (values[finite].min(), values[finite].max()) if finite.any() else (0.0, 0.0)
    scale = (LEVELS - 1) / (high - low) if high > low else 0.0
    found = np.full(values.shape, LEVELS, np.uint8)
    found[finite] = np.rint((values[finite] - low) * scale)
    return found


def few_colours(levels: Bytes, *, grey: bool) -> str:
    """Return a picture of (height, width) steps as the address of a PNG, dark to light."""
    from PIL import Image  # heavy libraries are imported where used

    shares = np.linspace(0, 1, LEVELS)
    if grey:
        colours = np.repeat(shares[:, None] * 255, 3, axis=1)
    else:
        places = shares * (len(_STOPS) - 1)
        colours = np.stack([np.interp(places, np.arange(len(_STOPS)), each) for each in _STOPS.T], axis=1)
    image = Image.fromarray(levels)
    image.putpalette([int(number) for number in np.rint([*colours, _NOTHING]).ravel()])
    return _address(image, "PNG", bits=4, optimize=False)


def many_colours(pixels: Bytes) -> str:
    """Return a picture of (height, width, 1 or 3) pixels as the address of a PNG, or of a JPEG where that is long."""
    from PIL import Image  # heavy libraries are imported where used

    image = Image.fromarray(pixels[..., 0] if pixels.shape[-1] == 1 else pixels)
    exact = _address(image, "PNG", optimize=True)
    return exact if len(exact) <= _SHORT else min(exact, _address(image, "JPEG", quality=75), key=len)


def _address(image: Any, kind: str, **options: object) -> str:
    content = io.BytesIO()
    image.save(content, kind, **options)
    return f"data:image/{kind.lower()};base64,{base64.b64encode(content.getvalue()).decode()}"
