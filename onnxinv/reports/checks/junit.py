"""The findings of a check as JUnit XML, which most CI servers show as tests."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from io import BytesIO
from itertools import chain, count

from junitparser import Attr, Failure, JUnitXml, Skipped, SystemErr, SystemOut, TestCase, TestSuite

from onnxinv.findings import CheckedRunMeta, CheckReport, Finding
from onnxinv.reports.checks import register
from onnxinv.reports.checks.report import CheckReportFormat
from onnxinv.reports.checks.rows import status_text, subject
from onnxinv.reports.checks.sentences import prose, sentence
from onnxinv.reports.printable import printable


class _Suite(TestSuite):
    """A suite with what one schema demands beside the library's attributes."""

    id = Attr()
    package = Attr()


@register("junit")
class JunitCheckReport(CheckReportFormat):
    """JUnit XML with a suite a run and a case a limit and layer.

    What fails is a failure. What is uncertain, not applicable, or broken at a level that does not fail is a skipped
    case with the reason as its message, so that it is neither lost nor red.
    """

    def render(self, report: CheckReport) -> str:
        """Return the XML text."""
        document = JUnitXml()
        for place, run in enumerate(report.document.meta.runs):
            findings = [finding for finding in report.findings if finding.run == run.name]
            document.append(_suite(report, run, findings, place))
        content = BytesIO()
        document.write(content, pretty=True)
        return content.getvalue().decode()


def _suite(report: CheckReport, run: CheckedRunMeta, findings: Sequence[Finding], place: int) -> _Suite:
    meta = report.document.meta
    suite = _Suite(printable(run.name))
    suite.hostname = "localhost"
    suite.timestamp = _without_offset(meta.created)
    suite.id = str(place)
    suite.package = "onnxinv"
    properties = {
        "model": printable(run.model.path, 1000),
        "sha256": run.model.sha256,
        "data": printable(run.data.source, 1000),
        "samples": run.data.samples,
        "transforms": run.transforms.count,
        "inferences": run.timing.inferences,
    }
    for name, value in properties.items():
        suite.add_property(name, str(value))
    names = _names(findings)
    suite.add_testcases(
        [_case(report, run, finding, name) for finding, name in zip(findings, names, strict=True)],
    )
    suite.time = round(run.timing.seconds, 3)  # the library has summed up the cases, which take no time
    suite.append(SystemOut("\n".join(map(prose, run.notes))))
    suite.append(SystemErr(""))
    return suite


def _case(report: CheckReport, run: CheckedRunMeta, finding: Finding, name: str) -> TestCase:
    case = TestCase(name, printable(run.name), 0)
    told = sentence(finding, run.data.samples)
    if finding.fails:
        failure = Failure(told, finding.status)
        config, line = report.document.meta.config, finding.line
        where = "" if config is None or line is None else f"\n{printable(config, 1000)}, line {line}"
        failure.text = f"{told}{where}"
        case.result = failure
    elif finding.status != "held":
        word = "warning" if finding.status == "broken" and finding.level == "warn" else status_text(finding)
        case.result = Skipped(f"{word}: {told}")  # a type is what one schema refuses
    return case


def _names(findings: Sequence[Finding]) -> list[str]:
    """Return a name for each finding that no other has and that stays when only values change."""
    taken: set[str] = set()
    names = []
    for finding in findings:
        plain = _name(finding)
        tensor = f"{plain} ({printable(finding.layer)})"
        candidates = chain((plain, tensor), (f"{tensor} {place}" for place in count(2)))
        name = next(each for each in candidates if each not in taken)
        taken.add(name)
        names.append(name)
    return names


def _name(finding: Finding) -> str:
    what = subject(finding) if finding.of is None else f"{subject(finding)} of {printable(finding.label)}"
    if finding.kind == "max-regression":
        return f"{what} against the baseline"
    return what if finding.bound is None else f"{what} {'<=' if finding.below else '>='} {finding.bound!r}"


def _without_offset(created: str) -> str:
    """Return a time with offset as the same moment in UTC, without one: the schema allows none."""
    moment = datetime.fromisoformat(created)
    return (moment.astimezone(UTC) if moment.tzinfo else moment).replace(tzinfo=None).isoformat(timespec="seconds")
