"""Images with lighter or darker middle tones."""

from __future__ import annotations

from dataclasses import dataclass

from pydantic import Field

from onnxinv.errors import UsageError
from onnxinv.transforms import register
from onnxinv.transforms.levels import MOST_STEPS
from onnxinv.transforms.photometric import FactorFamily
from onnxinv.transforms.pixel_range import from_unit, to_unit
from onnxinv.transforms.transform import Context, Image, Step, Transform


@dataclass(frozen=True)
class Power(Step):
    """Every value, as a share of the range of a pixel, to the power of an exponent."""

    exponent: float

    def apply(self, image: Image, context: Context) -> Image:
        """Return the image to the power of the exponent; see `Step.apply`.

        Raises:
            UsageError: the range of a pixel is not known, and a value is negative.
        """
        if context.value_range is not None:
            return from_unit(to_unit(image, context.value_range) ** self.exponent, context.value_range)
        if image.min() < 0:
            raise UsageError(
                f"'gamma' takes powers, and a pixel has the negative value {image.min():.6g}.",
                "Store the images as uint8 or uint16, or as floats from 0.",
            )
        powers: Image = image**self.exponent
        return powers

    def inverse(self) -> Power:
        """Return the power of one over the exponent."""
        return Power(1 / self.exponent)


@register("gamma")
class Gamma(FactorFamily):
    """Every value `x` becomes `x ** gamma`, `x` being scaled to 0..1 and back where the range of a pixel is known.

    Where it is not known, the power is that of the value as it is, and negative values are refused. An exponent below 1
    lightens the middle tones, one above 1 darkens them; black and white stay.

    Expands to the exponents `linspace(min, max, steps)`; the exponent 1 is the identity. The inverse is the power of
    `1 / gamma`.
    """

    steps: int = Field(default=7, ge=1, le=MOST_STEPS, description="number of exponents")
    min: float = Field(default=0.5, ge=0.01, le=100, description="smallest exponent")
    max: float = Field(default=2, ge=0.01, le=100, description="largest exponent")

    def expand(self) -> tuple[Transform, ...]:
        """Return one transform an exponent, the smallest first."""
        return self.factors("gamma")

    def step(self, factor: float) -> Step:
        """Return the step for one exponent other than 1."""
        return Power(factor)
