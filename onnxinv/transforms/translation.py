"""Shifts by fractions of the image's size, in eight directions."""

from __future__ import annotations

from itertools import product

from pydantic import Field

from onnxinv.transforms import register
from onnxinv.transforms.affine import AffineFamily
from onnxinv.transforms.levels import MOST_STEPS, evenly, short
from onnxinv.transforms.transform import Transform

DIRECTIONS = [(dx, dy) for dy, dx in product((-1, 0, 1), repeat=2) if (dx, dy) != (0, 0)]
"""The eight neighbours of a pixel in reading order: (x, y), x to the right and y down."""


@register("translation")
class Translation(AffineFamily):
    """Shifts along the rows, the columns and the diagonals; positive x moves right, positive y moves down.

    Expands to the identity followed by the magnitudes `linspace(0, max, steps + 1)[1:]`, each in eight directions:
    `8 steps + 1` transforms. A magnitude is a fraction of the width for x and of the height for y. Shifts by whole
    pixels are exact; others are bilinear.

    Source: the translations of Quiroga et al., *Invariance Measures for Neural Networks* (arXiv 2310.17404).
    """

    steps: int = Field(default=3, ge=1, le=MOST_STEPS, description="number of magnitudes")
    max: float = Field(default=0.15, gt=0, le=1, description="largest shift as a fraction of the image's size")

    def expand(self) -> tuple[Transform, ...]:
        """Return the identity, then eight shifts a magnitude, the smallest magnitude first."""
        shifts = [(0.0, 0.0)]
        for size in evenly(0, self.max, self.steps + 1)[1:]:
            shifts += [(dx * size + 0.0, dy * size + 0.0) for dx, dy in DIRECTIONS]
        return tuple(self._shifted(x, y) for x, y in shifts)

    def _shifted(self, x: float, y: float) -> Transform:
        name = f"translation x{short(x)} y{short(y)}"
        return self.transform(name, {"translation_x": x, "translation_y": y}, offset=((x, 0.0), (0.0, y)))
