"""The JSON Schema of `compare.json`."""

from __future__ import annotations

import json

from onnxinv.comparison import CompareDocument, Comparison
from onnxinv.reports.comparisons import register
from onnxinv.reports.comparisons.report import ComparisonReport


@register("schema")
class SchemaComparisonReport(ComparisonReport):
    """The JSON Schema of `compare.json`, the same for every comparison."""

    def render(self, comparison: Comparison) -> str:  # a report takes a comparison; this one's content is the format
        """Return the schema as JSON text."""
        return json.dumps(CompareDocument.model_json_schema(), indent=1) + "\n"
