"""The activations of one unit for every sample and transform, in colour."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from onnxinv.errors import UsageError
from onnxinv.pictures import Which
from onnxinv.plot.axes import axes, title
from onnxinv.plot.kept_layer import kept_layer
from onnxinv.reports.numbers import number
from onnxinv.reports.page.kept_units import channel_of, value_of
from onnxinv.reports.printable import printable, shorten
from onnxinv.result import Result
from onnxinv.spec import did_you_mean

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_NOTHING = "#9a9a9a"


def st_matrix(result: Result, layer: str | int, which: Which = "most", *, ax: Axes | None = None) -> Axes:
    """Draw the activations of a unit: one row for each kept sample, one column for each transform.

    An invariant unit has rows of one colour each; one that follows the transform alone has columns of one colour each.
    Of the most or least invariant channel it is the unit that varies most over these samples; where units
    were measured one by one (`aggregate="unit"`) it is the most or least invariant unit itself. Values that are not
    finite are grey.

    Args:
        result: of `analyze(..., keep_units=K)`.
        layer: the layer's label, its tensor's name, or its index.
        which: `most` or `least`, of those that were kept.
        ax: axes to draw on; those of a new figure by default.

    Returns:
        The axes.

    Raises:
        UsageError: there is no such layer, or `which` is neither.
        OnnxinvError: matplotlib is not installed, or nothing was kept of the layer.
    """
    if which not in ("most", "least"):
        raise UsageError(f"There is no '{which}' invariant unit.", did_you_mean(str(which), ("most", "least")))
    kept, told = kept_layer(result, layer)
    place = 0 if which == "most" else -1
    unit = int(kept.pictures.units[place])
    ax = axes(ax)
    from matplotlib import colormaps

    rows = kept.pictures.rows[:, :, place].astype(np.float64)
    colours = colormaps["viridis"].with_extremes(bad=_NOTHING)
    image = ax.imshow(np.where(np.isfinite(rows), rows, np.nan), cmap=colours, aspect="auto", interpolation="nearest")
    ax.figure.colorbar(image, ax=ax).set_label("activation")
    ax.set_yticks(range(len(told.samples)), [str(sample) for sample in told.samples])
    title(ax, "transform", "sample")
    value = number(value_of(result, told, kept.layer, unit))
    name = shorten(printable(kept.layer.label), 40)
    by = printable(str(told.by))
    said = f"{name}, channel {channel_of(kept.layer, unit)}, unit {unit}\n{told.words[place]}: {by} {value}"
    ax.set_title(said, fontsize="medium", parse_math=False, usetex=False)
    return ax
