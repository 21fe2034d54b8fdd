"""The result document as JSON, just as `result.json` holds it."""

from __future__ import annotations

from onnxinv.reports import register
from onnxinv.reports.report import Report
from onnxinv.result import Result, to_json


@register("json")
class JsonReport(Report):
    """The whole result as JSON, the content of `result.json`; `schema` describes it."""

    def render(self, result: Result) -> str:
        """Return the JSON text."""
        return to_json(result)
