"""Brighter and darker images."""

from __future__ import annotations

from dataclasses import dataclass

from onnxinv.transforms import register
from onnxinv.transforms.photometric import FactorFamily, clipped
from onnxinv.transforms.transform import Context, Image, Step, Transform


@dataclass(frozen=True)
class Brighten(Step):
    """Every value times a factor, held within the values a pixel can have."""

    factor: float

    def apply(self, image: Image, context: Context) -> Image:
        """Return the image times the factor; see `Step.apply`."""
        return clipped(image * self.factor, context.value_range)


@register("brightness")
class Brightness(FactorFamily):
    """Every value `x` becomes `factor * x`, clipped to the values a pixel can have where those are known.

    Expands to the factors `linspace(min, max, steps)`; the factor 1 is the identity, 0 is black.
    """

    def expand(self) -> tuple[Transform, ...]:
        """Return one transform a factor, the smallest first."""
        return self.factors("brightness")

    def step(self, factor: float) -> Step:
        """Return the step for one factor other than 1."""
        return Brighten(factor)
