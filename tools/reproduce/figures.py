"""Draws layer profiles, distances and grids of errors, as the paper does."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.figure import Figure
from numpy.typing import NDArray

from onnxinv.plot import heatmap
from onnxinv.result import Result
from tools.reproduce.measurement import NORMALIZED_VARIANCE

Array = NDArray[np.float64]

WIDTH = 7.2
ABREAST = 3
"""Panels whose titles and layers can still be read beside each other."""


def profiles(
    panels: Mapping[str, Mapping[str, tuple[Sequence[str], Array]]], *, label: str = "normalized variance"
) -> Figure:
    """Draw layer profiles, up to three panels beside each other.

    Args:
        panels: by title, the lines by their name: the layers, and the profiles of the networks, (networks, layers).
            A line is the mean over the networks, its band reaches from the least to the largest.
        label: of the axis of the values.
    """
    columns = min(len(panels), ABREAST)
    rows = math.ceil(len(panels) / columns)
    figure = Figure(figsize=(WIDTH, rows * (2.9 if len(panels) > 1 else 3.2)), layout="constrained")
    panes = figure.subplots(rows, columns, sharey=True, squeeze=False)
    axes = list(panes.flat)
    for spare in axes[len(panels) :]:
        spare.remove()
    for place, (axis, (title, lines)) in enumerate(zip(axes, panels.items(), strict=False)):
        for name, (layers, values) in lines.items():
            where = np.arange(len(layers)) if len(lines) == 1 or _alike(lines) else np.linspace(0, 1, len(layers))
            (line,) = axis.plot(where, values.mean(axis=0), marker=".", label=name)
            axis.fill_between(where, values.min(axis=0), values.max(axis=0), color=line.get_color(), alpha=0.2)
        layers, _ = next(iter(lines.values()))
        if len(lines) == 1 or _alike(lines):
            axis.set_xticks(range(len(layers)), layers, rotation=90, fontsize=7)
        else:
            axis.set_xlabel("depth")
        axis.set_title(title, fontsize=9)
        axis.grid(alpha=0.3)
        if len(lines) > 1 and (place == 0 or not _same_names(panels)):
            axis.legend(fontsize=7)
    for first in panes[:, 0]:
        first.set_ylabel(label)
    # The panels share the axis, and a limit that is set keeps it from growing with what is drawn later.
    axes[0].set_ylim(bottom=0)
    return figure


def grid(panels: Mapping[str, Array], rows: Sequence[str], columns: Sequence[str], *, row: str, column: str) -> Figure:
    """Draw grids of numbers in colour, the number in each cell.

    Args:
        panels: by title, (rows, columns).
        rows: what the rows are called.
        columns: what the columns are called.
        row: what they are all about.
        column: likewise.
    """
    figure = Figure(figsize=(WIDTH, 3.4), layout="constrained")
    axes = figure.subplots(1, len(panels), squeeze=False)[0]
    largest = max(float(values.max()) for values in panels.values())
    for axis, (title, values) in zip(axes, panels.items(), strict=True):
        axis.imshow(values, cmap="viridis", vmin=0, vmax=largest)
        for (y, x), value in np.ndenumerate(values):
            axis.text(
                x,
                y,
                f"{value:.3f}",
                ha="center",
                va="center",
                fontsize=7,
                color="white" if value < 0.6 * largest else "black",
            )
        axis.set_xticks(range(len(columns)), columns)
        axis.set_yticks(range(len(rows)), rows)
        axis.set_xlabel(column)
        axis.set_title(title, fontsize=9)
    axes[0].set_ylabel(row)
    return figure


def heatmaps(panels: Mapping[str, Result]) -> Figure:
    """Draw the normalized variance of every channel of networks, one panel beside the other, by title."""
    figure = Figure(figsize=(WIDTH, 3.6), layout="constrained")
    for axis, (title, result) in zip(figure.subplots(1, len(panels), squeeze=False)[0], panels.items(), strict=True):
        heatmap(result, NORMALIZED_VARIANCE, ax=axis)
        axis.set_title(title, fontsize=9)
        axis.tick_params(labelsize=6)
    return figure


def bars(values: Mapping[str, tuple[float, float, float]], *, label: str) -> Figure:
    """Draw values with their intervals, one below the other.

    Args:
        values: value, lower and upper end, by name.
        label: of the axis of the values.
    """
    figure = Figure(figsize=(WIDTH, 0.6 + 0.32 * len(values)), layout="constrained")
    axis = figure.subplots()
    told = np.array(list(values.values()))
    where = np.arange(len(values))
    axis.errorbar(told[:, 0], where, xerr=np.abs(told[:, 1:] - told[:, :1]).T, fmt="o", capsize=3)
    axis.axvline(0, color="grey", linewidth=0.8)
    axis.set_yticks(where, list(values))
    axis.invert_yaxis()
    axis.set_xlabel(label)
    axis.grid(axis="x", alpha=0.3)
    return figure


def _alike(lines: Mapping[str, tuple[Sequence[str], Array]]) -> bool:
    return len({tuple(layers) for layers, _ in lines.values()}) == 1


def _same_names(panels: Mapping[str, Mapping[str, object]]) -> bool:
    return len({tuple(lines) for lines in panels.values()}) == 1
