"""Fills the page of a check: one file that needs nothing else, from what was found alone."""

from __future__ import annotations

from dataclasses import dataclass

from onnxinv.findings import CheckedRunMeta, CheckReport, Finding
from onnxinv.reports.checks.rows import Row, ordered, row
from onnxinv.reports.checks.sentences import about_baseline, advice, measured, remarks, verdict
from onnxinv.reports.page.filled import filled


@dataclass(frozen=True)
class Line:
    """One finding in the table.

    Attributes:
        row: its cells.
        layer: tensor name.
        look: `worse` where it fails, `better` where it is held, else empty.
        sort: by what its value is sorted; empty where there is none.
        remark: what must be known of it.
    """

    row: Row
    layer: str
    look: str
    sort: str
    remark: str


@dataclass(frozen=True)
class Run:
    """One run of the check.

    Attributes:
        meta: its provenance.
        measured: how much was.
        baseline: what regressions were held against, in sentences.
        lines: its findings, those first that matter most.
    """

    meta: CheckedRunMeta
    measured: str
    baseline: list[str]
    lines: list[Line]


def check_page(report: CheckReport) -> str:
    """Return the HTML text."""
    return filled(
        "check.html.j2",
        meta=report.document.meta,
        verdict=verdict(report).partition(": ")[2],
        advice=list(advice(report)),
        runs=[_run(meta, report) for meta in report.document.meta.runs],
    )


def _run(meta: CheckedRunMeta, report: CheckReport) -> Run:
    found = ordered([finding for finding in report.findings if finding.run == meta.name])
    baseline = [] if meta.baseline is None else list(about_baseline(meta.baseline))
    return Run(meta, measured(meta), baseline, [_line(finding, meta.data.samples) for finding in found])


def _line(finding: Finding, samples: int) -> Line:
    look = "worse" if finding.fails else "better" if finding.status == "held" else ""
    sort = "" if finding.value is None else repr(finding.value)
    return Line(row(finding), finding.layer, look, sort, "; ".join(remarks(finding, samples)))
