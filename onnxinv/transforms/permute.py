"""Samples in another order along one axis."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import ClassVar

import numpy as np
import numpy.typing as npt
from pydantic import Field

from onnxinv.transforms import register
from onnxinv.transforms.levels import MOST_STEPS
from onnxinv.transforms.one_axis import MOST_AXES, size_along
from onnxinv.transforms.transform import IDENTITY, Context, Family, Image, Step, Transform


@dataclass(frozen=True)
class Shuffle(Step):
    """A random order along an axis, or the way back from it.

    Attributes:
        axis: of the sample, without the batch axis.
        back: whether the order is undone.
    """

    needs_image: ClassVar[bool] = False

    axis: int
    back: bool = False

    def apply(self, image: Image, context: Context) -> Image:
        """Return the sample (of any shape) in another order; see `Step.apply`.

        Raises:
            UsageError: the sample has no such axis, or there is nothing to permute along it.
        """
        size = size_along(image, self.axis, "permute")
        order = _other_order(context.generator(f"permute {self.axis}"), size)
        return np.take(image, np.argsort(order) if self.back else order, axis=self.axis)

    def inverse(self) -> Shuffle:
        """Return the way back; under the same seed, sample and transform it draws the same order."""
        return replace(self, back=not self.back)


@register("permute")
class Permute(Family):
    """The slices along one axis are put in a random order; for samples of any shape.

    An order is drawn, from all but the original one, by the run's seed, the sample and the transform: it is the same in
    every run, and another one for every sample and transform.

    Expands to the identity followed by `steps` permutations: `steps + 1` transforms. The inverse restores the order.
    """

    axis: int = Field(
        default=0, ge=-MOST_AXES, lt=MOST_AXES, description="axis of the sample without its batch axis, -1 the last"
    )
    steps: int = Field(default=8, ge=1, le=MOST_STEPS, description="number of permutations")

    def expand(self) -> tuple[Transform, ...]:
        """Return the identity, then the permutations, which are numbered from 1."""
        permuted = (
            Transform(f"permute {number}", {"permute": number}, (Shuffle(self.axis),))
            for number in range(1, self.steps + 1)
        )
        return (Transform(IDENTITY, {"permute": 0}), *permuted)


def _other_order(generator: np.random.Generator, size: int) -> npt.NDArray[np.int64]:
    """Return a permutation of 0..size-1, each but the identity with the same probability."""
    while True:
        order = generator.permutation(size)
        if (order[1:] < order[:-1]).any():
            return order
