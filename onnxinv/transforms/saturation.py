"""Images of stronger and weaker colours."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from pydantic import Field

from onnxinv.transforms import register
from onnxinv.transforms.color import ColorStep
from onnxinv.transforms.photometric import FactorFamily
from onnxinv.transforms.transform import Image, Step, Transform


@dataclass(frozen=True)
class Saturate(ColorStep):
    """The saturation of every pixel times a factor."""

    family: ClassVar[str] = "saturation"

    factor: float

    def change(self, hue: Image, saturation: Image) -> tuple[Image, Image]:
        """Return the hue as it is, and the saturation times the factor."""
        return hue, saturation * self.factor


@register("saturation")
class Saturation(FactorFamily):
    """The saturation of every pixel times a factor, clipped to full colours; hue and value (of the HSV model) stay.

    Images of red, green and blue alone, whose range of a pixel must be known. Expands to the factors
    `linspace(min, max, steps)`; the factor 1 is the identity, 0 is grey. There is no inverse: colours are clipped.
    """

    min: float = Field(default=0, ge=0, le=1000, description="smallest factor")
    max: float = Field(default=2, ge=0, le=1000, description="largest factor")

    def expand(self) -> tuple[Transform, ...]:
        """Return one transform a factor, the smallest first."""
        return self.factors("saturation")

    def step(self, factor: float) -> Step:
        """Return the step for one factor other than 1."""
        return Saturate(factor)
