"""Feature maps compared pixel by pixel across geometric transforms: the transform undone, or done to the map."""

from __future__ import annotations

from abc import abstractmethod
from dataclasses import dataclass

import numpy as np

from onnxinv.config import Aggregate
from onnxinv.measures import Units
from onnxinv.model.layers import Layer
from onnxinv.statistics import Array
from onnxinv.transforms.alignment import Alignment
from onnxinv.transforms.resample import resample
from onnxinv.views.view import Look, Raw, View, columns_of


@dataclass(frozen=True)
class MapSize:
    """The size of a layer's maps, in pixels."""

    height: int
    width: int

    @classmethod
    def of(cls, layer: Layer) -> MapSize:
        """Return the size of the maps of a layer that has some."""
        height, width = (size for axis, size in enumerate(layer.shape) if axis != layer.channel_axis)
        return cls(height, width)


class _MapView(View):
    """Maps at the pixels that count, in the order (pixels, channels).

    Args:
        layer: a layer with feature maps.
        alignment: the transform set on maps of the size looked at.
        aggregate: `channel` or `unit`.
        size: the size looked at, where it is not the layer's own: maps are resampled to it first.
    """

    def __init__(self, layer: Layer, alignment: Alignment, aggregate: Aggregate, size: MapSize | None = None) -> None:
        self._layer = layer
        self._alignment = alignment
        self._own_size = MapSize.of(layer)
        self._size = size or self._own_size
        shape = len(alignment.pixels), layer.channels
        # Half precision is too coarse to interpolate in, and warps refuse it.
        self._dtype = np.result_type(layer.dtype, np.float32)
        self._per_unit = aggregate == "unit"
        self.units = Units.of(shape, 1, layer.dtype, per_unit=self._per_unit)
        self.channel = Units.of(shape, 1, layer.dtype, per_unit=False).channel

    def bytes_per_variant(self) -> int:
        """Return the size of the maps at the pixels that count."""
        return self.channel.size * self._dtype.itemsize

    def arrange(self, values: Array) -> Array:
        """Return one value a channel, or the unit shape with nan where pixels do not count."""
        if not self._per_unit:
            return values
        layer, size = self._layer, self._size
        whole = np.full((size.height * size.width, layer.channels), np.nan)
        whole[self._alignment.pixels] = values.reshape(-1, layer.channels)
        return np.moveaxis(whole.reshape(size.height, size.width, layer.channels), 2, layer.channel_axis)

    def look(self, raw: Raw, transforms: slice, reference: int | None) -> Look:
        """Return the maps at the pixels that count, made comparable."""
        columns = columns_of(raw, transforms)
        known = None if reference is None else self._maps(raw[:, reference])
        pixels = self._alignment.pixels
        samples, channels = len(raw), self._layer.channels
        made = np.empty((columns.shape[1], len(pixels), samples * channels), dtype=self._dtype)
        for column, transform in enumerate(range(transforms.start, transforms.stop)):
            made[column] = self._compared(self._maps(columns[:, column]), transform, known)
        grid = made.reshape(columns.shape[1], len(pixels), samples, channels).transpose(2, 0, 1, 3)
        if known is None:
            return Look(grid, None)
        return Look(grid, known[pixels].reshape(len(pixels), samples, channels).transpose(1, 0, 2))

    @abstractmethod
    def _compared(self, maps: Raw, transform: int, reference: Raw | None) -> Raw:
        """Return (pixels that count, maps) made from the (pixels, maps) of a transform and of no transform."""

    def _maps(self, raw: Raw) -> Raw:
        """Return (pixels, samples x channels) of the maps of one transform, (samples, *shape)."""
        maps = np.moveaxis(raw, self._layer.channel_axis + 1, 1).astype(self._dtype, copy=False)
        if self._size != self._own_size:
            size = self._size
            stacked = maps.reshape(-1, *maps.shape[2:])
            maps = resample(stacked, size.height, size.width).reshape(*maps.shape[:2], size.height, size.width)
        samples, channels = maps.shape[:2]
        return np.ascontiguousarray(maps.reshape(samples * channels, -1).T)


class AlignedView(_MapView):
    """The transform undone on the map: `t_j^-1(F(t_j(x_i)))`."""

    def _compared(self, maps: Raw, transform: int, reference: Raw | None) -> Raw:  # not compared with it
        return self._alignment.back[transform].apply(maps, self._layer.channels)


class ResidualView(_MapView):
    """What is left when the transform is done to the map of the untransformed sample: `F(t_j(x_i)) - t_j(F(x_i))`."""

    def _compared(self, maps: Raw, transform: int, reference: Raw | None) -> Raw:
        assert reference is not None, "an equivariance error is about the untransformed sample"
        moved = self._alignment.forward[transform].apply(reference, self._layer.channels)
        with np.errstate(all="ignore"):  # non-finite activations end as nan and are counted
            residual: Raw = maps[self._alignment.pixels] - moved
        return residual
