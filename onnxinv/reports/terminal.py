"""A table for the terminal: one line a layer, with a bar; fits 80 columns and stays readable when piped."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from io import StringIO
from typing import Literal

from rich import box
from rich.console import Console, ConsoleOptions, Group, RenderableType
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from onnxinv.reports import register
from onnxinv.reports.numbers import global_text, interval_text, number
from onnxinv.reports.printable import printable, shorten
from onnxinv.reports.report import Report
from onnxinv.reports.sections import sections
from onnxinv.result import LayerResult, MeasureSummary, Result

WIDTH = 80
_LABEL = 22
_BAR = 12
_COLUMNS: Mapping[str, tuple[str, Literal["left", "right"], str]] = {
    "layer": ("layer", "left", ""),
    "op": ("op", "left", "dim"),
    "channels": ("ch", "right", ""),
    "mean": ("", "right", "bold"),
    "interval": ("95 % interval", "right", ""),
    "bar": ("", "left", "cyan"),
    "dead": ("dead", "right", ""),
    "inf": ("inf", "right", ""),
}
"""Title, side and style of each column."""

_EIGHTHS = " ▏▎▍▌▋▊▉█"


@register("terminal")
class TerminalReport(Report):
    """A table with one line a layer: the first measure's mean, its 95 % interval, a bar, dead and infinite counts."""

    def render(self, result: Result) -> str:
        """Return the report as plain text of 80 columns."""
        text = StringIO()
        Console(file=text, width=WIDTH, color_system=None, legacy_windows=False).print(self.renderable(result))
        return "\n".join(line.rstrip() for line in text.getvalue().splitlines()) + "\n"

    def renderable(self, result: Result) -> RenderableType:
        """Return the report for a rich console."""
        if not result.measures:
            return Group(_heading(result), *sections(result, ""), *_footer(result))
        key = result.measures[0]
        return Group(
            _heading(result),
            _LayerTable(result, key),
            Text(""),
            _whole(result, key),
            *sections(result, key),
            *_footer(result),
        )


class _LayerTable:
    """The table of layers; columns that do not fit the width are left out, the least telling ones first."""

    def __init__(self, result: Result, key: str) -> None:
        self._result = result
        self._key = key

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> Iterator[RenderableType]:
        summaries = [layer.measures[self._key] for layer in self._result.layers]
        empty = [name for name in ("dead", "inf") if not any(getattr(each, name) for each in summaries)]
        columns = [name for name in _COLUMNS if name not in empty]
        for dropped in ("op", "bar", "channels", "interval", "dead", "inf", ""):
            table = _table(self._result, self._key, columns)
            if Measurement.get(console, options.update(max_width=10_000), table).maximum <= options.max_width:
                break
            columns = [name for name in columns if name != dropped]
        yield table


def _heading(result: Result) -> Text:
    meta = result.meta
    sets = " x ".join(printable(spec) for spec in meta.transforms.spec)
    return Text.assemble(
        (printable(meta.model.path), "bold"),
        f"\n{meta.data.samples} samples of {printable(meta.data.source)}, "
        f"{meta.transforms.count} transform{'s' * (meta.transforms.count != 1)}: {sets}\n",
    )


def _table(result: Result, key: str, columns: Sequence[str]) -> Table:
    top = max((summary.mean or 0.0 for layer in result.layers if (summary := layer.measures[key])), default=0.0)
    scale = max(1.0, top)
    titles = {"mean": shorten(abbreviation(key), 10), "bar": f"0 to {scale:.3g}"}
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0), show_edge=False)
    for name in columns:
        title, side, style = _COLUMNS[name]
        table.add_column(titles.get(name, title), justify=side, style=style, no_wrap=True)
    for layer in result.layers:
        cells = _cells(layer, layer.measures[key], scale)
        table.add_row(*(Text(cells[name]) for name in columns))
    return table


def _cells(layer: LayerResult, summary: MeasureSummary, scale: float) -> dict[str, str]:
    return {
        "layer": shorten(printable(layer.label), _LABEL),
        "op": shorten(printable(layer.op), 11),
        "channels": str(layer.channels),
        "mean": number(summary.mean),
        "interval": interval_text(summary.ci["mean"]),
        "bar": bar((summary.mean or 0.0) / scale, _BAR),
        "dead": str(summary.dead or ""),
        "inf": str(summary.inf or ""),
    }


def _whole(result: Result, key: str) -> Text:
    by_class = ", mean over classes" if any(layer.measures[key].classes for layer in result.layers) else ""
    return Text(f"{key}{by_class}: {global_text(result.document.summary[key])}")


def _footer(result: Result) -> list[Text]:
    lines = [Text("")] if result.document.outputs or len(result.measures) > 1 else []
    if result.document.skipped:
        count = len(result.document.skipped)
        lines.append(Text(f"{count} tensor{'s' * (count != 1)} could not be measured; see 'skipped' in result.json."))
    lines += [Text(f"Note: {printable(warning, 400)}") for warning in result.meta.warnings]
    timing = result.meta.timing
    lines.append(
        Text(
            f"{timing.inferences:,} inferences in {timing.seconds:.1f} s ({timing.inferences_per_second:,.0f}/s)", "dim"
        )
    )
    return lines


def bar(fraction: float, width: int) -> str:
    """Return a bar of block characters; the full width is a fraction of 1."""
    eighths = round(min(max(fraction, 0.0), 1.0) * width * 8)
    full, rest = divmod(eighths, 8)
    return "█" * full + (_EIGHTHS[rest] if rest else "")


def abbreviation(key: str) -> str:
    """Return the initials of a measure's name, as the papers write them: NV, TV, SV."""
    name, _, parameters = key.partition(":")
    initials = "".join(part[0].upper() for part in name.split("-") if part)
    return f"{initials}:{parameters}" if parameters else initials
