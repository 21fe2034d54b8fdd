"""Images under Gaussian noise."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from pydantic import Field

from onnxinv.transforms import register
from onnxinv.transforms.levels import MOST_STEPS
from onnxinv.transforms.pixel_range import known
from onnxinv.transforms.strength import StrengthFamily
from onnxinv.transforms.transform import Context, Image, Step, Transform


@dataclass(frozen=True)
class AddNoise(Step):
    """Every value plus a random number, held within the values a pixel can have.

    Attributes:
        deviation: standard deviation of the random numbers, as a share of the range of a pixel.
    """

    deviation: float

    def apply(self, image: Image, context: Context) -> Image:
        """Return the noisy image; see `Step.apply`.

        Raises:
            UsageError: the range of a pixel is not known.
        """
        low, high = known(context.value_range, "noise")
        noise = context.generator(f"noise {self.deviation}").standard_normal(image.shape)
        return np.clip(image + self.deviation * (high - low) * noise, low, high)


@register("noise")
class Noise(StrengthFamily):
    """Gaussian noise, drawn for every pixel and channel, is added, and the sum clipped to the range of a pixel.

    The deviation is a share of that range, which must be known. The noise is seeded by the run's seed, the sample and
    the transform: it is the same in every run, and another one for every sample and deviation.

    Expands to the identity followed by the deviations `linspace(0, max, steps + 1)[1:]`: `steps + 1` transforms. There
    is no inverse.
    """

    steps: int = Field(default=4, ge=1, le=MOST_STEPS, description="number of deviations above 0")
    max: float = Field(default=0.2, ge=1e-6, le=10, description="largest standard deviation, 1 is the range of a pixel")

    def expand(self) -> tuple[Transform, ...]:
        """Return the identity, then one transform a deviation, the smallest first."""
        return self.strengths("noise", "noise")

    def step(self, strength: float) -> Step:
        """Return the step for one deviation above 0."""
        return AddNoise(strength)
