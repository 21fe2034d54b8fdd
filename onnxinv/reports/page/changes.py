"""What changes from one model to another, layer by layer: a bar each, its colour telling the verdict."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from onnxinv.comparison import Comparison, Difference, ModelComparison, PairedLayers
from onnxinv.reports.comparisons.rows import letter, signed
from onnxinv.reports.page.frame import WIDTH, Frame, span
from onnxinv.reports.page.layer_profile import FAR, names_below
from onnxinv.reports.page.overlay import BOTTOM, MOST_DOTS
from onnxinv.reports.page.svg import element, short
from onnxinv.reports.printable import printable

_HEIGHT = 260

_WIDEST, _SHARE = 16.0, 0.7
"""Width of a bar: at most so much, and this share of the room that it has."""


_LEAST = 2
"""How many margins the chart shows at least: what counts as no difference must not look like one."""


@dataclass(frozen=True)
class _Bar:
    place: int
    pair: PairedLayers
    found: Difference
    size: float

    @property
    def kind(self) -> str:
        return f"bar {self.found.verdict or 'neither'}"

    @property
    def value(self) -> float:
        return max(abs(self.found.a or 0.0), abs(self.found.b or 0.0))


def changes(comparison: Comparison, between: ModelComparison, key: str) -> Markup:
    """Return the differences of one measure where the first model's layers lie; nothing where none is known."""
    layers = comparison.results[between.a].layers
    where = {layer.name: place for place, layer in enumerate(layers)}
    bars = [
        _Bar(where[pair.a], pair, found, found.difference)
        for pair in between.pairs
        if pair.a in where and (found := pair.measures[key]).difference is not None
    ]
    if not bars:
        return Markup("")
    most = FAR * max(abs(bar.size) for bar in bars)
    ends = [end for bar in bars for end in bar.found.ci or () if abs(end) <= most]
    least = _LEAST * comparison.document.meta.margin * max(bar.value for bar in bars)
    up = span([*(bar.size for bar in bars), *ends, -least, least])
    frame = Frame(_HEIGHT, BOTTOM, (-0.5, len(layers) - 0.5), up)
    width = min(_WIDEST, _SHARE * WIDTH / len(layers))
    drawn = [*frame.grid(), *(_told(frame, bars, width) if len(bars) <= MOST_DOTS else _many(frame, bars, width))]
    drawn += [_intervals(frame, bars), _zero(frame), *names_below(frame, layers)]
    names = f"{letter(between.b)} - {letter(between.a)}"
    return frame.svg(f"Difference of {printable(key)}, {names}, of every pair of layers", drawn)


def _told(frame: Frame, bars: Sequence[_Bar], width: float) -> Iterator[Markup]:
    """Yield bars that tell their numbers."""
    for bar in bars:
        found = bar.found
        change, *ends = signed([bar.size, *(found.ci or ())], bar.value)
        other = "" if bar.pair.label_a == bar.pair.label_b else f" and {printable(bar.pair.label_b, 80)}"
        interval = f" [{', '.join(ends)}]" if ends else ""
        verdict = f", {found.verdict}" if found.verdict else ""
        title = element("title", {}, f"{printable(bar.pair.label_a, 80)}{other}: {change}{interval}{verdict}")
        top, bottom = sorted((frame.y(0.0), frame.y(bar.size)))
        where: dict[str, str | float] = {
            "x": frame.x(bar.place) - width / 2,
            "y": top,
            "width": width,
            "height": max(bottom - top, 1.0),
            "class": bar.kind,
        }
        yield element("rect", where, title)


def _many(frame: Frame, bars: Sequence[_Bar], width: float) -> Iterator[Markup]:
    """Yield bars as one drawing for each verdict: so many that nobody points at one."""
    for kind in dict.fromkeys(bar.kind for bar in bars):
        told = "".join(
            f"M{short(frame.x(bar.place))},{short(frame.y(0.0))}V{short(frame.y(bar.size))}"
            for bar in bars
            if bar.kind == kind
        )
        yield element("path", {"d": told, "class": f"{kind} thin", "stroke-width": short(max(width, 0.3))})


def _intervals(frame: Frame, bars: Sequence[_Bar]) -> Markup:
    told = [
        f"M{short(frame.x(bar.place))},{short(frame.y(bar.found.ci[0]))}V{short(frame.y(bar.found.ci[1]))}"
        for bar in bars
        if bar.found.ci
    ]
    return element("path", {"d": "".join(told), "class": "whisker"})


def _zero(frame: Frame) -> Markup:
    left, right = map(frame.x, frame.across)
    return element("line", {"x1": left, "x2": right, "y1": frame.y(0.0), "y2": frame.y(0.0), "class": "zero"})
