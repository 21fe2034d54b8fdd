"""The layer profile: a measure against depth, with its 95 % intervals."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from markupsafe import Markup

from onnxinv.reports.numbers import interval_text, number
from onnxinv.reports.page.frame import Frame, span
from onnxinv.reports.page.svg import element
from onnxinv.reports.printable import printable, shorten
from onnxinv.result import LayerResult, Result

_HEIGHT, _BOTTOM = 310, 76

_MOST_NAMES = 20
"""Layers whose names stand below the axis."""

_MOST_DOTS = 400
"""Layers up to which each has a dot that tells its numbers."""

FAR = 2
"""How many times the largest mean the end of an interval may be to be within the chart."""


def layer_profile(result: Result, key: str) -> Markup:
    """Return the profile of one measure; nothing where no layer has a value."""
    layers = result.layers
    means = [layer.measures[key].mean for layer in layers]
    known = [value for value in means if value is not None]
    if not known:
        return Markup("")
    most = FAR * max(map(abs, known))
    ends = [end for layer in layers for end in layer.measures[key].ci["mean"] or () if abs(end) <= most]
    frame = Frame(_HEIGHT, _BOTTOM, (-0.5, len(layers) - 0.5), span([*known, *ends]))
    drawn = [*frame.grid(), *_intervals(frame, layers, key), *frame.line(range(len(layers)), means)]
    if len(layers) <= _MOST_DOTS:
        drawn += _dots(frame, layers, key)
    drawn += names_below(frame, layers)
    return frame.svg(f"{printable(key)} of every layer, from the input to the output", drawn)


def _intervals(frame: Frame, layers: list[LayerResult], key: str) -> Iterator[Markup]:
    for place, layer in enumerate(layers):
        interval = layer.measures[key].ci["mean"]
        if interval and layer.measures[key].mean is not None:
            at = frame.x(place)
            low, high = map(frame.y, interval)
            yield element("line", {"x1": at, "x2": at, "y1": low, "y2": high, "class": "interval"})


def _dots(frame: Frame, layers: list[LayerResult], key: str) -> Iterator[Markup]:
    for place, layer in enumerate(layers):
        summary = layer.measures[key]
        if summary.mean is not None:
            told = f"{printable(layer.label, 80)} ({printable(layer.op, 40)}): {number(summary.mean)}"
            title = element("title", {}, f"{told} {interval_text(summary.ci['mean'])}".rstrip())
            where: dict[str, str | float] = {
                "cx": frame.x(place),
                "cy": frame.y(summary.mean),
                "r": 3.5,
                "class": "dot",
            }
            yield element("circle", where, title)


def names_below(frame: Frame, layers: Sequence[LayerResult]) -> Iterator[Markup]:
    """Yield the names of layers that stand side by side, or of every second, third or so on, below their places."""
    for place in range(0, len(layers), max(1, -(-len(layers) // _MOST_NAMES))):
        at, below = frame.x(place), frame.base + 14
        where: dict[str, str | float] = {
            "x": at,
            "y": below,
            "class": "tick end",
            "transform": f"rotate(-45 {at:.1f} {below:.1f})",
        }
        yield element("text", where, shorten(printable(layers[place].label), 11))
