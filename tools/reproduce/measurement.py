"""One measurement by onnxinv of one trained network, at one point of its training."""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass

from tools.reproduce.recipe import Recipe, readable

NORMALIZED_VARIANCE = "normalized-variance"

COMPARED = (NORMALIZED_VARIANCE, "variance-shares", "normalized-distance", "anova", "goodfellow", "firing-ratio")
"""The measures whose sensitivity is compared."""


@dataclass(frozen=True)
class Measurement:
    """What is measured, and how.

    Attributes:
        recipe: of the network.
        transforms: set in onnxinv's grammar.
        samples: how many held-out images.
        measures: in onnxinv's grammar.
        percent: of the training, a member of `CHECKPOINTS`.
        stratify: whether class by class.
    """

    recipe: Recipe
    transforms: str
    samples: int
    measures: tuple[str, ...] = (NORMALIZED_VARIANCE,)
    percent: int = 100
    stratify: bool = False

    @property
    def key(self) -> str:
        """Name of the folder: readable, and different for everything that differs."""
        told = {**asdict(self), "recipe": self.recipe.key}
        digest = hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()[:8]
        return f"{self.recipe.key}-at{self.percent:03d}-{readable(self.transforms)}-{digest}"
