"""A check for the terminal: one line a limit and layer; fits 80 columns and stays readable when piped."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from io import StringIO
from typing import Literal

from rich import box
from rich.console import Console, ConsoleOptions, Group, RenderableType, RenderResult
from rich.table import Table
from rich.text import Text

from onnxinv.findings import CheckedRunMeta, CheckReport, Finding
from onnxinv.reports.checks import register
from onnxinv.reports.checks.report import CheckReportFormat
from onnxinv.reports.checks.rows import held_in_short, ordered, row
from onnxinv.reports.checks.sentences import about_baseline, advice, corrections, measured, prose, reasons, verdict
from onnxinv.reports.printable import printable, shorten
from onnxinv.reports.sections import FirstThatFits
from onnxinv.reports.terminal import WIDTH, abbreviation

_TITLES: Mapping[str, str] = {
    "limit": "limit",
    "short": "limit",
    "layer": "layer",
    "value": "value",
    "interval": "95 % interval",
    "bound": "bound",
    "status": "status",
}

_ALL = ("limit", "layer", "value", "interval", "bound", "status")
_INITIALS = ("short", "layer", "value", "interval", "bound", "status")
_NO_INTERVAL = ("short", "layer", "value", "bound", "status")
_NO_LIMIT = ("layer", "value", "bound", "status")
_LAYOUTS: Sequence[tuple[Sequence[str], int, int]] = (
    (_ALL, 60, 2), (_INITIALS, 32, 2), (_INITIALS, 20, 2), (_INITIALS, 16, 2), (_INITIALS, 16, 1),
    (_INITIALS, 12, 1), (_NO_INTERVAL, 18, 2), (_NO_INTERVAL, 14, 1), (_NO_INTERVAL, 10, 1), (_NO_LIMIT, 12, 1),
    (_NO_LIMIT, 8, 1),
)  # fmt: skip
"""Columns, characters that are left of a name, and blanks between columns; the fullest first."""

_REASONS = 20
"""Reasons of a run that are told; of more, as many and a count."""


@register("terminal")
class TerminalCheckReport(CheckReportFormat):
    """A table a run with one line a limit and layer: value, 95 % interval, bound, status; what is not held comes first.

    Of many that are held it tells how many. The verdict over all runs follows, then what can be done.
    """

    def render(self, report: CheckReport) -> str:
        """Return the report as plain text of 80 columns."""
        text = StringIO()
        Console(file=text, width=WIDTH, color_system=None, legacy_windows=False).print(self.renderable(report))
        return "\n".join(line.rstrip() for line in text.getvalue().splitlines()) + "\n"

    def renderable(self, report: CheckReport) -> RenderableType:
        """Return the report for a rich console."""
        parts: list[RenderableType] = []
        for run in report.document.meta.runs:
            parts += _run(run, [finding for finding in report.findings if finding.run == run.name])
        word, _, rest = verdict(report).partition(":")
        parts.append(Text.assemble((word, "bold green" if report.passed else "bold red"), f":{rest}"))
        return Group(*parts, *map(Text, advice(report)))


def _run(run: CheckedRunMeta, findings: Sequence[Finding]) -> Iterator[RenderableType]:
    yield Text.assemble((printable(run.name), "bold"), "  ", (printable(run.model.path), "dim"))
    yield Text(measured(run))
    if run.baseline is not None:
        yield from map(Text, about_baseline(run.baseline))
    in_short = held_in_short(findings)
    listed = [each for each in ordered(findings) if each.status != "held" or not in_short]
    if listed:
        yield Text("")
        yield FirstThatFits(lambda: _tables(listed))
    remarks = [*in_short, *_reasons(listed), *corrections(listed), *(f"Note: {prose(note)}" for note in run.notes)]
    yield from [Text("")] * bool(remarks)
    yield from map(Text, remarks)
    yield Text("")


def _legend(findings: Sequence[Finding]) -> Iterator[Text]:
    """Yield what the initials stand for."""
    names = dict.fromkeys(each.measure.partition(":")[0] for each in findings if each.of is not None)
    told = ", ".join(f"{abbreviation(printable(name))}: {printable(name)}" for name in names)
    if told:
        yield Text(f"\n{told}", "dim")


def _reasons(findings: Sequence[Finding]) -> list[str]:
    told = list(reasons(findings))
    more = len(told) - _REASONS
    return [*told[:_REASONS], *[f"{more} more reasons stand in check.json."] * (more > 0)]


class _Table(Table):
    """A table with what its initials stand for below, which may be wider than the table."""

    legend: Sequence[Text] = ()

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield from super().__rich_console__(console, options)
        yield from self.legend


def _tables(findings: Sequence[Finding]) -> Iterator[Table]:
    rows = [(row(finding), _style(finding)) for finding in findings]
    for columns, longest, gap in _LAYOUTS:
        table = _Table(box=box.SIMPLE_HEAD, pad_edge=False, padding=(0, gap - 1, 0, 0), show_edge=False)
        for name in columns:
            side: Literal["left", "right"] = "right" if name in ("value", "interval") else "left"
            table.add_column(Text(_TITLES[name]), justify=side, no_wrap=True, overflow="ellipsis")
        for cells, style in rows:
            texts = {name: getattr(cells, name) for name in columns}
            cut = {name: shorten(text, longest) for name, text in texts.items() if name in ("limit", "short", "layer")}
            table.add_row(
                *(
                    Text(text, style if name == "status" or style == "dim" else "")
                    for name, text in (texts | cut).items()
                )
            )
        if "short" in columns:
            table.legend = tuple(_legend(findings))
        yield table


def _style(finding: Finding) -> str:
    if finding.fails:
        return "bold red"
    return {"broken": "yellow", "uncertain": "yellow", "held": "green", "not-applicable": "dim"}[finding.status]
