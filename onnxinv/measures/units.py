"""How the units of a layer fall into channels, and how numbers are brought from units to channels."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from onnxinv.statistics import Array


@dataclass(frozen=True)
class Units:
    """The units behind a state, in its order.

    Attributes:
        channel: (units,) index of the value that each unit contributes to.
        count: how many values there are: channels, or units where every unit keeps its own value.
        resolution: deviations up to `resolution` times the unit's root mean square are rounding (MEASURES, quotient
            rule): 4 machine epsilons of float32 and float64 activations, 1 of float16 and bfloat16.
        whole: how many units the layer has that these were taken from; None where these are all of them.
        drawn: how many positions of every channel these are, channel by channel, where they were drawn at random from
            the layer's; None where nothing was drawn.
    """

    channel: npt.NDArray[np.intp]
    count: int
    resolution: float
    whole: int | None = None
    drawn: int | None = None

    @property
    def total(self) -> int:
        """How many units the whole layer has, however few of them are here."""
        return self.channel.size if self.whole is None else self.whole

    @classmethod
    def of(cls, shape: tuple[int, ...], channel_axis: int, dtype: str, *, per_unit: bool) -> Self:
        """Return the units of a whole layer of this shape (without batch axis), in C order."""
        size = int(np.prod(shape, dtype=np.int64))
        if per_unit:
            channel, count = np.arange(size), size
        else:
            count = shape[channel_axis]
            along = [1] * len(shape)
            along[channel_axis] = count
            channel = np.broadcast_to(np.arange(count).reshape(along), shape).reshape(-1)
        return cls(channel.astype(np.intp), count, _resolution(dtype))

    def mean(self, values: Array) -> Array:
        """Return the (values,) spatial means of a (units,) array; nan and inf spread to their channel."""
        return self.sum(values) / self._sizes

    def sum(self, values: Array) -> Array:
        """Return the (values,) spatial sums of a (units,) array."""
        if self.channel.size == self.count:
            return values
        if self._starts is not None:
            return np.add.reduceat(values, self._starts, dtype=np.float64)
        return np.bincount(self.channel, weights=values, minlength=self.count).astype(np.float64, copy=False)

    def take(self, units: npt.NDArray[np.intp] | slice) -> Units:
        """Return some of the units; channels without a unit left disappear, the others keep their order."""
        taken = self.channel[units]
        steps = np.diff(taken)
        if (steps >= 0).all():
            channel = np.concatenate([[0], np.cumsum(steps > 0)]) if taken.size else taken
            return Units(
                channel.astype(np.intp), int(channel[-1]) + 1 if taken.size else 0, self.resolution, self.total
            )
        kept, channel = np.unique(taken, return_inverse=True)
        return Units(channel.astype(np.intp), kept.size, self.resolution, self.total)

    @cached_property
    def _sizes(self) -> npt.NDArray[np.intp]:
        return np.bincount(self.channel, minlength=self.count)

    @cached_property
    def _starts(self) -> npt.NDArray[np.intp] | None:
        """Where each channel begins, if the units of each lie together, in the order of the channels."""
        if (np.diff(self.channel) < 0).any():
            return None
        return np.cumsum(self._sizes) - self._sizes


def _resolution(dtype: str) -> float:
    epsilons: dict[str, Any] = {"float16": 2.0**-10, "bfloat16": 2.0**-7, "float32": 4 * 2.0**-23}
    return float(epsilons.get(dtype, 4 * 2.0**-52))
