"""Signals under Gaussian noise."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from pydantic import Field

from onnxinv.transforms import register
from onnxinv.transforms.levels import MOST_STEPS
from onnxinv.transforms.strength import StrengthFamily
from onnxinv.transforms.transform import Context, Image, Step, Transform


@dataclass(frozen=True)
class AddRelativeNoise(Step):
    """Every value plus a random number.

    Attributes:
        deviation: standard deviation of the random numbers, as a share of the sample's root mean square.
    """

    needs_image: ClassVar[bool] = False

    deviation: float

    def apply(self, image: Image, context: Context) -> Image:
        """Return the noisy sample (of any shape); see `Step.apply`."""
        # Divided first, so that large values do not overflow when they are squared.
        largest = float(np.abs(image).max(initial=0))
        rms = largest * float(np.sqrt(np.mean((image / largest) ** 2))) if largest else 0.0
        noise = context.generator(f"additive-noise {self.deviation}").standard_normal(image.shape)
        return image + self.deviation * rms * noise


@register("additive-noise")
class AdditiveNoise(StrengthFamily):
    """Gaussian noise is added to every value, without clipping; for samples of any shape.

    The deviation is a share of the sample's root mean square: 0.1 is a signal-to-noise ratio of 20 dB. A sample of
    zeros stays so. The noise is seeded by the run's seed, the sample and the transform: it is the same in every run,
    and another one for every sample and deviation.

    Expands to the identity followed by the deviations `linspace(0, max, steps + 1)[1:]`: `steps + 1` transforms. There
    is no inverse.
    """

    steps: int = Field(default=4, ge=1, le=MOST_STEPS, description="number of deviations above 0")
    max: float = Field(
        default=0.4, ge=1e-6, le=1000, description="largest standard deviation, 1 is the sample's root mean square"
    )

    def expand(self) -> tuple[Transform, ...]:
        """Return the identity, then one transform a deviation, the smallest first."""
        return self.strengths("additive-noise", "additive_noise")

    def step(self, strength: float) -> Step:
        """Return the step for one deviation above 0."""
        return AddRelativeNoise(strength)
