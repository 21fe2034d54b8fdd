"""A check as GitHub Markdown, for the summary of a job or a pull request: the terminal's content with full names."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from onnxinv.findings import CheckedRunMeta, CheckReport, Finding
from onnxinv.reports.checks import register
from onnxinv.reports.checks.report import CheckReportFormat
from onnxinv.reports.checks.rows import held_in_short, ordered, row, subject
from onnxinv.reports.checks.sentences import about_baseline, advice, measured, remarks, verdict
from onnxinv.reports.markdown_text import code, folded, plain, table


@register("markdown")
class MarkdownCheckReport(CheckReportFormat):
    """A GitHub table a run of every limit that is not held; those that are held are folded below it."""

    def render(self, report: CheckReport) -> str:
        """Return the Markdown text."""
        word, _, rest = verdict(report, code).partition(":")
        blocks = [f"## Invariance check: {word}", f"**{word}**:{rest}", *advice(report, code)]
        for run in report.document.meta.runs:
            blocks += _run(run, [finding for finding in report.findings if finding.run == run.name])
        return "\n\n".join(blocks) + "\n"


def _run(run: CheckedRunMeta, findings: Sequence[Finding]) -> Iterator[str]:
    yield f"### {code(run.name)}"
    yield f"{code(run.model.path)}: {measured(run)}"
    if run.baseline is not None:
        yield from about_baseline(run.baseline, code)
    held = [finding for finding in findings if finding.status == "held"]
    rest = [finding for finding in ordered(findings) if finding.status != "held"]
    if rest:
        yield _table(rest, run.data.samples)
    if held:
        in_short = "\n".join(f"- {line}" for line in held_in_short(findings, code))
        listed = in_short or _table(held, run.data.samples)
        yield folded(f"{len(held)} held", listed)
    yield from (f"Note: {plain(note)}" for note in run.notes)


def _table(findings: Sequence[Finding], samples: int) -> str:
    titles = ("limit", "layer", "value", "95 % interval", "bound", "status", "remark")
    rows = []
    for finding in findings:
        cells = row(finding)
        bound = code(cells.bound) if cells.bound else ""
        status = f"**{cells.status}**" if finding.fails else cells.status
        remark = "; ".join(remarks(finding, samples, code, plain))
        limit = subject(finding, code) + " (regression)" * (finding.kind == "max-regression")
        rows.append((limit, code(finding.label), cells.value, cells.interval, bound, status, remark))
    return table(titles, rows, "llrrlll", may_lack=(6,))
