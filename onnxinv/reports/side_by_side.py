"""Two results of the same layers next to each other."""

from __future__ import annotations

from rich import box
from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from onnxinv.differences import change, known
from onnxinv.reports.numbers import global_text, number
from onnxinv.reports.printable import printable, shorten
from onnxinv.reports.terminal import abbreviation, bar
from onnxinv.result import LayerResult, Result

_LABEL, _VALUE, _BAR = 14, 8, 8


def side_by_side(names: tuple[str, str], results: tuple[Result, Result]) -> RenderableType:
    """Return a table of the layers that both results have by name, for the first measure, and what it says.

    Args:
        names: what to call the two.
        results: measured on the same samples in the same groups, under the same transforms.
    """
    key = results[0].measures[0]
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0), show_edge=False)
    table.add_column("layer", no_wrap=True)
    for name in names:
        table.add_column(Text(shorten(printable(name), _VALUE)), justify="right", no_wrap=True)
        table.add_column("", width=_BAR, no_wrap=True)
    table.add_column("change", justify="right", no_wrap=True)
    table.add_column("95 % interval", justify="right", no_wrap=True)
    for pair in _pairs(results):
        table.add_row(*_row(pair, key))
    whole = [
        Text(f"{printable(name)}: {global_text(result.document.summary[key])}")
        for name, result in zip(names, results, strict=True)
    ]
    caption = Text(f"{key} ({abbreviation(key)}) by layer; 0 is invariant")
    return Group(caption, Text(""), table, Text(""), *whole, Text(""), Text(verdict(names, results, key)))


def _row(pair: tuple[LayerResult, LayerResult], key: str) -> list[Text]:
    one, other = (layer.measures[key] for layer in pair)
    cells = [Text(shorten(printable(pair[0].label), _LABEL))]
    for summary in (one, other):
        cells += [Text(number(summary.mean), "bold"), Text(bar(summary.mean or 0.0, _BAR), "cyan")]
    found = change(known(one), known(other), paired=True)
    difference, interval = found.difference, found.interval
    return [
        *cells,
        Text("" if difference is None else f"{difference:+.3f}"),
        Text(f"[{interval[0]:+.3f}, {interval[1]:+.3f}]" if interval else ""),
    ]


def verdict(names: tuple[str, str], results: tuple[Result, Result], key: str) -> str:
    """Say in one sentence in how many layers the second is lower than the first, and the first where it is higher."""
    lower, higher = [], []
    pairs = _pairs(results)
    for one, two in pairs:
        low, high = change(known(one.measures[key]), known(two.measures[key]), paired=True).interval or (0.0, 0.0)
        if high < 0:
            lower.append(printable(two.label))
        if low > 0:
            higher.append(printable(two.label))
    below = f"In {len(lower)} of {len(pairs)} layers '{names[1]}' is more invariant than '{names[0]}'"
    above = f"in {len(higher)} less ({', '.join(higher[:4])})" if higher else "in none less"
    begins = f", from {lower[0]} on" if lower else ""
    return f"{below}{begins}, {above}, the 95 % intervals of the change say; the others cannot be told apart."


def _pairs(results: tuple[Result, Result]) -> list[tuple[LayerResult, LayerResult]]:
    second = {layer.name: layer for layer in results[1].layers}
    return [(layer, second[layer.name]) for layer in results[0].layers if layer.name in second]
