"""A check as one HTML file: limits and findings to sort and filter; it needs no network, and nothing beside it."""

from __future__ import annotations

from onnxinv.findings import CheckReport
from onnxinv.reports.checks import register
from onnxinv.reports.checks.report import CheckReportFormat


@register("html")
class HtmlCheckReport(CheckReportFormat):
    """A page with the verdict, what to do, and a table a run of every limit on every layer, those that fail first.

    Findings are sorted and filtered in the browser; the page asks for nothing from the network.
    """

    def render(self, report: CheckReport) -> str:
        """Return the HTML text."""
        from onnxinv.reports.page.check_page import check_page  # heavy libraries are imported where used

        return check_page(report)
