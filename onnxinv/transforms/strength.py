"""What families share that start from nothing: a range of strengths from 0, the identity, upwards."""

from __future__ import annotations

from abc import abstractmethod

from pydantic import Field

from onnxinv.transforms.levels import MOST_STEPS, evenly, short
from onnxinv.transforms.transform import IDENTITY, Family, Step, Transform


class StrengthFamily(Family):
    """A family whose one number is a strength; the strength 0 is the identity."""

    steps: int = Field(default=4, ge=1, le=MOST_STEPS, description="number of strengths above 0")
    max: float = Field(default=1, ge=1e-6, description="largest strength")

    @abstractmethod
    def step(self, strength: float) -> Step:
        """Return the step for one strength above 0."""

    def strengths(self, name: str, key: str) -> tuple[Transform, ...]:
        """Return the identity, then one transform a strength of `linspace(0, max, steps + 1)[1:]`.

        Args:
            name: of the transforms, which the strength follows.
            key: of the strength among the parameters.
        """
        above = evenly(0, self.max, self.steps + 1)[1:]
        changed = (
            Transform(f"{name} {short(strength)}", {key: strength}, (self.step(strength),)) for strength in above
        )
        return (Transform(IDENTITY, {key: 0.0}), *changed)
