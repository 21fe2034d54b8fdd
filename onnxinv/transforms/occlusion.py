"""Images with a square patch covered."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import product
from typing import Literal

import numpy as np
from pydantic import Field

from onnxinv.errors import UsageError
from onnxinv.transforms import register
from onnxinv.transforms.transform import IDENTITY, Context, Family, Image, Step, Transform


@dataclass(frozen=True)
class Cover(Step):
    """One square of a grid of squares covered.

    Attributes:
        size: side of the square, as a share of the image's shorter side.
        row: of the grid, from 0 at the top.
        column: of the grid, from 0 on the left.
        steps: rows, and columns, of the grid.
        fill: what the square is filled with: a value in pixel space, or `mean` for the mean of each channel.
    """

    size: float
    row: int
    column: int
    steps: int
    fill: float | Literal["mean"]

    def apply(self, image: Image, context: Context) -> Image:
        """Return the image with the square covered; see `Step.apply`.

        Raises:
            UsageError: the image is so small that squares of the grid would be one and the same.
        """
        height, width = image.shape[:2]
        side = max(1, round(self.size * min(height, width)))
        if min(height, width) - side < self.steps - 1:
            raise UsageError(
                f"An image of {height} x {width} pixels has no room for {self.steps} different squares of {side} "
                "pixels a side.",
                "Make occlusion's steps or size smaller.",
            )
        top, left = _start(self.row, self.steps, height - side), _start(self.column, self.steps, width - side)
        covered = image.copy()
        covered[top : top + side, left : left + side] = image.mean(axis=(0, 1)) if self.fill == "mean" else self.fill
        return covered


@register("occlusion")
class Occlusion(Family):
    """A square patch of the image is covered, at every place of a grid that reaches from edge to edge.

    Patches overlap where `size` times `steps` is more than 1, and leave gaps where it is less. One step is a patch in
    the middle.

    Expands to the identity followed by the places, row by row from the top left: `steps ** 2 + 1` transforms. There is
    no inverse.
    """

    size: float = Field(default=0.25, gt=0, le=1, description="side of the patch, as a share of the shorter side")
    steps: int = Field(default=4, ge=1, le=100, description="places along each side of the image")
    fill: float | Literal["mean"] = Field(
        default=0.0, description="value of covered pixels, or 'mean' for the mean of each channel"
    )

    def expand(self) -> tuple[Transform, ...]:
        """Return the identity, then one transform a place; rows and columns are counted from 1, the identity has 0."""
        places = product(range(self.steps), repeat=2)
        covered = (_transform(Cover(self.size, row, column, self.steps, self.fill)) for row, column in places)
        return (_transform(), *covered)


def _transform(step: Cover | None = None) -> Transform:
    if step is None:
        return Transform(IDENTITY, {"occlusion_row": 0, "occlusion_column": 0})
    row, column = step.row + 1, step.column + 1
    return Transform(
        f"occlusion row {row} column {column}", {"occlusion_row": row, "occlusion_column": column}, (step,)
    )


def _start(place: int, places: int, room: int) -> int:
    """Return the first pixel of a patch: places are spread evenly over the room that a patch has to move."""
    return room // 2 if places == 1 else int(np.floor(place * room / (places - 1) + 0.5))
