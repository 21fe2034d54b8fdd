"""The findings of a check as JSON, just as `check.json` holds them."""

from __future__ import annotations

from onnxinv.findings import CheckReport, check_json
from onnxinv.reports.checks import register
from onnxinv.reports.checks.report import CheckReportFormat


@register("json")
class JsonCheckReport(CheckReportFormat):
    """All findings with their provenance as JSON, the content of `check.json`; `schema` describes it."""

    def render(self, report: CheckReport) -> str:
        """Return the JSON text."""
        return check_json(report)
