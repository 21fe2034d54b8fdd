"""A comparison as GitHub Markdown, to paste into a pull request: the terminal's content with complete lists."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from onnxinv.comparison import Comparison, ModelComparison
from onnxinv.reports.comparisons import register
from onnxinv.reports.comparisons.report import ComparisonReport
from onnxinv.reports.comparisons.rows import Row, letter, output_rows, pair_rows, profile_rows, unmatched_labels
from onnxinv.reports.comparisons.sentences import meaning, measured, no_correspondence, quoted_measure, remarks
from onnxinv.reports.markdown_text import code, folded, plain, table
from onnxinv.reports.numbers import number

_FOLDED = 10
"""Names of one model alone above which their list is folded."""


@register("markdown")
class MarkdownComparisonReport(ComparisonReport):
    """GitHub tables of what corresponds, what changed and what only one model has; folded where lists are long."""

    def render(self, comparison: Comparison) -> str:
        """Return the Markdown text."""
        meta = comparison.document.meta
        models = zip(comparison.names, meta.models, strict=True)
        blocks = [
            "## Invariance compared",
            table(
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


def _between(comparison: Comparison, between: ModelComparison) -> Iterator[str]:
    a, b = letter(between.a), letter(between.b)
    measure = quoted_measure(comparison)
    values = plain(f"{measure} {a}"), plain(f"{measure} {b}")
    names = (code(comparison.names[between.b]), code(comparison.names[between.a]))
    yield f"### {b} against {a}: {between.verdict}"
    told = f"{meaning(comparison, between)}; {plain(between.reason)}"
    yield f"{names[0]} against {names[1]}: **{between.verdict}**: {told}."
    rows = pair_rows(between, comparison.document.meta.measure)
    if rows:
        yield _pairs(rows, values, (a, b))
    yield from (f"\\{remark}" if remark.startswith("~") else remark for remark in remarks(comparison, between, code))
    apart = no_correspondence(comparison, between)
    if apart:
        yield plain(apart)
        depth = [
            (f"{percent:.0f} %", number(one), number(two)) for percent, one, two in profile_rows(comparison, between)
        ]
        yield table(("depth", *values), depth, "rrr")
    outputs = output_rows(between)
    if outputs:
        cells = [(code(row.name), row.a, row.b, row.change, row.interval, _verdict(row.verdict)) for row in outputs]
        yield table(
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
    return table((*layers, matched, *values, "change", "95 % interval", "verdict"), cells, sides)


def _verdict(verdict: str) -> str:
    return f"**{verdict}**" if verdict in ("better", "worse") else verdict


def _listed(which: str, labels: Sequence[str]) -> str:
    title, listed = f"Only in {which} ({len(labels)})", ", ".join(map(code, labels))
    if len(labels) <= _FOLDED:
        return f"{title}: {listed}"
    return folded(title, listed)
