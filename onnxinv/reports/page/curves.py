"""Curves over the transforms: one line a layer, its colour telling how deep it lies."""

from __future__ import annotations

from markupsafe import Markup

from onnxinv.reports.page.frame import WIDTH, Frame, span
from onnxinv.reports.page.svg import element, tick_text, ticks
from onnxinv.reports.printable import printable, shorten
from onnxinv.reports.transform_axis import transform_axis
from onnxinv.result import Result

_HEIGHT, _BOTTOM = 260, 40

_MOST_LAYERS = 24
"""Lines that are drawn; of more layers every second, third or so on."""


def curve_keys(result: Result) -> list[str]:
    """Return the measures that have a value for each transform."""
    return [key for key in result.measures if any(_known(result, key))]


def curves(result: Result, key: str) -> Markup:
    """Return the curves of one measure that `curve_keys` names."""
    having = [layer for layer in result.layers if layer.measures[key].profile]
    shown = having[:: -(-len(having) // _MOST_LAYERS)]
    lines = [layer.measures[key].profile or [] for layer in shown]
    places, name = transform_axis(result, len(lines[0]))
    frame = Frame(_HEIGHT, _BOTTOM, (min(places), max(places)), span(_known(result, key)))
    drawn = list(frame.grid())
    for tick in ticks(*frame.across, 8):
        drawn.append(element("text", {"x": frame.x(tick), "y": frame.base + 16, "class": "tick mid"}, tick_text(tick)))
    drawn.append(
        element("text", {"x": WIDTH - 12, "y": _HEIGHT - 6, "class": "tick end"}, shorten(printable(name), 60))
    )
    for place, (layer, values) in enumerate(zip(shown, lines, strict=True)):
        deep = f"--deep:{round(100 * place / max(1, len(shown) - 1))}%"
        title = element("title", {}, printable(layer.label, 80))
        drawn.append(element("g", {"class": "curve", "style": deep}, title, *frame.line(places, values)))
    return frame.svg(f"{printable(key)} for each transform, one line a layer", drawn)


def _known(result: Result, key: str) -> list[float]:
    profiles = [layer.measures[key].profile or [] for layer in result.layers]
    return [value for profile in profiles for value in profile if value is not None]
