"""One row for each measure of each layer, class of samples and output: what csv and data frames hold."""

from __future__ import annotations

from collections.abc import Iterator

from onnxinv.result import Interval, LayerResult, MeasureSummary, Result

Row = dict[str, str | int | float | None]
"""A value by column; None where there is none."""

TEXTS = ("name", "label", "op", "shape", "measure", "class")
"""Columns of texts."""

COUNTS = ("index", "channel_axis", "units", "channels", "finite", "inf", "nan", "dead")
"""Columns of whole numbers; all others hold real ones."""

_LAYER = ("index", "name", "label", "op", "shape", "channel_axis", "units", "channels")
_NUMBERS = (
    "mean", "mean_alive", "std", "median", "p05", "p95", "min", "max", "finite", "inf", "nan", "dead", "se", "bias"
)  # fmt: skip


def columns(result: Result) -> list[str]:
    """Return the columns in order; `class` is one where samples were taken class by class."""
    summaries = (summary for layer in result.layers for summary in layer.measures.values())
    by_class = bool(result.meta.data.classes) or any(summary.classes for summary in summaries)
    return [*_LAYER, "measure", *["class"] * by_class, *_NUMBERS, "ci_low", "ci_high"]


def rows(result: Result) -> Iterator[Row]:
    """Yield the rows in topological order, each with all columns; measures of the class output come last."""
    nothing: Row = dict.fromkeys(columns(result))
    for layer in result.layers:
        for key, summary in layer.measures.items():
            start = nothing | _of_layer(layer) | {"measure": key}
            yield start | _of_summary(summary)
            for name, value in (summary.classes or {}).items():
                yield start | {"class": name, "mean": value}
    for key, output in result.document.outputs.items():
        start = nothing | _of_output(result) | {"measure": key}
        yield start | {"mean": output.value, "se": output.se, "bias": output.bias} | _ends(output.ci)


def _of_layer(layer: LayerResult) -> Row:
    told: Row = {name: getattr(layer, name) for name in _LAYER}
    return told | {"shape": "x".join(map(str, layer.shape))}


def _of_summary(summary: MeasureSummary) -> Row:
    return {name: getattr(summary, name) for name in _NUMBERS} | _ends(summary.ci["mean"])


def _of_output(result: Result) -> Row:
    told: Row = {"label": "class output"}
    found = result.meta.class_output
    if found:
        told |= {"name": found.name, "shape": str(found.classes), "units": found.classes, "channels": found.classes}
    return told


def _ends(interval: Interval | None) -> Row:
    low, high = interval or (None, None)
    return {"ci_low": low, "ci_high": high}
