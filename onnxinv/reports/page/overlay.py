"""The layer profiles of several models in one chart: layers that correspond stand at the same place."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from markupsafe import Markup

from onnxinv.comparison import Comparison
from onnxinv.reports.comparisons.rows import letter
from onnxinv.reports.numbers import interval_text, number
from onnxinv.reports.page.frame import WIDTH, Frame, span
from onnxinv.reports.page.layer_profile import FAR, names_below
from onnxinv.reports.page.svg import element, short
from onnxinv.reports.printable import printable
from onnxinv.result import LayerResult, MeasureSummary

HEIGHT, BOTTOM = 310, 76

MOST_DOTS = 200
"""Layers up to which each has a dot that tells its numbers."""

COLOURS = 5
"""Colours of models; of more models these come again, with broken lines."""

_SHAPES = (
    "m-3.5,0a3.5,3.5 0 1,0 7,0a3.5,3.5 0 1,0 -7,0",
    "m-3.2,-3.2h6.4v6.4h-6.4z",
    "m0,-4.4l4.4,7.6h-8.8z",
    "m0,-4.8l4.8,4.8l-4.8,4.8l-4.8,-4.8z",
    "m-4.4,-3.2h8.8l-4.4,7.6z",
)
"""What tells models apart without colour."""

_BESIDE = 3.0
"""How far the intervals of two models at the same place are moved apart, where there is room."""


@dataclass(frozen=True)
class Track:
    """A model on the chart.

    Attributes:
        place: of the model among those that are compared.
        name: what it is called, printable.
        layers: its layers.
        places: where each layer lies, in layers of the first model.
    """

    place: int
    name: str
    layers: Sequence[LayerResult]
    places: Sequence[float]

    @property
    def classes(self) -> str:
        """What its colour and its line hang on."""
        return f"model m{self.place % COLOURS}" + " again" * (self.place >= COLOURS)

    @cached_property
    def order(self) -> list[int]:
        """Its layers from the left to the right."""
        return sorted(range(len(self.layers)), key=lambda at: self.places[at])

    def summaries(self, key: str) -> Iterator[tuple[float, LayerResult, MeasureSummary]]:
        """Yield where each layer with a value lies, with that value."""
        for place, layer in zip(self.places, self.layers, strict=True):
            if layer.measures[key].mean is not None:
                yield place, layer, layer.measures[key]


def tracks(comparison: Comparison) -> list[Track]:
    """Return where the layers of each model lie: those that correspond to one of the first model where that lies."""
    first = comparison.results[0].layers
    found = [Track(0, printable(comparison.names[0], 80), first, range(len(first)))]
    where = {layer.name: place for place, layer in enumerate(first)}
    for between in comparison.comparisons:
        layers = comparison.results[between.b].layers
        partners = {pair.b: where[pair.a] for pair in between.pairs if pair.a in where}
        paired = [(at, partners[layer.name]) for at, layer in enumerate(layers) if layer.name in partners]
        known = [(-1, -1), *paired, (len(layers), len(first))]
        places = np.interp(range(len(layers)), [at for at, _ in known], [place for _, place in known])
        found.append(Track(between.b, printable(comparison.names[between.b], 80), layers, places.tolist()))
    return found


def overlay(models: Sequence[Track], key: str) -> Markup:
    """Return the profiles of one measure; nothing where no layer of any model has a value."""
    summaries = [summary for model in models for _, _, summary in model.summaries(key)]
    means = [summary.mean or 0.0 for summary in summaries]
    if not means:
        return Markup("")
    most = FAR * max(map(abs, means))
    ends = [end for summary in summaries for end in summary.ci.get("mean") or () if abs(end) <= most]
    frame = Frame(HEIGHT, BOTTOM, (-0.5, max(1, len(models[0].layers)) - 0.5), span([*means, *ends]))
    drawn = list(frame.grid())
    for number_of, model in enumerate(models):
        aside = (number_of - (len(models) - 1) / 2) * min(_BESIDE, _room(models[0]) / (2 * len(models)))
        parts = [_intervals(frame, model, key, aside), *_line(frame, model, key)]
        if len(model.layers) <= MOST_DOTS:
            parts += _dots(frame, model, key, aside)
        drawn.append(element("g", {"class": model.classes}, *parts))
    drawn += names_below(frame, models[0].layers)
    return frame.svg(f"{printable(key)} of every layer of each model, from the input to the output", drawn)


def sign(model: Track) -> Markup:
    """Return the line and the dot of a model, for the list of models."""
    line = element("path", {"d": "M0,8h28", "class": "line"})
    dot = element("path", {"d": f"M14,8{_shape(model)}", "class": "dot"})
    box = {"viewBox": "0 0 28 16", "width": "28", "height": "16", "class": model.classes, "aria-hidden": "true"}
    return element("svg", box, line, dot)


def _room(model: Track) -> float:
    return WIDTH / max(1, len(model.layers))


def _shape(model: Track) -> str:
    return _SHAPES[model.place % len(_SHAPES)]


def _line(frame: Frame, model: Track, key: str) -> Iterator[Markup]:
    values = [model.layers[at].measures[key].mean for at in model.order]
    yield from frame.line([model.places[at] for at in model.order], values)


def _intervals(frame: Frame, model: Track, key: str, aside: float) -> Markup:
    told = []
    for place, _, summary in model.summaries(key):
        interval = summary.ci.get("mean")
        if interval:
            low, high = map(frame.y, interval)
            told.append(f"M{short(frame.x(place) + aside)},{short(low)}V{short(high)}")
    return element("path", {"d": "".join(told), "class": "interval"})


def _dots(frame: Frame, model: Track, key: str, aside: float) -> Iterator[Markup]:
    for place, layer, summary in model.summaries(key):
        told = f"{letter(model.place)}, {printable(layer.label, 80)}: {number(summary.mean)}"
        title = element("title", {}, f"{told} {interval_text(summary.ci.get('mean'))}".rstrip())
        at = f"M{short(frame.x(place) + aside)},{short(frame.y(summary.mean or 0.0))}{_shape(model)}"
        yield element("path", {"d": at, "class": "dot"}, title)
