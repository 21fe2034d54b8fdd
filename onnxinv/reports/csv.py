"""One row for each layer and measure, for spreadsheets and data frames."""

from __future__ import annotations

import csv
import io

from onnxinv.reports import register
from onnxinv.reports.printable import printable
from onnxinv.reports.report import Report
from onnxinv.result import LayerResult, MeasureSummary, Result

_LAYER = ("index", "name", "label", "op", "shape", "channel_axis", "units", "channels")
_NUMBERS = (
    "mean", "mean_alive", "std", "median", "p05", "p95", "min", "max", "finite", "inf", "nan", "dead", "se", "bias"
)  # fmt: skip


@register("csv")
class CsvReport(Report):
    """One row for each layer and measure, in topological order, with the 95 % interval of the mean."""

    def render(self, result: Result) -> str:
        """Return the CSV text with a header line."""
        text = io.StringIO()
        writer = csv.writer(text, lineterminator="\n")
        writer.writerow([*_LAYER, "measure", *_NUMBERS, "ci_low", "ci_high"])
        for layer in result.layers:
            for key, summary in layer.measures.items():
                writer.writerow([*_layer_cells(layer), printable(key), *_number_cells(summary)])
        return text.getvalue()


def _layer_cells(layer: LayerResult) -> list[str | int]:
    shape = "x".join(map(str, layer.shape))
    names = [_inert(printable(text)) for text in (layer.name, layer.label, layer.op)]
    return [layer.index, *names, shape, layer.channel_axis, layer.units, layer.channels]


def _number_cells(summary: MeasureSummary) -> list[float | int | str]:
    low, high = summary.ci["mean"] or (None, None)
    numbers = [*(getattr(summary, name) for name in _NUMBERS), low, high]
    return ["" if number is None else number for number in numbers]


def _inert(text: str) -> str:
    """Keep a spreadsheet from taking a tensor's name for a formula."""
    return f"'{text}" if text[:1] in ("=", "+", "-", "@") else text
