"""Images out of focus."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from pydantic import Field

from onnxinv.transforms import register
from onnxinv.transforms.levels import MOST_STEPS
from onnxinv.transforms.strength import StrengthFamily
from onnxinv.transforms.transform import Context, Image, Step, Transform


@dataclass(frozen=True)
class Smooth(Step):
    """Every channel smoothed with a Gaussian of `sigma` pixels; the pixels of the edge go on outside."""

    sigma: float

    def apply(self, image: Image, context: Context) -> Image:
        """Return the blurred image; see `Step.apply`."""
        from skimage.filters import gaussian  # scikit-image takes half a second to import

        blurred: Image = gaussian(  # type: ignore[no-untyped-call]  # scikit-image annotates only some of its functions
            image, sigma=self.sigma, mode="nearest", preserve_range=True, channel_axis=-1
        )
        # A mean of pixels lies between them, but for the rounding of its weights.
        return np.clip(blurred, image.min(), image.max())


@register("blur")
class Blur(StrengthFamily):
    """A Gaussian blur of every channel, with scikit-image; the pixels of the edge go on outside of the image.

    Expands to the identity followed by the widths (sigma, in pixels) `linspace(0, max, steps + 1)[1:]`: `steps + 1`
    transforms. There is no inverse.
    """

    steps: int = Field(default=4, ge=1, le=MOST_STEPS, description="number of widths above 0")
    max: float = Field(default=2, ge=0.1, le=100, description="largest sigma of the Gaussian, in pixels")

    def expand(self) -> tuple[Transform, ...]:
        """Return the identity, then one transform a width, the smallest first."""
        return self.strengths("blur", "blur")

    def step(self, strength: float) -> Step:
        """Return the step for one width above 0."""
        return Smooth(strength)
