"""One row for each layer and measure, for spreadsheets and data frames."""

from __future__ import annotations

import csv
import io

from onnxinv.long_form import columns, rows
from onnxinv.reports import register
from onnxinv.reports.printable import printable
from onnxinv.reports.report import Report
from onnxinv.result import Result

_FROM_OUTSIDE = ("name", "label", "op", "class")
"""Columns of texts that a model or its data chose."""


@register("csv")
class CsvReport(Report):
    """One row for each layer and measure, in topological order, with the 95 % interval of the mean.

    Measures of the class output follow, with their value as the mean and no index. Where measures were taken class by
    class, the column `class` is empty for the mean over classes and names the class in the rows below it.
    """

    def render(self, result: Result) -> str:
        """Return the CSV text with a header line."""
        text = io.StringIO()
        writer = csv.DictWriter(text, columns(result), lineterminator="\n")
        writer.writeheader()
        writer.writerows({name: _cell(name, value) for name, value in row.items()} for row in rows(result))
        return text.getvalue()


def _cell(name: str, value: str | int | float | None) -> str | int | float:
    if isinstance(value, str):
        return _inert(printable(value)) if name in _FROM_OUTSIDE else printable(value)
    return "" if value is None else value


def _inert(text: str) -> str:
    """Keep a spreadsheet from taking a tensor's name for a formula."""
    return f"'{text}" if text[:1] in ("=", "+", "-", "@") else text
