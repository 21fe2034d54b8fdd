"""The affine step: any product of rotations, scalings, shears, shifts and flips is one matrix and one warp."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import lru_cache
from typing import Annotated, Literal

import numpy as np
import numpy.typing as npt
from pydantic import BeforeValidator, Field

from onnxinv.errors import UsageError
from onnxinv.transforms.gather import Gather
from onnxinv.transforms.transform import IDENTITY, Context, Family, Image, Parameter, Step, Transform

Matrix = npt.NDArray[np.float64]
Square = tuple[tuple[float, float], tuple[float, float]]

UNIT: Square = ((1.0, 0.0), (0.0, 1.0))
ZERO: Square = ((0.0, 0.0), (0.0, 0.0))

LINEAR_NOISE = 1e-12
"""A matrix entry this close to a whole number is that number: products of rotations leave a few 1e-16."""

PIXEL_NOISE = 1e-9
"""An offset in pixels this close to a whole number is that number: a fraction times a size leaves about 1e-14."""


def _read_fill(value: object) -> object:
    if value == "edge":
        return value
    try:
        number = float(str(value))
    except ValueError:
        number = math.nan
    if not math.isfinite(number):
        raise ValueError("must be a finite number or 'edge'")
    return number


Fill = Annotated[float | Literal["edge"], BeforeValidator(_read_fill)]


@dataclass(frozen=True)
class Affine(Step):
    """An affine map about the image centre, `p' = linear p + offset (width, height)`, applied in one warp.

    Points are (x, y) in pixels from the image centre `(size - 1) / 2`, x to the right and y down. The offset is a
    matrix because shifts are fractions of the image's size and a size is only known once there is an image: a shift by
    (dx, dy) has the offset ((dx, 0), (0, dy)), and maps that follow the shift mix the two.

    Bilinear interpolation is scikit-image's. A map that takes pixels to pixels (a quarter turn of a square image, a
    flip, a shift by whole pixels) is done by indexing, bit for bit.

    Attributes:
        linear: rows of the 2x2 matrix.
        offset: rows of the 2x2 matrix.
        fill: what pixels from outside the image are: a value in pixel space, or `edge` for the nearest pixel inside.
    """

    linear: Square = UNIT
    offset: Square = ZERO
    fill: float | Literal["edge"] = 0.0

    @property
    def is_identity(self) -> bool:
        """Whether the map is the identity for images of every size."""
        return self.linear == UNIT and self.offset == ZERO

    def apply(self, image: Image, context: Context) -> Image:
        """Return the warped image; see `Step.apply`.

        Raises:
            UsageError: the array is not an image of (height, width, channels).
        """
        if image.ndim != 3 or 0 in image.shape:
            raise UsageError(
                f"A sample of shape {image.shape} cannot be rotated, scaled, shifted or flipped: it is no image.",
                "Images are (height, width, channels).",
            )
        if self.is_identity:
            return image
        route = _route(self, image.shape[0], image.shape[1])
        if isinstance(route, Gather):
            return route.apply(image, None if self.fill == "edge" else self.fill)

        from skimage.transform import warp  # scikit-image takes half a second to import

        outside = {"mode": "edge"} if self.fill == "edge" else {"mode": "constant", "cval": self.fill}
        # scikit-image refuses read-only arrays, which memory-mapped samples are.
        source = image if image.flags.writeable else image.copy()
        warped: Image = warp(  # type: ignore[no-untyped-call]  # scikit-image annotates only some of its functions
            source, route, order=1, clip=False, preserve_range=True, **outside
        )
        return warped

    def then(self, following: Step) -> Step | None:
        """Return the product with a following affine step, or None where the two fill differently.

        A flip or a half turn uncovers nothing, so it takes the fill of the other.
        """
        if not isinstance(following, Affine):
            return None
        if self.fill != following.fill and not (self.uncovers_nothing or following.uncovers_nothing):
            return None
        outer = np.array(following.linear)
        return Affine(
            linear=_square(outer @ np.array(self.linear)),
            offset=_square(outer @ np.array(self.offset) + np.array(following.offset)),
            fill=following.fill if self.uncovers_nothing else self.fill,
        )

    def inverse(self) -> Affine:
        """Return the inverse map; what this one moved out of the frame stays lost."""
        linear = np.linalg.inv(np.array(self.linear))
        return Affine(_square(linear), _square(-linear @ np.array(self.offset)), self.fill)

    @property
    def uncovers_nothing(self) -> bool:
        """Whether every image is mapped onto its own frame: flips and half turns, without a shift."""
        (a, b), (c, d) = self.linear
        return self.offset == ZERO and abs(a) == abs(d) == 1 and b == c == 0

    def pixel_matrix(self, height: int, width: int) -> Matrix:
        """Return the map for images of one size, in pixel coordinates.

        Returns:
            3x3 matrix from input (x, y, 1) to output (x, y, 1), the origin in the middle of the top left pixel;
            entries within rounding noise of a whole number are that number.
        """
        linear = np.array(self.linear)
        centre = np.array([(width - 1) / 2, (height - 1) / 2])
        shift = np.array(self.offset) @ np.array([width, height])
        matrix = np.eye(3)
        matrix[:2, :2] = linear
        matrix[:2, 2] = _settled(centre - linear @ centre + shift, PIXEL_NOISE)
        return matrix


class AffineFamily(Family):
    """A family of affine maps, which share how pixels from outside the image are filled."""

    fill: Fill = Field(
        default=0.0,
        description="value of pixels that come from outside the image, or 'edge' for the nearest pixel inside",
    )

    def transform(
        self, name: str, parameters: dict[str, Parameter], linear: Square = UNIT, offset: Square = ZERO
    ) -> Transform:
        """Return the transform of one affine map; the identity is named so and has no steps."""
        step = Affine(linear, offset, self.fill)
        if step.is_identity:
            return Transform(IDENTITY, parameters)
        return Transform(name, parameters, (step,))


@lru_cache(maxsize=8192)
def _route(affine: Affine, height: int, width: int) -> Gather | Matrix:
    matrix = affine.pixel_matrix(height, width)
    gather = Gather.of(matrix, height, width)
    return np.asarray(np.linalg.inv(matrix), dtype=np.float64) if gather is None else gather


def _settled(values: Matrix, noise: float) -> Matrix:
    # Adding 0.0 turns -0.0 into 0.0.
    whole = np.round(values) + 0.0
    return np.where(np.abs(values - whole) <= noise, whole, values)


def _square(matrix: Matrix) -> Square:
    (a, b), (c, d) = _settled(matrix, LINEAR_NOISE).tolist()
    return ((a, b), (c, d))
