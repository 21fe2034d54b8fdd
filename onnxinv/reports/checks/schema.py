"""The JSON Schema of `check.json`."""

from __future__ import annotations

import json

from onnxinv.findings import CheckDocument, CheckReport
from onnxinv.reports.checks import register
from onnxinv.reports.checks.report import CheckReportFormat


@register("schema")
class SchemaCheckReport(CheckReportFormat):
    """The JSON Schema of `check.json`, the same for every check."""

    def render(self, report: CheckReport) -> str:  # a format takes a check; this one's content is the format of all
        """Return the schema as JSON text."""
        return json.dumps(CheckDocument.model_json_schema(), indent=1) + "\n"
