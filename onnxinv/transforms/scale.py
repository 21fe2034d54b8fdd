"""Magnifications and reductions about the image centre."""

from __future__ import annotations

from pydantic import Field

from onnxinv.transforms import register
from onnxinv.transforms.affine import AffineFamily
from onnxinv.transforms.levels import MOST_STEPS, evenly, short
from onnxinv.transforms.transform import Transform


@register("scale")
class Scale(AffineFamily):
    """Scalings about the image centre of the height, of the width, and of both; a factor above 1 magnifies.

    Expands to the identity followed by the factors `linspace(min, 1, steps, endpoint=False)` and
    `linspace(1, max, steps + 1)[1:]`, each as (x, y) = (1, s), (s, 1) and (s, s): `6 steps + 1` transforms.

    Source: the scalings of Quiroga et al., *Invariance Measures for Neural Networks* (arXiv 2310.17404).
    """

    steps: int = Field(default=4, ge=1, le=MOST_STEPS, description="number of factors below 1, and of factors above 1")
    min: float = Field(default=0.5, ge=0.01, lt=1, description="smallest factor, below 1")
    max: float = Field(default=1.25, gt=1, le=100, description="largest factor, above 1")

    def expand(self) -> tuple[Transform, ...]:
        """Return the identity, the reductions from the smallest, then the magnifications to the largest."""
        factors = [*evenly(self.min, 1, self.steps + 1)[:-1], *evenly(1, self.max, self.steps + 1)[1:]]
        pairs = [(1.0, 1.0), *(pair for s in factors for pair in ((1.0, s), (s, 1.0), (s, s)))]
        return tuple(self._scaled(x, y) for x, y in pairs)

    def _scaled(self, x: float, y: float) -> Transform:
        name = f"scale x{short(x)} y{short(y)}"
        return self.transform(name, {"scale_x": x, "scale_y": y}, linear=((x, 0.0), (0.0, y)))
