"""Shears along the rows or along the columns."""

from __future__ import annotations

import math
from typing import Literal

from pydantic import Field

from onnxinv.transforms import register
from onnxinv.transforms.affine import AffineFamily
from onnxinv.transforms.levels import MOST_STEPS, angles_within, short
from onnxinv.transforms.transform import Transform


@register("shear")
class Shear(AffineFamily):
    """Shears about the image centre: rows slide sideways (`axis=x`) or columns slide up and down (`axis=y`).

    Expands to the angles `linspace(-degrees/2, degrees/2, steps)`, with the identity in the middle where `steps` is
    odd. A positive angle leans the top to the right (`x' = x - tan(angle) y`, y down) or lifts the right-hand side
    (`y' = y - tan(angle) x`).
    """

    steps: int = Field(default=9, ge=1, le=MOST_STEPS, description="number of angles")
    degrees: float = Field(default=60, gt=0, lt=180, description="whole range of the angles in degrees, below 180")
    axis: Literal["x", "y"] = Field(default="x", description="what the pixels move along: x (sideways) or y")

    def expand(self) -> tuple[Transform, ...]:
        """Return one shear an angle, in order of the angle."""
        return tuple(self._slanted(angle) for angle in angles_within(self.degrees, self.steps))

    def _slanted(self, angle: float) -> Transform:
        slope = 0.0 - math.tan(math.radians(angle))
        linear = ((1.0, slope), (0.0, 1.0)) if self.axis == "x" else ((1.0, 0.0), (slope, 1.0))
        return self.transform(f"shear {self.axis}{short(angle)}", {f"shear_{self.axis}": angle}, linear=linear)
