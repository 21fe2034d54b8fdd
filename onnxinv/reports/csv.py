"""One row for each layer and measure, for spreadsheets and data frames."""

from __future__ import annotations

import csv
import io

from onnxinv.reports import register
from onnxinv.reports.printable import printable
from onnxinv.reports.report import Report
from onnxinv.result import Interval, LayerResult, MeasureSummary, Result

_LAYER = ("index", "name", "label", "op", "shape", "channel_axis", "units", "channels")
_NUMBERS = (
    "mean", "mean_alive", "std", "median", "p05", "p95", "min", "max", "finite", "inf", "nan", "dead", "se", "bias"
)  # fmt: skip


@register("csv")
class CsvReport(Report):
    """One row for each layer and measure, in topological order, with the 95 % interval of the mean.

    Measures of the class output follow, with their value as the mean and no index. Where measures were taken class by
    class, the column `class` is empty for the mean over classes and names the class in the rows below it.
    """

    def render(self, result: Result) -> str:
        """Return the CSV text with a header line."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        by_class = ["class"] * bool(result.meta.data.classes)
        writer.writerow([*_LAYER, "measure", *by_class, *_NUMBERS, "ci_low", "ci_high"])
        for layer in result.layers:
            for key, summary in layer.measures.items():
                start = [*_layer_cells(layer), printable(key)]
                writer.writerow([*start, *[""] * len(by_class), *_number_cells(summary)])
                for name, value in (summary.classes or {}).items():
                    writer.writerow([*start, _inert(printable(name)), *_only_mean(value)])
        for key, output in result.document.outputs.items():
            spread = {"se": output.se, "bias": output.bias}
            start = ["", *_output_cells(result), printable(key), *[""] * len(by_class)]
            writer.writerow([*start, *_only_mean(output.value, output.ci, **spread)])
        return text.getvalue()


def _layer_cells(layer: LayerResult) -> list[str | int]:
    shape = "x".join(map(str, layer.shape))
    names = [_inert(printable(text)) for text in (layer.name, layer.label, layer.op)]
    return [layer.index, *names, shape, layer.channel_axis, layer.units, layer.channels]


def _number_cells(summary: MeasureSummary) -> list[float | int | str]:
    low, high = summary.ci["mean"] or (None, None)
    numbers = [*(getattr(summary, name) for name in _NUMBERS), low, high]
    return ["" if number is None else number for number in numbers]


def _output_cells(result: Result) -> list[str | int]:
    found = result.meta.class_output
    name = _inert(printable(found.name)) if found else ""
    classes = found.classes if found else ""
    return [name, "class output", "", str(classes), "", classes, classes]


def _only_mean(mean: float | None, interval: Interval | None = None, **others: float | None) -> list[float | int | str]:
    known = {"mean": mean, **others}
    low, high = interval or (None, None)
    return ["" if number is None else number for number in (*(known.get(name) for name in _NUMBERS), low, high)]


def _inert(text: str) -> str:
    """Keep a spreadsheet from taking a tensor's name for a formula."""
    return f"'{text}" if text[:1] in ("=", "+", "-", "@") else text
