"""The findings of a check as workflow commands, which GitHub shows beside the lines of the configuration."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from onnxinv.findings import CheckReport, Finding
from onnxinv.reports.checks import register
from onnxinv.reports.checks.report import CheckReportFormat
from onnxinv.reports.checks.rows import ordered, status_text
from onnxinv.reports.checks.sentences import sentence, verdict
from onnxinv.reports.printable import printable

_SHOWN = 10
"""Errors of one step that GitHub shows; warnings likewise."""

_ESCAPED = str.maketrans({"%": "%25", "\r": "%0D", "\n": "%0A"})
_ESCAPED_PROPERTY = _ESCAPED | str.maketrans({":": "%3A", ",": "%2C"})


@register("github")
class GithubCheckReport(CheckReportFormat):
    """An annotation for everything that is not held: an error where it fails, else a warning; then the verdict.

    GitHub shows ten errors and ten warnings of a step; of more, the tenth says how many are not shown.
    """

    def render(self, report: CheckReport) -> str:
        """Return one workflow command a line."""
        findings = ordered(report.findings)
        errors = [each for each in findings if each.fails]
        warnings = [
            each
            for each in findings
            if not each.fails and each.level != "off" and each.status in ("broken", "uncertain")
        ]
        lines = [*_annotations(report, "error", errors), *_annotations(report, "warning", warnings)]
        return "\n".join([*lines, _command("notice", {"title": "onnxinv check"}, verdict(report))]) + "\n"


def _annotations(report: CheckReport, command: str, findings: Sequence[Finding]) -> Iterator[str]:
    meta = report.document.meta
    samples = {run.name: run.data.samples for run in meta.runs}
    more = len(findings) - _SHOWN
    for place, finding in enumerate(findings[:_SHOWN], start=1):
        where = {}
        if meta.config is not None and finding.line is not None:
            where = {"file": meta.config, "line": str(finding.line)}
        title = printable(f"{finding.run}: {finding.label} {status_text(finding)}")
        said = sentence(finding, samples[finding.run])
        unseen = f"; {more} more {command}s are not shown" if more > 0 and place == _SHOWN else ""
        yield _command(command, {**where, "title": title}, f"{said}{unseen}")


def _command(command: str, properties: Mapping[str, str], message: str) -> str:
    written = ",".join(f"{name}={value.translate(_ESCAPED_PROPERTY)}" for name, value in properties.items())
    return f"::{command} {written}::{message.translate(_ESCAPED)}"
