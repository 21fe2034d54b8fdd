"""Which layers are measured at some positions of each channel, not at all of them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import replace

from onnxinv.config import RunConfig
from onnxinv.errors import UsageError
from onnxinv.model.axes import BatchAxis
from onnxinv.model.drawn import draw
from onnxinv.model.layers import Layer

_LEAST_UNITS = 64
"""Units of a layer that are measured at least: what a few say of how much they differ is too little."""


def draw_layers(layers: Sequence[Layer], config: RunConfig, whole: Collection[str] = ()) -> tuple[Layer, ...]:
    """Return the layers as they are measured: of those with more positions a channel than asked for, a sample.

    Of a layer with few channels more positions are taken, for 64 units in all. A layer whose batch axis is not plainly
    the first one stays whole.

    Args:
        layers: as they are.
        config: what was asked for.
        whole: names of tensors that stay whole.

    Raises:
        UsageError: the way in which units become values needs all of them.
    """
    positions = config.sample_units
    if positions is None:
        return tuple(layers)
    if config.aggregate != "channel":
        raise UsageError(
            f"--sample-units measures some positions of each channel, and --aggregate {config.aggregate} is about all.",
            "Take --aggregate channel, or measure without --sample-units.",
        )
    return tuple(
        layer if layer.name in whole or layer.batch != BatchAxis() else _drawn(layer, positions, config.seed)
        for layer in layers
    )


def _drawn(layer: Layer, positions: int, seed: int) -> Layer:
    positions = max(positions, -(-_LEAST_UNITS // layer.channels))
    if layer.units <= positions * layer.channels:
        return layer
    drawn = draw(layer.shape, layer.channel_axis, positions, seed)
    return replace(layer, shape=drawn.units.shape, channel_axis=0, maps=False, drawn=drawn)


def drawing_notices(layers: Sequence[Layer], config: RunConfig) -> list[str]:
    """Return what the user should know of layers that are not measured whole.

    Args:
        layers: as they are measured.
        config: what was asked for.
    """
    count = sum(layer.drawn is not None for layer in layers)
    if not count:
        return []
    return [
        f"{config.sample_units} positions a channel are measured, drawn at random, in {count} of {len(layers)} layers, "
        f"more where that were fewer than {_LEAST_UNITS} units; intervals include what that leaves unsure."
    ]
