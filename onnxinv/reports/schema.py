"""The JSON Schema of `result.json`."""

from __future__ import annotations

import json

from onnxinv.reports import register
from onnxinv.reports.report import Report
from onnxinv.result import Document, Result


@register("schema")
class SchemaReport(Report):
    """The JSON Schema of `result.json`, the same for every result."""

    def render(self, result: Result) -> str:  # a report takes a result; this one's content is the format
        """Return the schema as JSON text."""
        return json.dumps(Document.model_json_schema(), indent=1) + "\n"
