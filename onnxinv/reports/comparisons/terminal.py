"""A comparison for the terminal: one line a pair of layers; fits 80 columns and stays readable when piped."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from io import StringIO
from typing import Literal

from rich import box
from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from onnxinv.comparison import Comparison, ModelComparison
from onnxinv.reports.comparisons import register
from onnxinv.reports.comparisons.report import ComparisonReport
from onnxinv.reports.comparisons.rows import Row, letter, output_rows, pair_rows, profile_rows, unmatched_labels
from onnxinv.reports.comparisons.sentences import meaning, measured, no_correspondence, quoted_measure, remarks
from onnxinv.reports.numbers import number
from onnxinv.reports.printable import printable, shorten
from onnxinv.reports.sections import FirstThatFits
from onnxinv.reports.terminal import WIDTH, bar

_STYLES: Mapping[str, str] = {
    "better": "green",
    "worse": "red",
    "uncertain": "yellow",
    "mixed": "yellow",
    "same": "dim",
}

_LISTED = 10
"""Layers of one model alone that are named; of more, as many and a count."""

_BAR = 12

_ALL = ("name", "other", "matched", "a", "b", "change", "interval", "verdict")
_NO_CHANGE = ("name", "other", "how", "a", "b", "interval", "verdict")
_NO_MATCH = ("name", "other", "a", "b", "interval", "verdict")
_NO_INTERVAL = ("name", "other", "a", "b", "change", "verdict")
_ONLY_CHANGE = ("name", "other", "change", "verdict")
_LAYOUTS: Sequence[tuple[Sequence[str], int, int]] = (
    (_ALL, 40, 2), (_ALL, 22, 2), (_ALL, 14, 2), (_NO_CHANGE, 20, 1), (_NO_CHANGE, 17, 1), (_NO_CHANGE, 15, 1),
    (_NO_MATCH, 14, 2), (_NO_MATCH, 12, 1), (_NO_INTERVAL, 16, 2), (_NO_INTERVAL, 12, 1), (_ONLY_CHANGE, 12, 1),
    (_ONLY_CHANGE, 7, 1),
)  # fmt: skip
"""Columns, characters that are left of a label, and blanks between columns; the fullest first."""


@register("terminal")
class TerminalComparisonReport(ComparisonReport):
    """A table with one line a pair of layers: how it was matched, both values, the change with its interval, a verdict.

    The verdict over all follows, then measures of the class output and the layers that only one model has. Where the
    layers do not correspond, both models are shown over relative depth.
    """

    def render(self, comparison: Comparison) -> str:
        """Return the report as plain text of 80 columns."""
        text = StringIO()
        Console(file=text, width=WIDTH, color_system=None, legacy_windows=False).print(self.renderable(comparison))
        return "\n".join(line.rstrip() for line in text.getvalue().splitlines()) + "\n"

    def renderable(self, comparison: Comparison) -> RenderableType:
        """Return the report for a rich console."""
        parts: list[RenderableType] = [_heading(comparison)]
        for between in comparison.comparisons:
            parts += _between(comparison, between)
        warnings = comparison.document.meta.warnings
        parts += [Text("")] * bool(warnings)
        return Group(*parts, *(Text(f"Note: {printable(warning, 400)}") for warning in warnings))


def _heading(comparison: Comparison) -> Text:
    text = Text()
    for place, (name, model) in enumerate(zip(comparison.names, comparison.document.meta.models, strict=True)):
        text.append(f"{letter(place)}  ").append(printable(name), "bold").append(f"  {printable(model.path)}\n", "dim")
    return text.append(measured(comparison, printable))


def _between(comparison: Comparison, between: ModelComparison) -> Iterator[RenderableType]:
    a, b = letter(between.a), letter(between.b)
    measure = quoted_measure(comparison)
    if len(comparison.comparisons) > 1:
        yield Text(f"\n{b} against {a}", "bold")
    rows = pair_rows(between, comparison.document.meta.measure)
    if rows:
        yield Text("")
        yield _pairs(rows, (f"{shorten(measure, 8)} {a}", f"{shorten(measure, 8)} {b}"), (a, b))
    yield Text.assemble(
        "\n",
        (between.verdict, f"bold {_STYLES[between.verdict]}"),
        f": {meaning(comparison, between)}; {printable(between.reason)}",
    )
    for remark in remarks(comparison, between, printable):
        yield Text(remark)
    apart = no_correspondence(comparison, between)
    if apart:
        yield Text(f"\n{apart}\n")
        yield _profile(profile_rows(comparison, between), (f"{shorten(measure, 8)} {a}", f"{shorten(measure, 8)} {b}"))
    outputs = output_rows(between)
    if outputs:
        yield Text("")
        yield _outputs(outputs, (a, b))
    alone = [Text(_listed(which, labels)) for which, labels in unmatched_labels(comparison, between) if labels]
    yield from [Text("")] * bool(alone)
    yield from alone


def _pairs(rows: Sequence[Row], values: tuple[str, str], letters: tuple[str, str]) -> FirstThatFits:
    alike = all(row.name == row.other for row in rows)
    matched = "matched, CKA" if any(row.matched != row.how for row in rows) else "matched"
    titles = dict(zip(_ALL, ("layer", "", matched, *values, "change", "95 % interval", "verdict"), strict=True))
    titles["how"] = "matched"
    if not alike:
        titles |= {"name": f"layer of {letters[0]}", "other": f"layer of {letters[1]}"}

    def tables() -> Iterator[Table]:
        for columns, longest, gap in _LAYOUTS:
            yield _table(rows, {name: titles[name] for name in columns if name != "other" or not alike}, longest, gap)

    return FirstThatFits(tables)


def _outputs(rows: Sequence[Row], letters: tuple[str, str]) -> FirstThatFits:
    titles = {
        "name": "measure of the class output", "a": letters[0], "b": letters[1], "change": "change",
        "interval": "95 % interval", "verdict": "verdict",
    }  # fmt: skip
    if not any(row.verdict for row in rows):
        del titles["verdict"]
    dropped: Sequence[tuple[set[str], int, int]] = (
        (set(), 32, 2), (set(), 24, 1), ({"change"}, 24, 1), ({"change"}, 16, 1), ({"interval"}, 16, 1),
        ({"interval", "change"}, 12, 1),
    )  # fmt: skip

    def tables() -> Iterator[Table]:
        for names, longest, gap in dropped:
            kept = {name: title for name, title in titles.items() if name not in names}
            yield _table(rows, kept if longest > 24 else {**kept, "name": "class output"}, longest, gap)

    return FirstThatFits(tables)


def _table(rows: Sequence[Row], titles: Mapping[str, str], longest: int, gap: int) -> Table:
    """Return a table of some columns; where none tells how layers were matched, a ~ before the last label does."""
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, gap - 1, 0, 0), show_edge=False)
    marked = None if {"matched", "how"} & set(titles) else ("other" if "other" in titles else "name")
    for name, title in titles.items():
        side: Literal["left", "right"] = "right" if name in ("a", "b", "change", "interval") else "left"
        table.add_column(Text(shorten(title, max(longest, 13))), justify=side, no_wrap=True, overflow="ellipsis")
    for row in rows:
        cells = []
        for name in titles:
            text = getattr(row, name)
            if name in ("name", "other"):
                text = "~" * (row.guess and name == marked) + shorten(text, longest)
            cells.append(
                Text(text, {"verdict": _STYLES.get(row.verdict, ""), "matched": "dim", "how": "dim"}.get(name, ""))
            )
        table.add_row(*cells)
    return table


def _profile(rows: Sequence[tuple[float, float | None, float | None]], titles: tuple[str, str]) -> FirstThatFits:
    scale = max((1.0, *(value for _, *values in rows for value in values if value is not None)))

    def tables() -> Iterator[Table]:
        for width in (_BAR, 0):
            table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0), show_edge=False)
            table.add_column("depth", justify="right", no_wrap=True)
            for title in titles:
                table.add_column(Text(title), justify="right", no_wrap=True)
                if width:
                    table.add_column(Text(f"0 to {scale:.3g}"), style="cyan", no_wrap=True, min_width=width)
            for percent, *values in rows:
                cells = [[number(value), *[bar((value or 0.0) / scale, width)] * bool(width)] for value in values]
                table.add_row(f"{percent:.0f} %", *(Text(cell) for pair in cells for cell in pair))
            yield table

    return FirstThatFits(tables)


def _listed(which: str, labels: Sequence[str]) -> str:
    shown = ", ".join(shorten(label, 40) for label in labels[:_LISTED])
    more = len(labels) - _LISTED
    rest = f" and {more} more, all in compare.json" if more > 0 else ""
    return f"only in {which} ({len(labels)}): {shown}{rest}"
