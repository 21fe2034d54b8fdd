"""Images whose colours are turned around the colour circle."""

from __future__ import annotations

from dataclasses import dataclass
from typing import ClassVar

from pydantic import Field

from onnxinv.transforms import register
from onnxinv.transforms.color import ColorStep
from onnxinv.transforms.levels import MOST_STEPS, angles_of, short
from onnxinv.transforms.transform import IDENTITY, Family, Image, Transform


@dataclass(frozen=True)
class TurnHue(ColorStep):
    """The hue of every pixel turned by an angle in degrees."""

    family: ClassVar[str] = "hue"

    degrees: float

    def change(self, hue: Image, saturation: Image) -> tuple[Image, Image]:
        """Return the turned hue, and the saturation as it is."""
        return hue + self.degrees / 360, saturation

    def inverse(self) -> TurnHue:
        """Return the turn back."""
        return TurnHue(-self.degrees)


@register("hue")
class Hue(Family):
    """The hue of every pixel turned by an angle around the colour circle; 120 degrees takes red to green.

    Saturation and value (of the HSV model) stay, and greys are left as they are. Images of red, green and blue alone,
    whose range of a pixel must be known.

    `degrees=360` expands to the angles `i * 360 / steps`, the identity first. Less expands to
    `linspace(-degrees/2, degrees/2, steps)`, with the identity in the middle where `steps` is odd. The inverse is the
    turn back.
    """

    steps: int = Field(default=9, ge=1, le=MOST_STEPS, description="number of angles")
    degrees: float = Field(default=60, gt=0, le=360, description="whole range of the angles in degrees")

    def expand(self) -> tuple[Transform, ...]:
        """Return one transform an angle, in order of the angle."""
        return tuple(
            Transform(f"hue {short(angle)}", {"hue": angle}, (TurnHue(angle),))
            if angle
            else Transform(IDENTITY, {"hue": angle})
            for angle in angles_of(self.degrees, self.steps)
        )
