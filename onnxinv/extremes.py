"""Which units and channels of a layer are the most invariant and which the least, by a measure."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from onnxinv.measured import Finished, Measured
from onnxinv.measures.measure import Direction
from onnxinv.model.layers import Layer
from onnxinv.plan import Plan
from onnxinv.statistics import Array
from onnxinv.views import View

Places = npt.NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Extremes:
    """The extremes of one layer, from the most invariant to the least.

    Attributes:
        layer: the layer.
        channels: (k,) the channels that the units are in.
        units: (k,) their places in the tensor of a sample, in C order; None where only channels were measured.
    """

    layer: Layer
    channels: Places
    units: Places | None

    @property
    def candidates(self) -> list[Places]:
        """For each unit, the places that it may be chosen from: its own, or all of its channel."""
        if self.units is not None:
            return [self.units[place : place + 1] for place in range(len(self.units))]
        return [places_of_channel(self.layer, int(channel)) for channel in self.channels]


def places_of_channel(layer: Layer, channel: int) -> Places:
    """Return the places of the units of a channel in the tensor of one sample, in C order."""
    every = np.arange(layer.units, dtype=np.int64).reshape(layer.shape)
    return np.asarray(np.take(every, channel, axis=layer.channel_axis).reshape(-1))


def extremes(plan: Plan, measured: Measured, key: str, count: int) -> list[Extremes]:
    """Return the extremes of every layer that has the measure.

    What is dead responds to nothing, and what has no value tells nothing: they are left out. Of two alike the first
    comes first.

    Args:
        plan: what was measured.
        measured: what was found.
        key: by which measure.
        count: how many units of each layer; fewer where it has not as many channels, or units that are measured one by
            one. Half of them are the most invariant ones, the rest the least.
    """
    views = _views(plan, key)
    chosen: list[Extremes] = []
    for layer, finished in zip(plan.layers, measured.layers, strict=True):
        told = _told(layer, finished, key, views)
        places = _ends(np.zeros(0) if told is None else told, plan.pictures.direction, count)
        if told is None or not len(places):
            continue
        if told.size == layer.channels:
            chosen.append(Extremes(layer, places, None))
        else:
            channels = np.unravel_index(places, layer.shape)[layer.channel_axis].astype(np.int64)
            chosen.append(Extremes(layer, channels, places))
    return chosen


def _ends(values: Array, direction: Direction, count: int) -> Places:
    """Return the places of the values at both ends, the most invariant first."""
    known = np.flatnonzero(~np.isnan(values))
    order = known[np.argsort(values[known] if direction != "higher" else -values[known], kind="stable")]
    count = min(count, len(order))
    least = count // 2
    return np.concatenate([order[: count - least], order[len(order) - least :]]).astype(np.int64)


def _views(plan: Plan, key: str) -> dict[int, View]:
    """Return, by layer, how it is looked at for a measure."""
    return {
        subject.layer.index: subject.view
        for subject in plan.subjects.every
        if subject.role == "layer" and any(key in measure.result_keys() for measure in subject.measures)
    }


def _told(layer: Layer, finished: Finished, key: str, views: Mapping[int, View]) -> Array | None:
    """Return the value of every channel or unit, nan for what is dead; None where the layer has no such values."""
    values, summary = finished.measures[key]
    if summary.reason is not None:
        return None
    told = views[layer.index].arrange(np.where(values.dead, np.nan, values.values)).reshape(-1)
    return told if told.size in (layer.channels, layer.units) else None
