"""An affine step on images of one size as an operator, computed once and applied to many images side by side."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np
import numpy.typing as npt

from onnxinv.transforms.affine import Affine
from onnxinv.transforms.gather import Gather, Indices
from onnxinv.transforms.map_warp import OUTSIDE, MapWarp, bilinear

Pixels = npt.NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class ImageOperator:
    """What `Affine.apply` does to images of one size, fill and all, for any number of them at once.

    It agrees with scikit-image's warp to rounding (1e-12 of the value range); the identity, flips, quarter turns and
    whole-pixel shifts copy pixels bit for bit. What becomes of an image does not depend on those beside it.

    Attributes:
        affine: the step.
        height: of the images, in pixels.
        width: of the images, in pixels.
    """

    affine: Affine
    height: int
    width: int

    @staticmethod
    def most_bytes(height: int, width: int) -> int:
        """Return how much an operator keeps at most."""
        # Four weights of eight bytes and their places of four, where the row begins, and what comes from outside.
        return (4 * (8 + 4) + 4 + 8 + 8) * height * width

    def apply(self, pixels: Pixels) -> Pixels:
        """Return the warped images.

        Args:
            pixels: (height * width, N), N channels of images side by side, row-major; not changed.

        Returns:
            The same shape; the input itself for the identity.
        """
        if self.affine.is_identity:
            return pixels
        if self._indices is not None:
            moved = pixels.take(self._indices, axis=0)
            if len(self._outside):
                moved[self._outside] = self.affine.fill
            return moved
        warped: Pixels = self._weights @ pixels
        if len(self._outside):
            warped[self._outside] += self._filled
        return warped

    @cached_property
    def _numbered(self) -> Indices | None:
        """(height * width,) where each output pixel is copied from, None where pixels land between pixels."""
        gather = Gather.of(self.affine.pixel_matrix(self.height, self.width), self.height, self.width)
        if gather is None:
            return None
        numbers = np.arange(self.height * self.width, dtype=np.float64).reshape(self.height, self.width, 1)
        return gather.apply(numbers, None if self.affine.fill == "edge" else OUTSIDE).ravel().astype(np.intp)

    @cached_property
    def _indices(self) -> Indices | None:
        return None if self._numbered is None else self._numbered.clip(0)

    @cached_property
    def _weights(self) -> Any:
        points = MapWarp(self.affine, self.height, self.width).sources
        if self.affine.fill == "edge":
            points = points.clip(0, [[self.width - 1.0], [self.height - 1.0]])
        return bilinear(points, self.height, self.width)

    @cached_property
    def _outside(self) -> Indices:
        """Output pixels that take something of a fill other than 0."""
        if self.affine.fill == "edge":
            return np.empty(0, np.intp)
        if self._numbered is not None:
            return np.flatnonzero(self._numbered == OUTSIDE)
        return np.flatnonzero(self._lacking) if self.affine.fill else np.empty(0, np.intp)

    @cached_property
    def _filled(self) -> Pixels:
        """(outside, 1) what the fill contributes to these pixels."""
        return np.asarray(self._lacking[self._outside, np.newaxis] * float(self.affine.fill))

    @property
    def _lacking(self) -> Pixels:
        """(height * width,) the share of each output pixel that comes from outside, exactly 0 where nothing does."""
        full = np.diff(self._weights.indptr) == 4
        within = np.asarray(self._weights.sum(axis=1)).ravel()
        return np.where(full, 0.0, 1 - within)
