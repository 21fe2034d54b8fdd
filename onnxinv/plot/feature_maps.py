"""The feature maps of the most and the least invariant channel of a layer, under the transforms."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

import numpy as np

from onnxinv.errors import OnnxinvError
from onnxinv.pictures import Array
from onnxinv.plot.axes import axes, name_columns
from onnxinv.plot.kept_layer import kept_layer
from onnxinv.reports.page.kept_units import Kept
from onnxinv.result import Result

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_ROOM = 0.04
"""Share of a picture's width that is left free around it."""


def feature_maps(result: Result, layer: str | int, *, ax: Axes | None = None) -> Axes:
    """Draw what was fed and what two channels make of it: one column for each transform that is shown.

    For each of the samples there are three rows: the variant as it was fed, where it was an image, the map of the most
    invariant channel, and that of the least invariant one. The grey of a channel goes from its lowest activation, over
    all that is shown of it, to its highest.

    Source: the qualitative figures of Quiroga et al., Invariance Measures for Neural Networks, Applied Soft Computing
    132 (2023).

    Args:
        result: of `analyze(..., keep_units=K)`.
        layer: the layer's label, its tensor's name, or its index.
        ax: axes to draw on; those of a new figure by default.

    Returns:
        The axes.

    Raises:
        UsageError: there is no such layer.
        OnnxinvError: matplotlib is not installed, or the layer has no feature maps.
    """
    kept, told = kept_layer(result, layer)
    if kept.pictures.maps is None:
        raise OnnxinvError(f"The layer '{kept.layer.label}' has no feature maps.", "Name another layer.")
    rows = list(_rows(result, kept))
    ax = axes(ax, 2 * len(told.transforms))
    for row, (_, pictures) in enumerate(rows):
        for column, picture in enumerate(pictures):
            height, width = picture.shape[:2]
            tall, wide = (length / max(height, width) * (0.5 - _ROOM) for length in (height, width))
            where = (column - wide, column + wide, row + tall, row - tall)
            ax.imshow(picture, cmap="gray", vmin=0, vmax=255, extent=where, interpolation="nearest")
    ax.set_xlim(-0.5, len(told.transforms) - 0.5)
    ax.set_ylim(len(rows) - 0.5, -0.5)
    items = result.meta.transforms.items
    name_columns(ax, [str(items[place].get("name", place)) for place in told.transforms])
    ax.set_yticks(range(len(rows)), [name for name, _ in rows])
    ax.tick_params(length=0)
    ax.spines[:].set_visible(False)
    return ax


def _rows(result: Result, kept: Kept) -> Iterator[tuple[str, Array]]:
    """Yield the name and the (transforms, height, width) pictures of every row, or with three colours behind."""
    told, stored = result.meta.pictures, result.pictures
    maps, channels = kept.pictures.maps, kept.pictures.channels
    assert told is not None
    assert stored is not None
    assert maps is not None
    assert channels is not None
    for place, sample in enumerate(told.shown):
        if stored.variants is not None:
            yield (
                f"sample {sample}",
                np.squeeze(stored.variants[place], -1) if stored.variants.shape[-1] == 1 else (stored.variants[place]),
            )
        for end, word in enumerate(told.words):
            yield f"channel {int(channels[end])}, {word}", maps[end, place]
