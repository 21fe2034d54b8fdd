"""A comparison as one HTML file to send to a colleague: it needs no network, and nothing beside it."""

from __future__ import annotations

from onnxinv.comparison import Comparison
from onnxinv.reports.comparisons import register
from onnxinv.reports.comparisons.report import ComparisonReport


@register("html")
class HtmlComparisonReport(ComparisonReport):
    """A page with the verdict, all layer profiles in one chart, differences with intervals, tables and provenance.

    Measures are switched, pairs sorted and filtered in the browser; the page asks for nothing from the network.
    """

    def render(self, comparison: Comparison) -> str:
        """Return the HTML text."""
        from onnxinv.reports.page.comparison_page import comparison_page  # heavy libraries are imported where used

        return comparison_page(comparison)
