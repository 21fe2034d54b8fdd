"""A comparison as GitHub Markdown, to paste into a pull request: the terminal's content with complete lists."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from onnxinv.comparison import Comparison, ModelComparison
from onnxinv.reports.comparisons import register
from onnxinv.reports.comparisons.report import ComparisonReport
from onnxinv.reports.comparisons.rows import Row, letter, output_rows, pair_rows, profile_rows, unmatched_labels
from onnxinv.reports.comparisons.sentences import meaning, measured, no_correspondence, quoted_measure, remarks
from onnxinv.reports.numbers import number
from onnxinv.reports.printable import printable

_FOLDED = 10
"""Names of one model alone above which their list is folded."""

_TELLING = re.compile(r"[^\w ,;.:%()-]|_|[.:](?=[^\s\d])")
"""What may begin markup or be part of an address."""


@register("markdown")
class MarkdownComparisonReport(ComparisonReport):
    """GitHub tables of what corresponds, what changed and what only one model has; folded where lists are long."""

    def render(self, comparison: Comparison) -> str:
        """Return the Markdown text."""
        meta = comparison.document.meta
        models = zip(comparison.names, meta.models, strict=True)
        blocks = [
            "## Invariance compared",
            _table(
                ("", "model", "file"),
                [(letter(place), code(name), code(model.path)) for place, (name, model) in enumerate(models)],
                "lll",
            ),
            measured(comparison, code),
        ]
        for between in comparison.comparisons:
            blocks += _between(comparison, between)
        blocks += [f"Note: {code(warning, 400)}" for warning in meta.warnings]
        return "\n\n".join(blocks) + "\n"


def code(text: str, longest: int = 200) -> str:
    """Return a name as code that reads the same wherever it stands, also in a cell of a table.

    A code span keeps `@`, `#` and addresses from becoming mentions and links. What would end the span or the cell is
    written as HTML, with every character that means something in Markdown as its number.
    """
    shown = printable(text, longest)
    if shown.strip() and not set("`|") & set(shown) and shown == shown.strip():
        return f"`{shown}`"
    return f"<code>{_as_numbers(shown)}</code>"


def plain(text: str) -> str:
    """Return a text that is not code, with every character that means something in Markdown as its number."""
    return _as_numbers(printable(text, 400))


def _as_numbers(text: str) -> str:
    # A blank of no width keeps an `@` from making a mention or an address; nothing that is visible does.
    return _TELLING.sub(lambda found: f"&#{ord(found[0])};" + "&#8203;" * (found[0] == "@"), text)


def _between(comparison: Comparison, between: ModelComparison) -> Iterator[str]:
    a, b = letter(between.a), letter(between.b)
    measure = quoted_measure(comparison)
    values = plain(f"{measure} {a}"), plain(f"{measure} {b}")
    names = (code(comparison.names[between.b]), code(comparison.names[between.a]))
    yield f"### {b} against {a}: {between.verdict}"
    told = f"{meaning(comparison, between)}; {plain(between.reason)}"
    yield f"{names[0]} against {names[1]}: **{between.verdict}**: {told}."
    rows = pair_rows(comparison, between)
    if rows:
        yield _pairs(rows, values, (a, b))
    yield from (f"\\{remark}" if remark.startswith("~") else remark for remark in remarks(comparison, between, code))
    apart = no_correspondence(comparison, between)
    if apart:
        yield plain(apart)
        depth = [
            (f"{percent:.0f} %", number(one), number(two)) for percent, one, two in profile_rows(comparison, between)
        ]
        yield _table(("depth", *values), depth, "rrr")
    outputs = output_rows(between)
    if outputs:
        cells = [(code(row.name), row.a, row.b, row.change, row.interval, _verdict(row.verdict)) for row in outputs]
        yield _table(
            ("measure of the class output", a, b, "change", "95 % interval", "verdict"), cells, "lrrrrl", may_lack=(5,)
        )
    for which, labels in unmatched_labels(comparison, between):
        if labels:
            yield _listed(which, labels)


def _pairs(rows: Sequence[Row], values: tuple[str, str], letters: tuple[str, str]) -> str:
    alike = all(row.name == row.other for row in rows)
    layers = ("layer",) if alike else (f"layer of {letters[0]}", f"layer of {letters[1]}")
    matched = "matched, CKA" if any(row.matched != row.how for row in rows) else "matched"
    cells = []
    for row in rows:
        names = [code(row.name)] if alike else [code(row.name), code(row.other)]
        how = row.matched.replace("~", "\\~")
        cells.append((*names, how, row.a, row.b, row.change, row.interval, _verdict(row.verdict)))
    sides = "l" * len(layers) + "lrrrrl"
    return _table((*layers, matched, *values, "change", "95 % interval", "verdict"), cells, sides)


def _verdict(verdict: str) -> str:
    return f"**{verdict}**" if verdict in ("better", "worse") else verdict


def _listed(which: str, labels: Sequence[str]) -> str:
    title, listed = f"Only in {which} ({len(labels)})", ", ".join(map(code, labels))
    if len(labels) <= _FOLDED:
        return f"{title}: {listed}"
    return f"<details><summary>{title}</summary>\n\n{listed}\n\n</details>"


def _table(titles: Sequence[str], rows: Sequence[Sequence[str]], sides: str, may_lack: Sequence[int] = ()) -> str:
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
