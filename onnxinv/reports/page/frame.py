"""The frame of a chart: where values lie in it, and the lines and numbers beside them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from onnxinv.reports.page.svg import element, short, tick_text, ticks

WIDTH = 720
_LEFT, _RIGHT, _TOP = 56, 12, 12


@dataclass(frozen=True)
class Frame:
    """A chart of one width, whatever the page makes of it.

    Attributes:
        height: in the same unit as the width.
        bottom: room below the chart for names.
        across: the values at its left and its right.
        up: the values at its bottom and its top.
    """

    height: int
    bottom: int
    across: tuple[float, float]
    up: tuple[float, float]

    def x(self, value: float) -> float:
        """Return where a value lies from the left."""
        low, high = self.across
        share = (value - low) / (high - low) if high > low else 0.5
        return _LEFT + (WIDTH - _LEFT - _RIGHT) * share

    def y(self, value: float) -> float:
        """Return where a value lies from the top; at an edge where it is beyond."""
        low, high = self.up
        share = (min(max(value, low), high) - low) / (high - low)
        return _TOP + (self.height - _TOP - self.bottom) * (1 - share)

    @property
    def base(self) -> float:
        """Where the chart ends below."""
        return self.height - self.bottom

    def grid(self) -> Iterator[Markup]:
        """Yield a line and a number for some values."""
        for tick in ticks(*self.up):
            at = self.y(tick)
            yield element("line", {"x1": _LEFT, "x2": WIDTH - _RIGHT, "y1": at, "y2": at, "class": "grid"})
            yield element("text", {"x": _LEFT - 6, "y": at + 4, "class": "tick end"}, tick_text(tick))

    def line(self, xs: Sequence[float], ys: Sequence[float | None]) -> Iterator[Markup]:
        """Yield a line through values, broken where there is none."""
        for run in _runs(ys):
            told = " ".join(f"{short(self.x(xs[at]))},{short(self.y(value))}" for at, value in run)
            yield element("polyline", {"points": told, "class": "line"})

    def svg(self, title: str, parts: Sequence[Markup]) -> Markup:
        """Return the whole drawing."""
        box = {"viewBox": f"0 0 {WIDTH} {self.height}", "role": "img", "class": "chart"}
        return element("svg", box, element("title", {}, title), *parts)


def span(values: Sequence[float]) -> tuple[float, float]:
    """Return the ends of an axis that holds these values, and 0."""
    low, high = min(0.0, *values), max(0.0, *values)
    return (low, high) if high > low else (low, low + 1)


def _runs(values: Sequence[float | None]) -> Iterator[list[tuple[int, float]]]:
    run: list[tuple[int, float]] = []
    for place, value in enumerate([*values, None]):
        if value is not None:
            run.append((place, value))
        elif run:
            yield run
            run = []
