"""The comparison as JSON, just as `compare.json` holds it."""

from __future__ import annotations

from onnxinv.comparison import Comparison, comparison_json
from onnxinv.reports.comparisons import register
from onnxinv.reports.comparisons.report import ComparisonReport


@register("json")
class JsonComparisonReport(ComparisonReport):
    """The whole comparison as JSON, the content of `compare.json`; `schema` describes it."""

    def render(self, comparison: Comparison) -> str:
        """Return the JSON text."""
        return comparison_json(comparison)
