"""Mirror images."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from onnxinv.transforms import register
from onnxinv.transforms.affine import Affine
from onnxinv.transforms.transform import IDENTITY, Family, Transform

SIGNS = {"horizontal": (-1.0, 1.0), "vertical": (1.0, -1.0), "both": (-1.0, -1.0)}
"""What a flip does to x and to y."""


@register("flip")
class Flip(Family):
    """Mirror images: left and right swapped (`horizontal`), top and bottom swapped (`vertical`), or both.

    Expands to the identity followed by the flip; `axis=both` expands to the identity, the horizontal flip, the vertical
    flip, and the two together (a half turn). Flips are exact.
    """

    axis: Literal["horizontal", "vertical", "both"] = Field(
        default="horizontal", description="horizontal (left and right swapped), vertical, or both for all four"
    )

    def expand(self) -> tuple[Transform, ...]:
        """Return the identity, then the flips."""
        flips = SIGNS if self.axis == "both" else {self.axis: SIGNS[self.axis]}
        mirrored = (
            Transform(f"flip {name}", {"flip": name}, (Affine(linear=((x, 0.0), (0.0, y))),))
            for name, (x, y) in flips.items()
        )
        return (Transform(IDENTITY, {"flip": "none"}), *mirrored)
