"""Feature maps compared pixel by pixel, from first principles: own warps by scipy, own mask, float64."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt
from scipy.ndimage import map_coordinates

Float = npt.NDArray[np.float64]
Mask = npt.NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Motion:
    """What a transform does to points, x to the right and y down from the centre: `p' = linear p + shift size`."""

    linear: Float
    shift: Float

    def then(self, following: Motion) -> Motion:
        """Return both, where the linear part that follows mixes no shift of x into y."""
        return Motion(following.linear @ self.linear, np.diag(following.linear) * self.shift + following.shift)

    def goes_to(self, height: int, width: int) -> Float:
        """Return the (2, height, width) rows and columns that the pixels are moved to."""
        x, y = np.einsum("ij,jhw->ihw", self.linear, _centred(height, width))
        return _placed(x + self.shift[0] * width, y + self.shift[1] * height)

    def comes_from(self, height: int, width: int) -> Float:
        """Return the (2, height, width) rows and columns that the pixels of the moved map come from."""
        shift = (self.shift * (width, height))[:, None, None]
        x, y = np.einsum("ij,jhw->ihw", np.linalg.inv(self.linear), _centred(height, width) - shift)
        return _placed(x, y)


def turn(degrees: float) -> Motion:
    """Return a turn, counter-clockwise as displayed."""
    cosine, sine = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    return Motion(np.array([[cosine, sine], [-sine, cosine]]), np.zeros(2))


def scaling(x: float, y: float) -> Motion:
    """Return a magnification of both axes."""
    return Motion(np.diag([x, y]), np.zeros(2))


def moving(x: float, y: float) -> Motion:
    """Return a shift by fractions of the size."""
    return Motion(np.eye(2), np.array([x, y]))


def moved_image(image: Float, motion: Motion) -> Float:
    """Return a (height, width) image moved, zeros coming in."""
    found: Float = map_coordinates(image, motion.comes_from(*image.shape), order=1, mode="grid-constant")
    return found


def counted(motions: Sequence[Motion], height: int, width: int) -> Mask:
    """Return the (height, width) pixels that come from inside and go inside under every motion."""
    corner = np.array([height - 1, width - 1])[:, None, None]
    inside = np.ones((height, width), np.bool_)
    for motion in motions:
        for points in (motion.goes_to(height, width), motion.comes_from(height, width)):
            inside &= ((points > -1e-9) & (points < corner + 1e-9)).all(axis=0)
    return inside


def undone(maps: Float, motions: Sequence[Motion]) -> Float:
    """Return (samples, transforms, channels, pixels) of (samples, transforms, channels, height, width) maps."""
    size = maps.shape[-2:]
    inside = counted(motions, *size)
    columns = [_at(maps[:, place], each.goes_to(*size)[:, inside]) for place, each in enumerate(motions)]
    return np.stack(columns, axis=1)


def residuals(maps: Float, reference: Float, motions: Sequence[Motion]) -> tuple[Float, Float]:
    """Return what moved maps of the (samples, channels, height, width) reference leave of the maps.

    Returns:
        (samples, transforms, channels, pixels) of that, and (samples, channels, pixels) of the reference.
    """
    size = maps.shape[-2:]
    inside = counted(motions, *size)
    expected = [_at(reference, each.comes_from(*size)[:, inside]) for each in motions]
    return maps[..., inside] - np.stack(expected, axis=1), reference[..., inside]


def _at(maps: Float, points: Float) -> Float:
    """Return (..., points) of (..., height, width) maps, between pixels bilinear; rounding may lie just outside."""
    stacked = maps.reshape(-1, *maps.shape[-2:])
    found = [map_coordinates(one, points, order=1, mode="nearest") for one in stacked]
    return np.stack(found).reshape(*maps.shape[:-2], -1)


def _centred(height: int, width: int) -> Float:
    rows, columns = np.indices((height, width))
    return np.stack([columns - (width - 1) / 2, rows - (height - 1) / 2])


def _placed(x: Float, y: Float) -> Float:
    height, width = x.shape
    return np.stack([y + (height - 1) / 2, x + (width - 1) / 2])
