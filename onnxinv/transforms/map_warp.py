"""Feature maps under geometric transforms: warps of maps, the pixels that all of a set keep, resampled images."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property, lru_cache
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


@dataclass(frozen=True, eq=False)
class MapWarp:
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
        inside: Mask = (self._sources == self._sources.clip(0, self._far_corner)).all(axis=0)
        return inside

    def at(self, pixels: Indices) -> MapWarp:
        """Return the same warp that computes only some output pixels.

        Args:
            pixels: (outputs,) flat indices, row by row, in the order wanted.
        """
        return replace(self, pixels=pixels)

    def inverse(self) -> MapWarp:
        """Return the warp, for all output pixels, that undoes this one.

        Raises:
            numpy.linalg.LinAlgError: there is none, see `is_invertible`.
        """
        return MapWarp(self.affine.inverse(), self.height, self.width)

    def apply(self, maps: Maps) -> Maps:
        """Return the warped maps.

        Args:
            maps: (height * width, N) float32 or float64, N maps side by side, not changed; row-major is fastest.

        Returns:
            (outputs, N) of the same dtype: all pixels, or those of `pixels`. The identity returns its input.

        Raises:
            ValueError: the array is not maps of that size and of those dtypes.
        """
        if maps.ndim != 2 or len(maps) != self.height * self.width or maps.dtype not in (np.float32, np.float64):
            raise ValueError(f"{maps.dtype} {maps.shape} is not ({self.height} * {self.width}, N) float32 or float64")
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
    def _sources(self) -> Coordinates:
        """(2, height * width) x and y that each output pixel comes from."""
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
        return _bilinear(self._wanted(self._sources), self.height, self.width)

    @cached_property
    def _single(self) -> Any:
        return _bilinear(self._wanted(self._sources), self.height, self.width).astype(np.float32)

    def _wanted(self, values: npt.NDArray[Any]) -> npt.NDArray[Any]:
        return values if self.pixels is None else values[..., self.pixels]


@dataclass(frozen=True, eq=False)
class Alignment:
    """A transform set and its inverses on maps of one size, at the pixels that count.

    A pixel counts only where it is in frame under every transform and under every inverse: the points that it comes
    from and goes to lie inside the map. A warp after a warp can still reach beyond by the one pixel of interpolation.

    Attributes:
        pixels: (outputs,) flat indices of the pixels that count, ascending.
        forward: `t_j` of each transform, computing those pixels.
        back: `t_j^-1` of each transform, computing those pixels.
    """

    pixels: Indices
    forward: tuple[MapWarp, ...]
    back: tuple[MapWarp, ...]


def align_maps(transforms: Sequence[Transform], height: int, width: int) -> Alignment | str:
    """Return the warps of a transform set on maps of one size, or why there are none.

    Args:
        transforms: in order.
        height: of the maps, in pixels.
        width: of the maps, in pixels.

    Returns:
        The alignment; or a reason that names a transform which is not geometric, has no inverse, or keeps the fewest
        pixels where the set leaves none.
    """
    forward = []
    for transform in transforms:
        warp = MapWarp.of(transform, height, width)
        if warp is None:
            return f"'{transform.name}' is no affine map of the image, so it has no counterpart on feature maps"
        if not warp.is_invertible:
            return f"'{transform.name}' has no inverse: it flattens the image"
        forward.append(warp)
    back = [warp.inverse() for warp in forward]
    common = np.ones(height * width, np.bool_)
    counts = []
    for warp, undone in zip(forward, back, strict=True):
        kept = warp.in_frame & undone.in_frame
        common &= kept
        counts.append(int(kept.sum()))
    if not common.any():
        least = int(np.argmin(counts))
        return (
            f"no pixel of {height} x {width} maps stays in frame under all transforms and their inverses; "
            f"'{transforms[least].name}' alone keeps {counts[least]} of {height * width}"
        )
    pixels = np.flatnonzero(common)
    return Alignment(pixels, tuple(warp.at(pixels) for warp in forward), tuple(warp.at(pixels) for warp in back))


def resample(images: Maps, height: int, width: int) -> Maps:
    """Return images in another size: the identity network, seen at the size of a layer's maps.

    What `skimage.transform.resize(order=1, mode="edge")` does, smoothed first along an axis that shrinks. It commutes
    with flips, and with quarter turns of square images, up to the rounding of sums.

    Args:
        images: (N, rows, columns) float32 or float64.
        height: wanted, in pixels.
        width: wanted, in pixels.

    Returns:
        (N, height, width) of the same dtype; the input itself where the size is the same.
    """
    if images.shape[1:] == (height, width):
        return images
    down = _resizing(images.shape[1], height).astype(images.dtype)
    across = _resizing(images.shape[2], width).astype(images.dtype)
    resized: Maps = down @ (images @ across.T)
    return resized


@lru_cache(maxsize=64)
def _resizing(size: int, wanted: int) -> npt.NDArray[np.float64]:
    """Return the (wanted, size) matrix that resizes a line of pixels."""
    from skimage.transform import resize  # scikit-image takes half a second to import

    matrix = resize(  # type: ignore[no-untyped-call]  # scikit-image annotates only some of its functions
        np.eye(size), (wanted, size), order=1, mode="edge", clip=False, preserve_range=True, anti_aliasing=wanted < size
    )
    # Rounding differs between the two ends of a line; the mean with the mirror image does not.
    mirrored: npt.NDArray[np.float64] = (matrix + matrix[::-1, ::-1]) / 2
    return mirrored


def _bilinear(points: Coordinates, height: int, width: int) -> Any:
    """Return the (outputs, height * width) sparse matrix that interpolates maps at points (2, outputs) of x and y."""
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
