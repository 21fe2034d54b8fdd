"""What families that change pixel values share: a range of factors around 1, and clipping to the range of a pixel."""

from __future__ import annotations

from abc import abstractmethod
from typing import Self

import numpy as np
from pydantic import Field, model_validator

from onnxinv.transforms.levels import MOST_STEPS, evenly, short
from onnxinv.transforms.transform import IDENTITY, Family, Image, Step, Transform


class FactorFamily(Family):
    """A family whose one number is a factor; the factor 1 is the identity."""

    steps: int = Field(default=9, ge=1, le=MOST_STEPS, description="number of factors")
    min: float = Field(default=0.5, ge=0, le=1000, description="smallest factor")
    max: float = Field(default=1.5, ge=0, le=1000, description="largest factor")

    @model_validator(mode="after")
    def _in_order(self) -> Self:
        if self.min > self.max:
            raise ValueError(f"min is {short(self.min)}, above max, which is {short(self.max)}")
        if self.min == self.max and self.steps > 1:
            raise ValueError(f"min and max are both {short(self.min)}, so {self.steps} steps would all be the same")
        return self

    @abstractmethod
    def step(self, factor: float) -> Step:
        """Return the step for one factor other than 1."""

    def factors(self, name: str) -> tuple[Transform, ...]:
        """Return one transform a factor of `linspace(min, max, steps)`, named `<name> <factor>`."""
        return tuple(
            Transform(IDENTITY, {name: factor})
            if factor == 1
            else Transform(f"{name} {short(factor)}", {name: factor}, (self.step(factor),))
            for factor in evenly(self.min, self.max, self.steps)
        )


def clipped(image: Image, value_range: tuple[float, float] | None) -> Image:
    """Return the image held within the values a pixel can have, as it is where those are not known."""
    return image if value_range is None else np.clip(image, *value_range)
