"""The values of all channels in colour: one column a layer."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import numpy as np
import numpy.typing as npt

from onnxinv.errors import UsageError
from onnxinv.plot.axes import axes, legend, name_columns, title
from onnxinv.plot.choice import chosen_measure, having
from onnxinv.reports.numbers import counts_text
from onnxinv.reports.page.strips import scale_of
from onnxinv.result import Result
from onnxinv.spec import did_you_mean

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_MOST_ROWS = 480
"""Rows of a column; a layer with more channels has their means in runs of neighbours."""

_NOTHING, _INFINITE = "#9a9a9a", "#d55e00"

_APART = 60
"""Columns up to which they are kept apart by a line."""

Array = npt.NDArray[np.float64]


def heatmap(
    result: Result,
    measure: str | None = None,
    *,
    order: Literal["sorted", "channel"] = "sorted",
    ax: Axes | None = None,
) -> Axes:
    """Draw every channel of every layer as a stripe whose colour is its value, one column a layer.

    All columns are equally high, whatever the number of channels. Few values far out do not take all colours: the scale
    ends at the 98th percentile. Infinite values are orange, those that are no number grey; how many there are, and how
    many channels are dead, stands beside the layer's name. Layers without the measure are left out.

    Args:
        result: the result.
        measure: a key of `Result.measures`; the first one by default.
        order: `sorted` by value, the lowest below, or in the order of the `channel`, the first below.
        ax: axes to draw on; those of a new figure by default.

    Returns:
        The axes.

    Raises:
        UsageError: the result lacks the measure, or the order is none of the two.
        OnnxinvError: matplotlib is not installed, or no layer has the measure.
    """
    if order not in ("sorted", "channel"):
        raise UsageError(f"There is no order '{order}'.", did_you_mean(order, ("sorted", "channel")))
    key = chosen_measure(result, measure)
    layers = having(result, key)
    values = [np.asarray(result.values(key, layer), dtype=np.float64).reshape(-1) for layer in layers]
    rows = min(_MOST_ROWS, max(each.size for each in values))
    shown = np.stack([_column(np.sort(each) if order == "sorted" else each, rows) for each in values], axis=1)
    ax = axes(ax, len(layers))
    _paint(ax, shown, key, scale_of(result, key))
    remarks = [counts_text(layer.measures[key]) for layer in layers]
    names = [f"{layer.label} ({told})" if told else layer.label for layer, told in zip(layers, remarks, strict=True)]
    name_columns(ax, names)
    ax.set_yticks([])
    title(ax, "layer", "channels, by value" if order == "sorted" else "channels, in order")
    return ax


def _paint(ax: Axes, shown: Array, key: str, scale: tuple[float, float]) -> None:
    from matplotlib import colormaps
    from matplotlib.colors import ListedColormap
    from matplotlib.patches import Patch

    low, high = scale
    columns = shown.shape[1]
    where = (-0.5, columns - 0.5, 0.0, 1.0)
    finite = np.where(np.isfinite(shown), shown, np.nan)
    colours = colormaps["viridis"].with_extremes(bad=_NOTHING)
    image = ax.imshow(
        finite, cmap=colours, vmin=low, vmax=high, extent=where, origin="lower", aspect="auto", interpolation="nearest"
    )
    infinite = np.where(np.isinf(shown), 1.0, np.nan)
    if np.isinf(shown).any():
        ax.imshow(
            infinite, cmap=ListedColormap([_INFINITE]), extent=where, origin="lower", aspect="auto",
            interpolation="nearest",
        )  # fmt: skip
    if columns <= _APART:
        ax.vlines(np.arange(columns - 1) + 0.5, 0, 1, color=ax.get_facecolor(), linewidth=1)
    above, below = bool((finite > high).any()), bool((finite < low).any())
    extend = "both" if above and below else "max" if above else "min" if below else "neither"
    bar = ax.figure.colorbar(image, ax=ax, extend=extend)
    bar.set_label(key, parse_math=False, usetex=False)
    marks = [(_INFINITE, "infinite", np.isinf(shown)), (_NOTHING, "no number", np.isnan(shown))]
    there = [(colour, name) for colour, name, where_it_is in marks if where_it_is.any()]
    if there:
        legend(ax, [Patch(color=colour) for colour, _ in there], [name for _, name in there], "above")


def _column(values: Array, rows: int) -> Array:
    """Return as many values as there are rows: each repeated, or means of neighbours that are finite."""
    if values.size <= rows:
        return values[np.arange(rows) * values.size // rows]
    starts = np.arange(rows) * values.size // rows
    finite = np.isfinite(values)
    count = np.add.reduceat(finite.astype(np.float64), starts)
    rest = np.where(np.logical_or.reduceat(np.isinf(values), starts), np.inf, np.nan)
    return np.where(count > 0, np.add.reduceat(np.where(finite, values, 0.0), starts) / np.maximum(count, 1), rest)
