"""Images as JPEG leaves them."""

from __future__ import annotations

import io
from dataclasses import dataclass
from typing import Self

import numpy as np
from pydantic import Field, model_validator

from onnxinv.errors import UsageError
from onnxinv.transforms import register
from onnxinv.transforms.pixel_range import from_unit, known, to_unit
from onnxinv.transforms.transform import Context, Family, Image, Step, Transform

LONGEST_SIDE = 65_500
"""The JPEG library writes no larger image."""


@dataclass(frozen=True)
class Compress(Step):
    """The image rounded to 8 bits, written as JPEG of a quality, and read again; all in memory."""

    quality: int

    def apply(self, image: Image, context: Context) -> Image:
        """Return the image as it is read again; see `Step.apply`.

        Raises:
            UsageError: the image is neither grey nor of red, green and blue, is too large, or its range is not known.
        """
        if image.ndim != 3 or image.shape[2] not in (1, 3) or max(image.shape) > LONGEST_SIDE:
            raise UsageError(
                f"An image of shape {image.shape} cannot be written as JPEG: it takes 1 or 3 channels and at most "
                f"{LONGEST_SIDE:,} pixels a side.",
                "Leave 'jpeg' out for this model.",
            )
        value_range = known(context.value_range, "jpeg")
        stored = np.rint(to_unit(image, value_range) * 255).astype(np.uint8)

        import PIL.Image  # it is wanted for this one family alone

        # Pillow takes grey images without an axis for the channel.
        picture = PIL.Image.fromarray(stored[..., 0] if image.shape[2] == 1 else stored)
        file = io.BytesIO()
        picture.save(file, format="JPEG", quality=self.quality)
        with PIL.Image.open(file) as opened:
            read = np.asarray(opened, dtype=np.float64).reshape(image.shape)
        return from_unit(read / 255, value_range)


@register("jpeg")
class Jpeg(Family):
    """The image is rounded to 8 bits, compressed as JPEG with Pillow at some quality, and read again.

    Images of one channel or of red, green and blue, whose range of a pixel must be known. Colours are stored at half
    the resolution, as JPEG usually does.

    Expands to the qualities `linspace(min, max, steps)`, rounded to whole numbers. The identity is not among them: even
    the best quality changes pixels. There is no inverse.
    """

    steps: int = Field(default=5, ge=1, le=100, description="number of qualities")
    min: int = Field(default=10, ge=1, le=100, description="worst quality")
    max: int = Field(default=90, ge=1, le=100, description="best quality")

    @model_validator(mode="after")
    def _are_distinct(self) -> Self:
        if self.min > self.max:
            raise ValueError(f"min is {self.min}, above max, which is {self.max}")
        if self.steps > self.max - self.min + 1:
            raise ValueError(f"there are no {self.steps} whole qualities from {self.min} to {self.max}")
        return self

    def expand(self) -> tuple[Transform, ...]:
        """Return one transform a quality, the worst first."""
        qualities = [round(float(quality)) for quality in np.linspace(self.min, self.max, self.steps)]
        return tuple(Transform(f"jpeg {quality}", {"jpeg": quality}, (Compress(quality),)) for quality in qualities)
