"""What a transform does to feature maps of one size, and how an affine one does it: a linear operator on pixels."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from onnxinv.transforms.affine import PIXEL_NOISE, Affine
from onnxinv.transforms.gather import Gather, Indices, Mask
from onnxinv.transforms.transform import Transform

Maps = npt.NDArray[np.floating[Any]]
Coordinates = npt.NDArray[np.float64]

OUTSIDE = -1
"""What the index of a pixel from outside the map is."""


class Warp(ABC):
    """What a transform does to feature maps of one size."""

    @property
    @abstractmethod
    def in_frame(self) -> Mask:
        """(height * width,) whether the point that an output pixel comes from lies inside the map."""

    @abstractmethod
    def at(self, pixels: Indices) -> Warp:
        """Return the same warp that computes only some output pixels.

        Args:
            pixels: (outputs,) flat indices, row by row, in the order wanted.
        """

    @abstractmethod
    def inverse(self) -> Warp:
        """Return the warp, for all output pixels, that undoes this one."""

    @abstractmethod
    def apply(self, maps: Maps, channels: int = 1) -> Maps:
        """Return the warped maps.

        Args:
            maps: (height * width, N) float32 or float64, N maps side by side, not changed.
            channels: how many neighbouring maps are those of one sample.

        Returns:
            (outputs, N) of the same dtype: all pixels, or those of `at`.

        Raises:
            ValueError: the array is not maps of that size and of those dtypes.
        """

    def problem(self, channels: int) -> str:
        """Return why it cannot be done to samples of that many maps, empty where it can."""
        return ""


@dataclass(frozen=True, eq=False)
class MapWarp(Warp):
    """An affine map as a linear operator on feature maps of one size, with zeros from outside.

    It is what `Affine.apply` does to an image of that size with `fill=0`: bilinear, about the map's own centre
    `(size - 1) / 2`, shifts as fractions of the map's size. Flips, quarter turns of square maps and whole-pixel shifts
    copy pixels bit for bit. A warp keeps its operator: at most 36 bytes an output pixel for float32 maps, 52 for
    float64.

    Attributes:
        affine: the product of the transform's steps; its fill plays no part.
        height: of the maps, in pixels.
        width: of the maps, in pixels.
        pixels: (outputs,) flat indices of the output pixels wanted, None for all of them in order.
    """

    affine: Affine
    height: int
    width: int
    pixels: Indices | None = None

    @classmethod
    def of(cls, transform: Transform, height: int, width: int) -> MapWarp | None:
        """Return what a transform does to maps of one size, or None where a step of it is not an affine map.

        Args:
            transform: no steps are the identity; steps that fill differently become one matrix all the same.
            height: of the maps, in pixels.
            width: of the maps, in pixels.
        """
        product = Affine()
        for step in transform.steps:
            fused = product.then(Affine(step.linear, step.offset)) if isinstance(step, Affine) else None
            if not isinstance(fused, Affine):
                return None
            product = fused
        return cls(product, height, width)

    @property
    def is_invertible(self) -> bool:
        """Whether an inverse exists: scaling by 0 has none. A warp without one cannot be applied either."""
        return bool(np.linalg.matrix_rank(np.array(self.affine.linear)) == 2)

    @property
    def in_frame(self) -> Mask:
        """(height * width,) whether the point that an output pixel comes from lies inside the map.

        Inside is `[0, width - 1] x [0, height - 1]`, give or take 1e-9 pixels of rounding.
        """
        if self._gathered is not None:
            return np.asarray(self._gathered != OUTSIDE)
        inside: Mask = (self.sources == self.sources.clip(0, self._far_corner)).all(axis=0)
        return inside

    def at(self, pixels: Indices) -> MapWarp:
        """Return the same warp that computes only some output pixels; see `Warp.at`."""
        return replace(self, pixels=pixels)

    def inverse(self) -> MapWarp:
        """Return the warp, for all output pixels, that undoes this one.

        Raises:
            numpy.linalg.LinAlgError: there is none, see `is_invertible`.
        """
        return MapWarp(self.affine.inverse(), self.height, self.width)

    def apply(self, maps: Maps, channels: int = 1) -> Maps:
        """Return the warped maps, each by itself; see `Warp.apply`.

        The identity returns its input; row-major maps are fastest.
        """
        check_maps(maps, self.height, self.width)
        if self.affine.is_identity:
            return maps if self.pixels is None else maps.take(self.pixels, axis=0)
        if self._gathered is not None:
            indices = self._wanted(self._gathered)
            moved = maps.take(indices.clip(0), axis=0)
            moved[indices == OUTSIDE] = 0
            return moved
        warped: Maps = (self._single if maps.dtype == np.float32 else self._double) @ maps
        return warped

    @cached_property
    def _gathered(self) -> Indices | None:
        """(height * width,) where each output pixel is copied from, or None where pixels land between pixels."""
        gather = Gather.of(self.affine.pixel_matrix(self.height, self.width), self.height, self.width)
        if gather is None:
            return None
        numbers = np.arange(self.height * self.width, dtype=np.float64).reshape(self.height, self.width, 1)
        return gather.apply(numbers, OUTSIDE).ravel().astype(np.intp)

    @property
    def sources(self) -> Coordinates:
        """(2, height * width) x and y that each output pixel comes from, pixels of `at` or not."""
        inverse = np.linalg.inv(self.affine.pixel_matrix(self.height, self.width))
        rows, columns = np.indices((self.height, self.width)).reshape(2, -1)
        points = inverse[:2] @ np.stack([columns, rows, np.ones_like(rows)])
        inside = points.clip(0, self._far_corner)
        return np.where(np.abs(points - inside) <= PIXEL_NOISE, inside, points)

    @property
    def _far_corner(self) -> Coordinates:
        return np.array([[self.width - 1.0], [self.height - 1.0]])

    @cached_property
    def _double(self) -> Any:
        return bilinear(self._wanted(self.sources), self.height, self.width)

    @cached_property
    def _single(self) -> Any:
        return bilinear(self._wanted(self.sources), self.height, self.width).astype(np.float32)

    def _wanted(self, values: npt.NDArray[Any]) -> npt.NDArray[Any]:
        return values if self.pixels is None else values[..., self.pixels]


def check_maps(maps: Maps, height: int, width: int) -> None:
    """Make sure that an array is maps of one size; see `Warp.apply`.

    Raises:
        ValueError: it is not, or of another type.
    """
    if maps.ndim != 2 or len(maps) != height * width or maps.dtype not in (np.float32, np.float64):
        raise ValueError(f"{maps.dtype} {maps.shape} is not ({height} * {width}, N) float32 or float64")


def bilinear(points: Coordinates, height: int, width: int) -> Any:
    """Return the (outputs, height * width) sparse matrix that interpolates maps, with zeros outside.

    Args:
        points: (2, outputs) x and y.
        height: of the maps, in pixels.
        width: of the maps, in pixels.
    """
    from scipy.sparse import csr_array

    left, top = np.floor(points)
    right_share, low_share = points - (left, top)
    columns = np.stack([left, left + 1, left, left + 1], axis=1)
    rows = np.stack([top, top, top + 1, top + 1], axis=1)
    across = np.stack([1 - right_share, right_share, 1 - right_share, right_share], axis=1)
    down = np.stack([1 - low_share, 1 - low_share, low_share, low_share], axis=1)
    weights = across * down
    inside = (columns >= 0) & (columns < width) & (rows >= 0) & (rows < height) & (weights != 0)
    sources = (rows * width + columns)[inside].astype(np.int32)
    starts = np.concatenate([[0], inside.sum(axis=1).cumsum()]).astype(np.int32)
    return csr_array((weights[inside], sources, starts), shape=(len(weights), height * width))
