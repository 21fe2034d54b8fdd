"""The activations themselves, or what is left of them after a mean or maximum over space."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from onnxinv.config import Aggregate
from onnxinv.measures import Units
from onnxinv.model.layers import Layer
from onnxinv.statistics import Array
from onnxinv.views.view import Look, Raw, View, columns_of


class PlainView(View):
    """The activations of a layer.

    Args:
        layer: the layer.
        aggregate: what is done to the activations before anything else, or how their values are brought to channels.
    """

    def __init__(self, layer: Layer, aggregate: Aggregate) -> None:
        self._layer = layer
        self._aggregate = aggregate
        self._per_unit = aggregate == "unit"
        if aggregate in ("activation-mean", "activation-max"):
            self.units = Units.of((layer.channels,), 0, layer.dtype, per_unit=False)
            self.channel = self.units.channel
        else:
            self.units = Units.of(layer.shape, layer.channel_axis, layer.dtype, per_unit=self._per_unit)
            self.channel = Units.of(layer.shape, layer.channel_axis, layer.dtype, per_unit=False).channel
        if layer.drawn:
            self.units = replace(self.units, whole=layer.drawn.whole, drawn=layer.drawn.units.shape[1])

    def of_some(self, chosen: npt.NDArray[np.intp]) -> View:
        """Return the view of some of its units; of one that hands on what it sees."""
        from onnxinv.views.chosen import ChosenView  # which is one of these itself

        return ChosenView(self._layer, self._aggregate, chosen)

    @property
    def hands_on(self) -> bool:
        """Whether the activations are seen as they are, none of them aggregated."""
        return self._aggregate in ("channel", "unit")

    def look(self, raw: Raw, transforms: slice, reference: int | None) -> Look:
        """Return the activations as they are, or aggregated."""
        known = None if reference is None else self._seen(raw[:, reference : reference + 1])[:, 0]
        return Look(self._seen(columns_of(raw, transforms)), known)

    def bytes_per_variant(self) -> int:
        """Return nothing: the activations themselves are looked at, and aggregated ones are few."""
        return 0

    def arrange(self, values: Array) -> Array:
        """Return one value a channel, or the unit shape."""
        return values.reshape(self._layer.shape) if self._per_unit and values.size == self._layer.units else values

    def _seen(self, raw: Raw) -> Raw:
        return self._aggregated(raw).reshape(*raw.shape[:2], -1, 1)

    def _aggregated(self, raw: Raw) -> Raw:
        if self._aggregate in ("channel", "unit"):
            return raw
        space = tuple(axis for axis in range(2, raw.ndim) if axis != self._layer.channel_axis + 2)
        if not space:
            return raw
        with np.errstate(all="ignore"):  # non-finite activations end as nan and are counted
            if self._aggregate == "activation-max":
                reduced: Raw = raw.max(axis=space)
            else:
                reduced = raw.mean(axis=space, dtype=np.float64)
        return reduced
