"""Fills a template of this folder: what it is given is escaped unless it is markup already."""

from __future__ import annotations

from onnxinv.reports.printable import printable


def filled(template: str, **content: object) -> str:
    """Return the text of a template, such as `page.html.j2`, with this content."""
    from jinja2 import Environment, PackageLoader, StrictUndefined  # heavy libraries are imported where used

    environment = Environment(
        loader=PackageLoader("onnxinv.reports", "page"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters["printable"] = printable
    return environment.get_template(template).render(**content)
