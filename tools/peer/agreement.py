"""How far the peer's values are from onnxinv's, channel by channel."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from onnxinv.plan import Plan
from onnxinv.result import Result

_MEASURES = {"transformational": "transformational-variance", "sample": "sample-variance"}


@dataclass(frozen=True)
class Agreement:
    """Relative differences of all channels of all layers.

    Attributes:
        channels: how many were compared.
        median: of TV, SV and their quotient NV together.
        largest: likewise.
        where: layer of the largest.
    """

    channels: int
    median: float
    largest: float
    where: str


def agreement(plan: Plan, ours: Result, peer: str) -> Agreement:
    """Compare the spatial means of TV and SV, and their quotient.

    Args:
        plan: of the measurement.
        ours: its result, with one value a channel.
        peer: file with one value a unit of every layer, in order.
    """
    theirs = np.load(peer)
    differences, where = [], []
    for place, layer in enumerate(plan.layers):
        space = tuple(axis for axis in range(len(layer.shape)) if axis != layer.channel_axis)
        means = {
            part: theirs[f"{part}/{place}"].reshape(layer.shape).astype(np.float64).mean(space) for part in _MEASURES
        }
        found = {part: ours.units[f"{key}/{layer.index:04d}"] for part, key in _MEASURES.items()}
        with np.errstate(invalid="ignore", divide="ignore"):  # dead channels, and those of the transform alone
            for each in (found, means):
                each["normalized"] = each["transformational"] / each["sample"]
        for part, one in found.items():
            other = means[part]
            alive = np.isfinite(one) & np.isfinite(other) & (one != 0)
            differences.append(np.abs(other[alive] / one[alive] - 1))
            where += [layer.label] * int(alive.sum())
    every = np.concatenate(differences)
    return Agreement(every.size // 3, float(np.median(every)), float(every.max()), where[int(every.argmax())])
