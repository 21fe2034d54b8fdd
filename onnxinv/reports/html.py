"""One HTML file to send to a colleague: it needs no network, and nothing beside it."""

from __future__ import annotations

from onnxinv.reports import register
from onnxinv.reports.report import Report
from onnxinv.result import Result


@register("html")
class HtmlReport(Report):
    """A page with the verdict, the layer profile, all channels in colour, curves over transforms, tables, provenance.

    Measures are switched, layers sorted and filtered in the browser; the page asks for nothing from the network.
    """

    def render(self, result: Result) -> str:
        """Return the HTML text."""
        from onnxinv.reports.page.render import page  # heavy libraries are imported where used

        return page(result)
