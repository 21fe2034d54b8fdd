"""What a terminal report says beside its main table: other measures, the class output, single classes of samples."""

from __future__ import annotations

from collections.abc import Iterator

from rich import box
from rich.console import RenderableType
from rich.table import Table
from rich.text import Text

from onnxinv.reports.numbers import interval_text, number
from onnxinv.reports.printable import printable, shorten
from onnxinv.result import Result

_KEY = 32
_MOST_CLASSES = 10
"""Classes that have a column of their own."""


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
        yield _classes(result, key)
    if len(result.measures) > 1:
        yield Text("")
        yield _measures(result)
    if result.document.outputs:
        yield Text("")
        yield from _outputs(result)
    for each in result.meta.options.skipped_measures:
        yield Text(f"Skipped: {printable(each.name)}, because {printable(each.reason, 300)}.")


def _measures(result: Result) -> Table:
    """Return one line a measure: its value in the first and the last layer that has one, and the mean of layers."""
    table = _table("measure", "first", "last", "mean", "95 % interval")
    for key, whole in result.document.summary.items():
        means = [layer.measures[key].mean for layer in result.layers if layer.measures[key].mean is not None]
        ends = (means[0], means[-1]) if means else (None, None)
        cells = (*map(number, ends), number(whole.mean_of_layers), interval_text(whole.ci))
        table.add_row(shorten(printable(key), _KEY), *cells)
    return table


def _outputs(result: Result) -> Iterator[RenderableType]:
    found = result.meta.class_output
    if found is not None:
        read = "the softmax of its logits" if found.kind == "logits" else "probabilities"
        yield Text(f"class output: {printable(found.name, 40)}, {found.classes} classes, {read} ({found.chosen})")
    table = _table("measure of the class output", "value", "95 % interval")
    for key, output in result.document.outputs.items():
        table.add_row(shorten(printable(key), _KEY), number(output.value), interval_text(output.ci))
    yield table


def _classes(result: Result, key: str) -> Table:
    """Return the measure by layer and class; of many classes those with the lowest and the highest mean."""
    names = result.meta.data.classes
    if len(names) > _MOST_CLASSES:
        return _extremes(result, key)
    table = _table("layer", *(shorten(printable(name), 5) for name in names))
    for layer in result.layers:
        classes = layer.measures[key].classes
        if classes is not None:
            table.add_row(shorten(printable(layer.label), 14), *(number(classes[name]) for name in names))
    return table


def _extremes(result: Result, key: str) -> Table:
    table = _table("layer", "lowest class", "", "highest class", "")
    for layer in result.layers:
        known = {name: value for name, value in (layer.measures[key].classes or {}).items() if value is not None}
        if known:
            low, high = min(known, key=known.__getitem__), max(known, key=known.__getitem__)
            table.add_row(
                shorten(printable(layer.label), 20),
                shorten(printable(low), 16), number(known[low]), shorten(printable(high), 16), number(known[high]),
            )  # fmt: skip
    return table


def _table(first: str, *others: str) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0), show_edge=False)
    table.add_column(first, no_wrap=True, overflow="ellipsis")
    for title in others:
        table.add_column(title, justify="right", no_wrap=True, overflow="ellipsis")
    return table
