"""Sequences earlier or later."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import ClassVar, Self

import numpy as np
from pydantic import Field, model_validator

from onnxinv.errors import UsageError
from onnxinv.transforms import register
from onnxinv.transforms.levels import MOST_STEPS, evenly, short
from onnxinv.transforms.one_axis import MOST_AXES, size_along
from onnxinv.transforms.transform import IDENTITY, Context, Family, Image, Step, Transform

ROUNDING = 1e-9
"""A product of a share and a size that is this little below a whole number is that number."""


@dataclass(frozen=True)
class Delay(Step):
    """Everything moved along an axis by whole positions.

    Attributes:
        share: of the axis' size, positive to later positions; cut to whole positions.
        axis: of the sample, without the batch axis.
        fill: what comes in, None for what left at the other end.
    """

    needs_image: ClassVar[bool] = False

    share: float
    axis: int
    fill: float | None = None

    def apply(self, image: Image, context: Context) -> Image:
        """Return the sample (of any shape) moved; see `Step.apply`.

        Raises:
            UsageError: the sample has no such axis, or its axis is so short that nothing would move.
        """
        size = size_along(image, self.axis, "time-shift")
        positions = math.floor(abs(self.share) * size + ROUNDING)
        if positions == 0:
            raise UsageError(
                f"A time-shift by {short(self.share)} of an axis of {size} is less than one position.",
                "Make time-shift's steps smaller or its max larger.",
            )
        moved = np.roll(image, int(math.copysign(positions, self.share)), self.axis)
        if self.fill is not None:
            entered = np.moveaxis(moved, self.axis, 0)
            entered[slice(positions) if self.share > 0 else slice(-positions, None)] = self.fill
        return moved

    def inverse(self) -> Delay | None:
        """Return the shift back; None where something was lost at an end."""
        return Delay(-self.share, self.axis) if self.fill is None else None


@register("time-shift")
class TimeShift(Family):
    """Everything is moved to later or earlier positions along one axis; for samples of any shape.

    What leaves at one end comes in at the other, or is replaced by `fill` with `circular=false`. Shifts are shares of
    the axis' size, cut to whole positions; an axis too short for the smallest of them is refused.

    Expands to the shifts `linspace(-max, max, 2 * steps + 1)`, the identity in the middle. The inverse of a circular
    shift is the shift back; the others have none.
    """

    steps: int = Field(default=4, ge=1, le=MOST_STEPS, description="number of shifts in each direction")
    max: float = Field(default=0.2, gt=0, lt=1, description="largest shift, as a share of the axis' size")
    axis: int = Field(
        default=-1, ge=-MOST_AXES, lt=MOST_AXES, description="axis of the sample without its batch axis, -1 the last"
    )
    circular: bool = Field(default=True, description="whether what leaves at one end comes in at the other")
    fill: float = Field(default=0.0, description="what comes in, where circular is false")

    @model_validator(mode="after")
    def _fills_something(self) -> Self:
        if self.circular and self.fill != 0:
            raise ValueError("fill is used with circular=false alone")
        return self

    def expand(self) -> tuple[Transform, ...]:
        """Return one transform a shift, the earliest first."""
        later = evenly(0, self.max, self.steps + 1)[1:]
        shares = [*(-share for share in reversed(later)), 0.0, *later]
        return tuple(self._moved(share) for share in shares)

    def _moved(self, share: float) -> Transform:
        if share == 0:
            return Transform(IDENTITY, {"time_shift": share})
        step = Delay(share, self.axis, None if self.circular else self.fill)
        return Transform(f"time-shift {short(share)}", {"time_shift": share}, (step,))
