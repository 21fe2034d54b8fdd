"""Layers of any shape, as the probe would find them."""

from __future__ import annotations

from onnxinv.model.axes import BatchAxis
from onnxinv.model.layers import Layer


def layer_of(
    shape: tuple[int, ...],
    channel_axis: int = 0,
    *,
    dtype: str = "float32",
    maps: bool = False,
    index: int = 0,
    name: str = "layer",
) -> Layer:
    """Return a layer of a unit shape, without the batch axis."""
    return Layer(index, name, name, "Conv", shape, channel_axis, BatchAxis(), dtype, maps)
