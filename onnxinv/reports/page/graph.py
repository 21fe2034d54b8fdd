"""The graph of the layers: one row a layer, lines from those that it is computed from, coloured by a measure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from markupsafe import Markup

from onnxinv.reports.colours import colour, mean_scale, share_of
from onnxinv.reports.numbers import interval_text, number
from onnxinv.reports.page.lanes import lanes
from onnxinv.reports.page.svg import element, short
from onnxinv.reports.printable import printable
from onnxinv.result import LayerResult, Result

MOST_LAYERS = 199
"""Layers of a graph that is drawn."""

_STEPS, _NOTHING = 250, 255
"""Steps of the colours, and what stands for no value; those of the channels."""

_ROW, _LANE, _RADIUS = 22, 16, 6
_VALUE, _CHARACTER = 76, 8
"""Room for a value and for a character, in letters of one width."""


@dataclass(frozen=True)
class Graph:
    """The graph on the page.

    Attributes:
        drawing: coloured by the first measure; None where there are too many layers.
        steps: of each measure, where on the scale each layer lies: the page colours the drawing by another measure with
            these, and with the numbers in its table.
        scales: of each measure, the values at both ends of the colours.
    """

    drawing: Markup | None
    steps: list[list[int]]
    scales: list[tuple[str, str]]


def graph(result: Result) -> Graph | None:
    """Return the graph; None where the result does not tell how layers follow each other."""
    if not result.measures or not any(layer.after for layer in result.layers):
        return None
    scales = {key: mean_scale(result, key) for key in result.measures}
    ends = [(number(low), number(high)) for low, high in scales.values()]
    if len(result.layers) > MOST_LAYERS:
        return Graph(None, [], ends)
    steps = [[_step(layer.measures[key].mean, scale) for layer in result.layers] for key, scale in scales.items()]
    return Graph(_drawing(result, result.measures[0], steps[0]), steps, ends)


def _step(mean: float | None, scale: tuple[float, float]) -> int:
    return _NOTHING if mean is None else round(share_of(mean, scale) * _STEPS)


def _drawing(result: Result, key: str, steps: list[int]) -> Markup:
    places = {layer.index: place for place, layer in enumerate(result.layers)}
    after = [[places[index] for index in layer.after if index in places] for layer in result.layers]
    found = lanes(after)
    start = (max(found) + 1) * _LANE + _VALUE
    width = start + max(_room(_label(layer)) for layer in result.layers) + _LANE
    height = len(result.layers) * _ROW
    title = "Layers from the input to the output, with lines from those that each is computed from"
    size = f"0 0 {short(width)} {height}"
    box: dict[str, str | float] = {"width": width, "height": height, "viewBox": size, "role": "img"}
    edges = [element("path", {"d": path, "class": "edge"}) for path in _edges(after, found)]
    nodes = [
        _node(layer, key, step, _at(lane, row), start)
        for row, (layer, step, lane) in enumerate(zip(result.layers, steps, found, strict=True))
    ]
    return element("svg", box, element("title", {}, title), *edges, *nodes)


def _node(layer: LayerResult, key: str, step: int, at: tuple[float, float], start: float) -> Markup:
    """Return the row of a layer: a dot, the value that ends before a place, and the name that starts there."""
    summary, (x, y) = layer.measures[key], at
    lacking = step == _NOTHING
    value = "no value" if lacking else f"{number(summary.mean)} {interval_text(summary.ci['mean'])}".rstrip()
    told = f"{printable(layer.label, 80)} ({printable(layer.op, 40)}): {value}"
    fill = "none" if lacking else colour(step / _STEPS)
    return element(
        "g",
        {"class": "node lacking" if lacking else "node"},
        element("title", {}, told),
        element("circle", {"cx": x, "cy": y, "r": _RADIUS, "fill": fill}),
        element("text", {"x": start - 8, "y": y + 4, "class": "end"}, number(summary.mean)),
        element("text", {"x": start, "y": y + 4}, _label(layer)),
    )


def _label(layer: LayerResult) -> str:
    return printable(layer.label, 60)


def _room(text: str) -> int:
    """Return the width of a text; what is not ASCII may come from another font, and be twice as wide."""
    return _CHARACTER * sum(1 if character.isascii() else 2 for character in text)


def _edges(after: list[list[int]], found: list[int]) -> Iterator[str]:
    """Yield one path a row that others follow: down its lane, and off to each that lies in another."""
    followers: dict[int, list[int]] = {}
    for row, before in enumerate(after):
        for other in before:
            followers.setdefault(other, []).append(row)
    for row, later in followers.items():
        x, y = _at(found[row], row)
        end = later[-1] if found[later[-1]] == found[row] else later[-1] - 1
        parts = [f"M{short(x)} {short(y)}V{short(_at(0, end)[1])}"] if end > row else []
        for follower in later:
            if found[follower] != found[row]:
                (across, down), up = _at(found[follower], follower), _at(0, follower - 1)[1]
                half = short((up + down) / 2)
                parts.append(
                    f"M{short(x)} {short(up)}C{short(x)} {half} {short(across)} {half} {short(across)} {short(down)}"
                )
        yield "".join(parts)


def _at(lane: int, row: int) -> tuple[float, float]:
    return (lane + 0.5) * _LANE, (row + 0.5) * _ROW
