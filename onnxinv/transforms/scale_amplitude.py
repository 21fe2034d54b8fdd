"""Louder and softer signals."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from pydantic import Field

from onnxinv.transforms import register
from onnxinv.transforms.levels import MOST_STEPS
from onnxinv.transforms.photometric import FactorFamily
from onnxinv.transforms.transform import Context, Image, Step, Transform


@dataclass(frozen=True)
class Amplify(Step):
    """Every value times a factor."""

    needs_image: ClassVar[bool] = False

    factor: float

    def apply(self, image: Image, context: Context) -> Image:
        """Return the sample (of any shape) times the factor; see `Step.apply`."""
        return image * self.factor

    def inverse(self) -> Amplify:
        """Return the multiplication with one over the factor."""
        return Amplify(1 / self.factor)


@register("scale-amplitude")
class ScaleAmplitude(FactorFamily):
    """Every value `x` becomes `factor * x`, without clipping; for samples of any shape.

    Expands to the factors `linspace(min, max, steps)`; the factor 1 is the identity. The inverse is the multiplication
    with one over the factor.
    """

    steps: int = Field(default=7, ge=1, le=MOST_STEPS, description="number of factors")
    min: float = Field(default=0.5, ge=0.001, le=1000, description="smallest factor")
    max: float = Field(default=2, ge=0.001, le=1000, description="largest factor")

    def expand(self) -> tuple[Transform, ...]:
        """Return one transform a factor, the smallest first."""
        return self.factors("amplitude")

    def step(self, factor: float) -> Step:
        """Return the step for one factor other than 1."""
        return Amplify(factor)
