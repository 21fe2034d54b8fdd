"""Names, texts and tables as GitHub Markdown in which nothing from a model becomes markup."""

from __future__ import annotations

import re
from collections.abc import Sequence

from onnxinv.reports.printable import printable

_TELLING = re.compile(r"[^\w ,;.:%()-]|_|[.:](?=[^\s\d])")
"""What may begin markup or be part of an address."""


def code(text: str, longest: int = 200) -> str:
    """Return a name as code that reads the same wherever it stands, also in a cell of a table.

    A code span keeps `@`, `#` and addresses from becoming mentions and links. What would end the span or the cell is
    written as HTML, with every character that means something in Markdown as its number.
    """
    shown = printable(text, longest)
    if shown.strip() and not set("`|") & set(shown) and shown == shown.strip():
        return f"`{shown}`"
    return html_code(shown, longest)


def html_code(text: str, longest: int = 200) -> str:
    """Return a name as code for places where Markdown is not read, such as the summary of what is folded."""
    return f"<code>{_as_numbers(printable(text, longest))}</code>"


def folded(title: str, content: str) -> str:
    """Return content that is shown when its title, which is HTML, is clicked."""
    return f"<details><summary>{title}</summary>\n\n{content}\n\n</details>"


def plain(text: str) -> str:
    """Return a text that is not code, with every character that means something in Markdown as its number."""
    return _as_numbers(printable(text, 400))


def table(titles: Sequence[str], rows: Sequence[Sequence[str]], sides: str, may_lack: Sequence[int] = ()) -> str:
    """Return a table of cells that are Markdown already.

    Args:
        titles: of the columns.
        rows: cells.
        sides: l or r for each column.
        may_lack: columns that are left out where all their cells are empty.
    """
    kept = [place for place in range(len(titles)) if place not in may_lack or any(row[place] for row in rows)]
    rule = ["---:" if sides[place] == "r" else "---" for place in kept]
    lines = [[titles[place] for place in kept], rule, *([row[place] for place in kept] for row in rows)]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _as_numbers(text: str) -> str:
    # A blank of no width keeps an `@` from making a mention or an address; nothing that is visible does.
    return _TELLING.sub(lambda found: f"&#{ord(found[0])};" + "&#8203;" * (found[0] == "@"), text)
