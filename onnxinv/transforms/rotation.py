"""Rotations about the image centre."""

from __future__ import annotations

import math

from pydantic import Field

from onnxinv.transforms import register
from onnxinv.transforms.affine import AffineFamily
from onnxinv.transforms.levels import MOST_STEPS, angles_of, short
from onnxinv.transforms.transform import Transform


@register("rotation")
class Rotation(AffineFamily):
    """Rotations about the image centre, counter-clockwise as displayed (as `numpy.rot90`).

    `degrees=360` expands to the angles `i * 360 / steps`, the identity first. Less expands to
    `linspace(-degrees/2, degrees/2, steps)`, with the identity in the middle where `steps` is odd. Quarter turns of
    square images and half turns of any are exact; other angles are bilinear.

    Source: the rotations of Quiroga et al., *Invariance Measures for Neural Networks* (arXiv 2310.17404).
    """

    steps: int = Field(default=16, ge=1, le=MOST_STEPS, description="number of angles")
    degrees: float = Field(default=360, gt=0, le=360, description="whole range of the angles in degrees")

    def expand(self) -> tuple[Transform, ...]:
        """Return one rotation an angle, in order of the angle."""
        return tuple(self._turn(angle) for angle in angles_of(self.degrees, self.steps))

    def _turn(self, angle: float) -> Transform:
        cosine, sine = _cosine_and_sine(angle)
        # y points down, hence the signs.
        return self.transform(f"rotation {short(angle)}", {"rotation": angle}, linear=((cosine, sine), (-sine, cosine)))


def _cosine_and_sine(degrees: float) -> tuple[float, float]:
    # In radians a quarter turn is inexact, and its cosine 6e-17.
    if degrees % 90 == 0:
        return ((1.0, 0.0), (0.0, 1.0), (-1.0, 0.0), (0.0, -1.0))[int(degrees // 90) % 4]
    return math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
