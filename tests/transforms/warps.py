"""Feature maps, affine maps to warp them with, and what to expect of the two."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pytest

from onnxinv.transforms import Transform
from onnxinv.transforms.affine import UNIT, ZERO, Affine, Square
from onnxinv.transforms.map_warp import Maps

Float = npt.NDArray[np.float64]
Size = tuple[int, int]
Move = Callable[[Maps], Maps]

each_size = pytest.mark.parametrize(
    "size", [(8, 8), (7, 7), (3, 3), (6, 9), (9, 4), (1, 5), (6, 1), (1, 1)], ids=lambda size: f"{size[0]} x {size[1]}"
)

QUARTER: Square = ((0.0, 1.0), (-1.0, 0.0))


def turn(degrees: float) -> Square:
    c, s = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    return ((c, s), (-s, c))


def shift(x: float, y: float) -> Square:
    return ((x, 0.0), (0.0, y))


def transform(linear: Square = UNIT, offset: Square = ZERO, name: str = "t") -> Transform:
    return Transform(name, {}, (Affine(linear, offset),))


def maps_of(height: int, width: int, count: int = 3) -> Float:
    """Return maps of noise, (count, height, width)."""
    return np.random.default_rng(0).standard_normal((count, height, width))


def columns(maps: Maps) -> Maps:
    """Return maps (N, height, width) as (height * width, N)."""
    return np.ascontiguousarray(maps.reshape(len(maps), -1).T)


def pushed(maps: Maps, right: int, down: int) -> Maps:
    """Return maps moved by whole pixels, zeros coming in."""
    far = 3
    padded = np.pad(maps, ((0, 0), (far, far), (far, far)))
    return padded[:, far - down : far - down + maps.shape[1], far - right : far - right + maps.shape[2]]


def brute_force_frames(affine: Affine, height: int, width: int) -> list[npt.NDArray[np.bool_]]:
    """Return which pixels come from inside, and which go inside, point by point from the map's definition."""
    (a, b), (c, d) = affine.linear
    shift_x, shift_y = np.array(affine.offset) @ (width, height)
    middle_x, middle_y = (width - 1) / 2, (height - 1) / 2
    come, go = np.zeros((2, height, width), np.bool_)
    for row, column in np.ndindex(height, width):
        x, y = column - middle_x, row - middle_y
        go[row, column] = max(abs(a * x + b * y + shift_x) - middle_x, abs(c * x + d * y + shift_y) - middle_y) < 1e-9
        x, y = (x - shift_x) / (a * d - b * c), (y - shift_y) / (a * d - b * c)
        come[row, column] = max(abs(d * x - b * y) - middle_x, abs(a * y - c * x) - middle_y) < 1e-9
    return [come, go]
