"""What a terminal report says beside its main table: other measures, the class output, single classes of samples."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Literal

from rich import box
from rich.console import Console, ConsoleOptions, RenderableType
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from onnxinv.reports.numbers import interval_text, number
from onnxinv.reports.printable import printable, shorten
from onnxinv.result import Result

_KEY = 32
_MOST_CLASSES = 10
"""Classes that have a column of their own."""


class FirstThatFits:
    """The first of several tables that fits the width, or else the last.

    Args:
        tables: makes them, the fullest first.
    """

    def __init__(self, tables: Callable[[], Iterator[Table]]) -> None:
        self._tables = tables

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[RenderableType]:
        for table in self._tables():
            fitting = table
            if Measurement.get(console, options.update(max_width=10_000), table).maximum <= options.max_width:
                break
        yield fitting


def sections(result: Result, shown: str) -> Iterator[RenderableType]:
    """Yield the sections that apply to a result, each after an empty line.

    Args:
        result: the result.
        shown: the measure that the main table is about.
    """
    by_class = [key for key in result.measures if any(layer.measures[key].classes for layer in result.layers)]
    if by_class:
        key = shown if shown in by_class else by_class[0]
        yield Text(f"\n{key} by class\n")
        yield FirstThatFits(lambda: _classes(result, key))
    if len(result.measures) > 1:
        yield Text("")
        yield FirstThatFits(lambda: _measures(result))
    if result.document.outputs:
        yield Text("")
        yield from _outputs(result)
    for position, each in enumerate(result.meta.options.skipped_measures):
        empty = "" if position else "\n"
        yield Text(f"{empty}Skipped: {printable(each.name)}, because {printable(each.reason, 300)}.")


def _measures(result: Result) -> Iterator[Table]:
    """Yield one line a measure: its value in the first and the last layer that has one, and the mean of layers."""
    rows = []
    for key, whole in result.document.summary.items():
        means = [layer.measures[key].mean for layer in result.layers if layer.measures[key].mean is not None]
        ends = (means[0], means[-1]) if means else (None, None)
        rows.append((printable(key), *map(number, ends), number(whole.mean_of_layers), interval_text(whole.ci)))
    yield _table(["measure", "first", "last", "mean", "95 % interval"], rows, _KEY)
    yield _table(["measure", "mean", "95 % interval"], [(key, *rest) for key, _, _, *rest in rows], _KEY)
    for longest in (_KEY, 16):
        yield _table(["measure", "mean"], [(key, mean) for key, _, _, mean, _ in rows], longest)


def _outputs(result: Result) -> Iterator[RenderableType]:
    found = result.meta.class_output
    if found is not None:
        read = "the softmax of its logits" if found.kind == "logits" else "probabilities"
        yield Text(f"class output: {printable(found.name, 40)}, {found.classes} classes, {read} ({found.chosen})")
    rows = [
        (printable(key), number(output.value), interval_text(output.ci))
        for key, output in result.document.outputs.items()
    ]

    def tables() -> Iterator[Table]:
        yield _table(["measure of the class output", "value", "95 % interval"], rows, _KEY)
        yield _table(["measure of the class output", "value"], [row[:2] for row in rows], _KEY)
        yield _table(["measure", "value"], [row[:2] for row in rows], 16)

    yield FirstThatFits(tables)


def _classes(result: Result, key: str) -> Iterator[Table]:
    """Yield the measure by layer and class; where these do not fit, the classes with the lowest and highest mean."""
    names = result.meta.data.classes
    rows = [(printable(layer.label), classes) for layer in result.layers if (classes := layer.measures[key].classes)]
    if len(names) <= _MOST_CLASSES:
        cells = [(label, *(number(classes[name]) for name in names)) for label, classes in rows]
        titles = ["layer", *(shorten(printable(name), 5) for name in names)]
        for gap in (2, 1):
            yield _table(titles, cells, 14, gap)
    for longest in (20, 14, 9):
        titles = ["layer", "lowest", "", "highest", ""]
        yield _table(titles, [(label, *_extremes(classes, longest - 4)) for label, classes in rows], longest)


def _extremes(classes: Mapping[str, float | None], longest: int) -> tuple[str, ...]:
    """Return the classes with the lowest and the highest value, each with its value."""
    known = {name: value for name, value in classes.items() if value is not None}
    if not known:
        return "-", "", "-", ""
    ends = min(known, key=known.__getitem__), max(known, key=known.__getitem__)
    return tuple(cell for name in ends for cell in (shorten(printable(name), longest), number(known[name])))


def _table(titles: Sequence[str], rows: Sequence[Sequence[str]], longest: int, gap: int = 2) -> Table:
    """Return a table of plain text, for names may hold what a console takes for markup.

    Args:
        titles: of the columns.
        rows: cells.
        longest: characters that are left of the first cell of a row.
        gap: blanks between columns.
    """
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, gap - 1, 0, 0), show_edge=False)
    for position, title in enumerate(titles):
        side: Literal["left", "right"] = "right" if position else "left"
        table.add_column(Text(title), justify=side, no_wrap=True, overflow="ellipsis")
    for first, *others in rows:
        table.add_row(Text(shorten(first, longest)), *map(Text, others))
    return table
