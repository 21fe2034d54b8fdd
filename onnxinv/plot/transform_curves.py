"""A measure against the transform: the angle, the shift or the factor, one line a layer."""

from __future__ import annotations

from collections.abc import Sequence
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Literal

from onnxinv.errors import OnnxinvError, UsageError
from onnxinv.plot.axes import axes, legend, name_columns, title
from onnxinv.plot.choice import chosen_measure
from onnxinv.reports.printable import printable, shorten
from onnxinv.reports.transform_axis import NUMBERED, transform_axis
from onnxinv.result import LayerResult, Result
from onnxinv.spec import did_you_mean

if TYPE_CHECKING:
    from matplotlib.axes import Axes

_FEW = 8
"""Layers that are drawn where none are named, evenly from the first to the last."""

_MOST_NAMED = 16
"""Transforms that are named where no parameter tells them apart."""

_MOST_IN_LEGEND = 12
"""Lines that a legend names; more are told apart by a scale of depth."""


def transform_profile(
    result: Result,
    measure: str | None = None,
    layers: str | Sequence[str] | None = None,
    *,
    ax: Axes | None = None,
) -> Axes:
    """Draw the value of a measure under each transform of the set, one line a layer, darker towards the input.

    The axis is the parameter that tells the transforms apart, such as the angle, or else their place in the set. Where
    a value is infinite or no number, the line is broken.

    Args:
        result: the result.
        measure: a key of `Result.measures` that has a curve, such as `transform-profile`; the first such by default.
        layers: labels or names, or patterns such as `conv*`; by default some from the first to the last.
        ax: axes to draw on; those of a new figure by default.

    Returns:
        The axes.

    Raises:
        UsageError: the result lacks the measure, or has no such layer.
        OnnxinvError: matplotlib is not installed, or the measure has no curve.
    """
    key = _with_curves(result, measure)
    shown = _chosen([layer for layer in result.layers if layer.measures[key].profile], layers)
    curves = [
        [float("nan") if value is None else value for value in layer.measures[key].profile or []] for layer in shown
    ]
    places, name = transform_axis(result, len(curves[0]))
    where: Literal["inside", "beside"] = "beside" if ax is None else "inside"  # a figure of ours makes room
    ax = axes(ax)
    from matplotlib import colormaps

    order = sorted(range(len(places)), key=places.__getitem__)
    deep = [place / max(1, len(shown) - 1) for place in range(len(shown))]
    lines = [
        ax.plot(
            [places[at] for at in order], [curve[at] for at in order], color=colormaps["viridis"](0.9 * share),
            marker="o", markersize=3,
        )[0]
        for curve, share in zip(curves, deep, strict=True)
    ]  # fmt: skip
    title(ax, name, key)
    _name_transforms(ax, result, places, name)
    if len(shown) <= _MOST_IN_LEGEND:
        legend(ax, lines, [layer.label for layer in shown], where)
    else:
        _scale_of_depth(ax, shown)
    return ax


def _with_curves(result: Result, measure: str | None) -> str:
    curved = [key for key in result.measures if any(layer.measures[key].profile for layer in result.layers)]
    if measure is None and curved:
        return curved[0]
    if measure is not None and chosen_measure(result, measure) in curved:
        return measure
    what = "No measure" if measure is None else f"'{measure}'"
    hint = f"Plot {' or '.join(curved)}." if curved else "Measure transform-profile, too."
    has = "has a" if measure is None else "has no"
    raise OnnxinvError(f"{what} of '{result.meta.model.path}' {has} curve over the transforms.", hint)


def _chosen(layers: Sequence[LayerResult], wanted: str | Sequence[str] | None) -> list[LayerResult]:
    if wanted is None:
        count = min(_FEW, len(layers))
        return [layers[round(place * (len(layers) - 1) / max(1, count - 1))] for place in range(count)]
    patterns = [wanted] if isinstance(wanted, str) else list(wanted)
    for pattern in patterns or [""]:
        if not any(_fits(layer, pattern) for layer in layers):
            raise UsageError(
                f"No layer that has the measure is called '{pattern}'.",
                did_you_mean(pattern, {layer.label for layer in layers}),
            )
    return [layer for layer in layers if any(_fits(layer, pattern) for pattern in patterns)]


def _fits(layer: LayerResult, pattern: str) -> bool:
    return any(text == pattern or fnmatchcase(text, pattern) for text in (layer.label, layer.name))


def _name_transforms(ax: Axes, result: Result, places: Sequence[float], name: str) -> None:
    items = result.meta.transforms.items
    if name == NUMBERED and len(items) == len(places) <= _MOST_NAMED:
        name_columns(ax, [str(item.get("name", place)) for place, item in enumerate(items)])
        ax.set_xlabel("transform")
    elif name.endswith("(degrees)") and max(places) - min(places) >= 180:
        from matplotlib.ticker import MultipleLocator

        ax.xaxis.set_major_locator(MultipleLocator(45))


def _scale_of_depth(ax: Axes, shown: Sequence[LayerResult]) -> None:
    from matplotlib import colormaps
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import ListedColormap

    depth = ListedColormap(colormaps["viridis"]([0.9 * place / 255 for place in range(256)]))
    bar = ax.figure.colorbar(ScalarMappable(cmap=depth), ax=ax, ticks=[0, 1])
    ends = [shorten(printable(layer.label), 16) for layer in (shown[0], shown[-1])]
    bar.ax.set_yticklabels(ends, parse_math=False, usetex=False)
