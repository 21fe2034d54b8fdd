"""A table for the terminal: one line a layer, with a bar; fits 80 columns and stays readable when piped."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from io import StringIO
from typing import Literal

from rich import box
from rich.console import Console, Group, RenderableType
from rich.table import Table
from rich.text import Text

from onnxinv.reports import register
from onnxinv.reports.numbers import global_text, interval_text, number
from onnxinv.reports.printable import printable, shorten
from onnxinv.reports.report import Report
from onnxinv.reports.sections import FirstThatFits, sections
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
        parts: list[RenderableType] = [_heading(result)]
        key = result.measures[0] if result.measures else ""
        if key:
            table = FirstThatFits(lambda: _tables(result, key))
            parts += [Text(""), table, Text(""), _whole(result, key)]
        beside = list(sections(result, key))
        return Group(*parts, *beside, *([Text("")] if beside else []), *_footer(result))


def _heading(result: Result) -> Text:
    meta = result.meta
    sets = " x ".join(printable(spec) for spec in meta.transforms.spec)
    return Text.assemble(
        (printable(meta.model.path), "bold"),
        f"\n{meta.data.samples} samples of {printable(meta.data.source)}, "
        f"{meta.transforms.count} transform{'s' * (meta.transforms.count != 1)}: {sets}",
    )


def _tables(result: Result, key: str) -> Iterator[Table]:
    """Yield the table of layers with fewer and fewer columns, the least telling ones left out first."""
    summaries = [layer.measures[key] for layer in result.layers]
    empty = [name for name in ("dead", "inf") if not any(getattr(each, name) for each in summaries)]
    columns = [name for name in _COLUMNS if name not in empty]
    yield _table(result, key, columns)
    for dropped in ("op", "bar", "channels", "interval", "dead", "inf"):
        columns = [name for name in columns if name != dropped]
        yield _table(result, key, columns)
    yield _table(result, key, columns, _LABEL // 2)


def _table(result: Result, key: str, columns: Sequence[str], longest: int = _LABEL) -> Table:
    top = max((summary.mean or 0.0 for layer in result.layers if (summary := layer.measures[key])), default=0.0)
    scale = max(1.0, top)
    titles = {"mean": shorten(abbreviation(key), 10), "bar": f"0 to {scale:.3g}"}
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, 1, 0, 0), show_edge=False)
    for name in columns:
        title, side, style = _COLUMNS[name]
        table.add_column(Text(titles.get(name, title)), justify=side, style=style, no_wrap=True)
    for layer in result.layers:
        cells = _cells(layer, layer.measures[key], scale, longest)
        table.add_row(*(Text(cells[name]) for name in columns))
    return table


def _cells(layer: LayerResult, summary: MeasureSummary, scale: float, longest: int) -> dict[str, str]:
    return {
        "layer": shorten(printable(layer.label), longest),
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
    lines = []
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
