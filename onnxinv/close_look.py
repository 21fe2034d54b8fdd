"""Looks closely at the extreme channels of one layer: what their maps are, and which of their units varies most."""

from __future__ import annotations

from itertools import pairwise
from typing import Any

import numpy as np
import numpy.typing as npt

from onnxinv.extremes import Extremes, Places, places_of_channel
from onnxinv.pictures import LayerPictures
from onnxinv.shrink import range_of, shrink, to_bytes

Array = npt.NDArray[Any]


class CloseLook:
    """What is seen of a layer in the variants that are shown, and in some more.

    Args:
        extremes: of the layer.
        side: pixels of the longer side of a map, at most.

    Attributes:
        layer: the layer.
        places: where to look: at the candidates of all units, then at the maps.
    """

    def __init__(self, extremes: Extremes, side: int) -> None:
        self.layer = extremes.layer
        self._side = side
        self._candidates = extremes.candidates
        self._channels = extremes.channels[[0, -1]]
        of_maps = [places_of_channel(self.layer, int(each)) for each in self._channels] if self.layer.maps else []
        self.places = np.concatenate([*self._candidates, *of_maps])
        self._bounds = np.cumsum([0, *map(len, self._candidates)])
        self._pivot: npt.NDArray[np.float64] | None = None
        self._sums = np.zeros((2, self._bounds[-1]))
        self._seen = 0
        self._maps: list[Array] = []

    def add(self, activations: Array, shown: int) -> None:
        """Take in (variants, places) activations, as many of the first of which are shown, or all."""
        of_units = activations[:, : self._bounds[-1]].astype(np.float64)
        if self._pivot is None:
            self._pivot = of_units[0].copy()
        shifted = of_units - self._pivot
        self._sums += shifted.sum(0), (shifted**2).sum(0)
        self._seen += len(activations)
        if self.layer.maps and shown:
            size = [length for axis, length in enumerate(self.layer.shape) if axis != self.layer.channel_axis]
            of_maps = activations[:shown, self._bounds[-1] :]
            maps = of_maps.reshape(len(of_maps), 2, *size)
            self._maps.append(shrink(maps, self._side).astype(np.float32))

    def units(self) -> Places:
        """Return the places of the units: of the candidates of each, the one that varies most; the first of several."""
        total, squares = self._sums
        varies = squares - total**2 / max(1, self._seen)
        varies[np.isnan(varies)] = -1
        parts = [slice(low, high) for low, high in pairwise(self._bounds)]
        return np.array(
            [some[varies[part].argmax()] for some, part in zip(self._candidates, parts, strict=True)], np.int64
        )

    def kept(self, units: Places, rows: npt.NDArray[np.float32], shown: int) -> LayerPictures:
        """Return what is kept of the layer.

        Args:
            units: as `units` says.
            rows: (samples, transforms, units) their activations.
            shown: how many samples are shown.
        """
        if not self._maps:
            return LayerPictures(units, rows)
        maps = np.moveaxis(np.concatenate(self._maps), 1, 0)
        ranges = [range_of(channel) for channel in maps]
        pictures = np.stack([to_bytes(channel, *ends) for channel, ends in zip(maps, ranges, strict=True)])
        split = pictures.reshape(2, shown, -1, *pictures.shape[-2:])
        return LayerPictures(units, rows, self._channels, split, np.array(ranges, np.float32))
