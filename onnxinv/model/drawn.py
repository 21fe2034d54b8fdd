"""Positions that are drawn of each channel of a layer, where not all are measured, and where they lie in its tensor."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import numpy.typing as npt

Places = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Drawn:
    """The units of a layer that are measured, the same number of every channel.

    Attributes:
        units: (channels, positions) int64 places in the tensor of one sample, in C order. Those of a channel stand in
            the order in which they were drawn, so that any run of them is a random sample too.
        whole: how many units the layer has.
    """

    units: Places
    whole: int


def draw(shape: tuple[int, ...], channel_axis: int, positions: int, seed: int) -> Drawn:
    """Draw positions without replacement, of each channel by itself.

    Layers with as many channels of as many positions get the same ones, whatever their names and layouts: what they
    differ by is then less blurred by where they were looked at.

    Args:
        shape: of the layer, without batch axis.
        channel_axis: index into it.
        positions: how many of each channel; no more than it has.
        seed: makes the choice reproducible.
    """
    channels = shape[channel_axis]
    units = np.arange(int(np.prod(shape, dtype=np.int64)), dtype=np.int64).reshape(shape)
    by_channel = np.moveaxis(units, channel_axis, 0).reshape(channels, -1)
    chosen = _chosen(channels, by_channel.shape[1], positions, seed)
    return Drawn(np.take_along_axis(by_channel, chosen, axis=1), units.size)


@lru_cache(maxsize=64)
def _chosen(channels: int, every: int, positions: int, seed: int) -> Places:
    """Return (channels, positions) positions from 0 to below `every`; many layers of a network are of one shape."""
    generator = np.random.default_rng([seed, channels, every])
    chosen = np.stack([generator.choice(every, positions, replace=False) for _ in range(channels)])
    chosen.setflags(write=False)
    return chosen
