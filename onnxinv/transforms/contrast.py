"""Images of higher and lower contrast."""

from __future__ import annotations

from dataclasses import dataclass

from onnxinv.transforms import register
from onnxinv.transforms.photometric import FactorFamily, clipped
from onnxinv.transforms.transform import Context, Image, Step, Transform


@dataclass(frozen=True)
class Stretch(Step):
    """Every value's distance from the image's mean times a factor, held within the values a pixel can have."""

    factor: float

    def apply(self, image: Image, context: Context) -> Image:
        """Return the stretched image; see `Step.apply`."""
        mean = float(image.mean())
        return clipped(mean + self.factor * (image - mean), context.value_range)


@register("contrast")
class Contrast(FactorFamily):
    """Every value `x` becomes `mean + factor * (x - mean)`, clipped to the values a pixel can have where known.

    The mean is one number, over all pixels and channels of the image before the change. Expands to the factors
    `linspace(min, max, steps)`; the factor 1 is the identity, 0 is an even grey.
    """

    def expand(self) -> tuple[Transform, ...]:
        """Return one transform a factor, the smallest first."""
        return self.factors("contrast")

    def step(self, factor: float) -> Step:
        """Return the step for one factor other than 1."""
        return Stretch(factor)
