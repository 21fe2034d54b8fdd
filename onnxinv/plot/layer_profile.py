"""The layer profile: a measure against depth with its 95 % intervals, of one result or of several."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from onnxinv.comparable import names_of
from onnxinv.errors import UsageError
from onnxinv.plot.axes import axes, legend, name_columns, title
from onnxinv.plot.choice import chosen_measure, having
from onnxinv.reports.numbers import counts_text
from onnxinv.result import LayerResult, MeasureSummary, Result

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes

_STYLES = (
    ("#0072b2", "o"), ("#d55e00", "s"), ("#009e73", "^"), ("#cc79a7", "D"), ("#e69f00", "v"), ("#56b4e9", "P"),
)  # fmt: skip
"""Colours that are told apart by everyone (Okabe and Ito), each with a marker of its own."""

_MOST_MARKS = 100
"""Layers of one result that have a mark each."""

_ENOUGH = 0.5
"""Share of the layers that two models must have in common to be laid over each other label by label."""

_FAR = 2
"""How many times the largest mean the end of an interval may be to be within the figure."""

Label = tuple[str, int]
"""What a layer is called, and how many layers before it are called the same."""


@dataclass(frozen=True)
class _Series:
    """What is drawn of one result.

    Attributes:
        layers: those that have the measure.
        summaries: of these.
        places: where they lie on the axis.
    """

    layers: Sequence[LayerResult]
    summaries: Sequence[MeasureSummary]
    places: Sequence[float]


def profile(
    results: Result | Sequence[Result] | Mapping[str, Result], measure: str | None = None, *, ax: Axes | None = None
) -> Axes:
    """Draw the mean of a measure over the channels of every layer, from the input to the output.

    Upright lines are 95 % intervals. A hollow mark is a layer whose channels are all dead; where a layer has no finite
    value, `inf`, `nan` or `dead` stands at its place. Layers without the measure are left out.

    Args:
        results: one result, or several to be laid over each other: layers of the same label stand in one column. Where
            models share few labels, all are drawn over relative depth instead. The keys of a mapping name its results.
        measure: a key of `Result.measures`; the first one by default.
        ax: axes to draw on; those of a new figure by default.

    Returns:
        The axes.

    Raises:
        UsageError: no result is given, or one lacks the measure.
        OnnxinvError: matplotlib is not installed, or no layer has the measure.
    """
    named = _named(results)
    key = chosen_measure(named[0][1], measure)
    layers = [having(result, chosen_measure(result, key)) for _, result in named]
    columns, places = _columns([list(_labels(each)) for each in layers])
    series = [
        _Series(each, [layer.measures[key] for layer in each], at) for each, at in zip(layers, places, strict=True)
    ]
    ax = axes(ax, len(columns))
    drawn = [_draw(ax, each, *_STYLES[place % len(_STYLES)]) for place, each in enumerate(series)]
    _reach(ax, series)
    if columns:
        remarks = [counts_text(summary) for summary in series[0].summaries] if len(series) == 1 else [""] * len(columns)
        name_columns(
            ax, [f"{name} ({told})" if told else name for (name, _), told in zip(columns, remarks, strict=True)]
        )
        ax.set_xlim(-0.5, len(columns) - 0.5)
    title(ax, "layer" if columns else "relative depth (%)", key)
    if len(named) > 1:
        legend(ax, drawn, [name for name, _ in named])
    return ax


def _named(results: Result | Sequence[Result] | Mapping[str, Result]) -> list[tuple[str, Result]]:
    if isinstance(results, Mapping):
        named = [(str(name), result) for name, result in results.items()]
    else:
        several = [results] if isinstance(results, Result) else list(results)
        named = list(zip(names_of([each.meta.model.path for each in several]), several, strict=True))
    if not named:
        raise UsageError("There is no result to draw.", "Give one, or a list of them.")
    return named


def _labels(layers: Iterable[LayerResult]) -> Iterable[Label]:
    seen: Counter[str] = Counter()
    for layer in layers:
        yield layer.label, seen[layer.label]
        seen[layer.label] += 1


def _columns(labels: Sequence[Sequence[Label]]) -> tuple[list[Label], list[list[float]]]:
    """Return the columns that hold all labels, and the place of each layer; no columns where depth must do."""
    columns = list(labels[0])
    for other in labels[1:]:
        if len(set(columns) & set(other)) < _ENOUGH * min(len(labels[0]), len(other)):
            return [], [[100 * place / max(1, len(each) - 1) for place in range(len(each))] for each in labels]
        at = 0
        for label in other:
            if label not in columns:
                columns.insert(at, label)
            at = columns.index(label) + 1
    place_of = {label: float(place) for place, label in enumerate(columns)}
    return columns, [[place_of[label] for label in each] for each in labels]


def _draw(ax: Axes, series: _Series, colour: str, marker: str) -> Artist:
    points = sorted(zip(series.places, series.summaries, strict=True), key=lambda point: point[0])
    places = [place for place, _ in points]
    means = [float("nan") if each.mean is None else each.mean for _, each in points]
    size = 5.0 if len(points) <= _MOST_MARKS else 0.0
    (line,) = ax.plot(places, means, color=colour, marker=marker, markersize=size, linewidth=1.5)
    upright = [(place, *interval) for place, each in points if each.mean is not None and (interval := each.ci["mean"])]
    if upright:
        ax.vlines(*zip(*upright, strict=True), color=colour, linewidth=min(5.0, 400 / len(points)), alpha=0.35)
    dead = [(place, each.mean) for place, each in points if each.mean is not None and each.mean_alive is None]
    if dead:
        ax.plot(
            *zip(*dead, strict=True), color=colour, marker=marker, markersize=5, linestyle="", mfc=ax.get_facecolor()
        )
    inside = ax.get_xaxis_transform()
    for place, each in points:
        if each.mean is None:
            ax.text(place, 0.02, _nothing(each), color=colour, rotation=90, ha="center", va="bottom", transform=inside)
    return line


def _nothing(summary: MeasureSummary) -> str:
    """Return what the values of a layer are where none is finite."""
    if summary.inf:
        return "inf"
    return "dead" if summary.dead else "nan"


def _reach(ax: Axes, series: Sequence[_Series]) -> None:
    """Hold 0 and all means in the figure, but no interval that reaches far beyond them."""
    summaries = [summary for each in series for summary in each.summaries if summary.mean is not None]
    means = [summary.mean for summary in summaries if summary.mean is not None]
    most = _FAR * max(map(abs, means), default=0.0)
    ends = [end for summary in summaries for end in summary.ci["mean"] or () if abs(end) <= most]
    low, high = min([0.0, *means, *ends]), max([0.0, *means, *ends])
    room = 0.05 * (high - low) or 1.0
    ax.set_ylim(low - room if low < 0 else 0.0, high + room)
