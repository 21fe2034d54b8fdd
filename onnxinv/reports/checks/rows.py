"""The cells of a check's tables as text, and the order and grouping of findings, before any format."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from onnxinv.findings import Finding
from onnxinv.reports.numbers import number, numbers_beside
from onnxinv.reports.printable import Quote, printable
from onnxinv.reports.terminal import abbreviation

_STATUSES = ("broken", "uncertain", "not-applicable", "held")
_LEVELS = ("error", "warn", "off")

ALL_HELD = 20
"""Findings that are held in a run up to which all are listed; of more, a count for each limit is."""


@dataclass(frozen=True)
class Row:
    """One finding.

    Attributes:
        limit: the measure, what is taken of it, and whether the baseline sets the bound; `short` with initials.
        layer: label, printable.
        value: with as many digits as it takes to tell it from the bound.
        interval: empty where there is none.
        bound: with the direction, such as `<= 0.350`; empty where there is none.
        status: what was found; a broken limit that does not fail says its level.
    """

    limit: str
    short: str
    layer: str
    value: str
    interval: str
    bound: str
    status: str


def row(finding: Finding) -> Row:
    """Return the cells of a finding."""
    value, interval, bound = beside(finding)
    initials = finding.measure if finding.of is None else abbreviation(finding.measure)
    return Row(
        limit=_subject(printable(finding.measure), finding, "(regression)"),
        short=_subject(printable(initials), finding, "(reg.)"),
        layer=printable(finding.label),
        value=value,
        interval=interval,
        bound=_demand(finding, bound),
        status=status_text(finding),
    )


def subject(finding: Finding, quote: Quote = printable) -> str:
    """Return what a finding is about, without its layer: the measure, and what is taken of it."""
    return _subject(quote(finding.measure), finding, "")


def status_text(finding: Finding) -> str:
    """Return what was found in a word or two."""
    if finding.status == "broken" and not finding.fails:
        return f"broken ({finding.level})"
    if finding.status != "broken" and finding.fails:
        return f"{finding.status.replace('-', ' ')} (fails)"
    return finding.status.replace("-", " ")


def beside(finding: Finding) -> tuple[str, str, str]:
    """Return value, interval and bound, with digits that show on which side of the bound the others lie."""
    numbers = [each for each in (finding.value, *(finding.ci or ())) if each is not None]
    bound, texts = "", [number(each) for each in numbers]
    if finding.bound is not None:
        bound, texts = numbers_beside(finding.bound, numbers, exact=finding.kind != "max-regression")
    value = texts[0] if finding.value is not None else "inf" if is_infinite(finding) else number(None)
    return value, f"[{texts[-2]}, {texts[-1]}]" if finding.ci else "", bound


def is_infinite(finding: Finding) -> bool:
    """Whether a finding has a value that JSON cannot hold: there was one to judge, and it is no finite number."""
    return finding.value is None and finding.status in ("broken", "held")


def ordered(findings: Sequence[Finding]) -> list[Finding]:
    """Return findings with those first that matter most: broken, uncertain, without value, held; errors first."""
    return sorted(findings, key=lambda each: (_STATUSES.index(each.status), _LEVELS.index(each.level)))


def held_in_short(findings: Sequence[Finding], quote: Quote = printable) -> list[str]:
    """Return one line a limit with how many layers hold it, where too many are held to list them; else nothing."""
    held = [finding for finding in findings if finding.status == "held"]
    if len(held) <= ALL_HELD:
        return []
    limits: dict[tuple[int, str], list[Finding]] = {}
    for finding in held:
        limits.setdefault((finding.limit, finding.kind), []).append(finding)
    lines = []
    for (_, kind), found in limits.items():
        regression = kind == "max-regression"
        demand = "no worse than the baseline allows" if regression else quote(_demand(found[0], _bound(found[0])))
        layers = "the class output" if found[0].of is None else f"{len(found)} layer{'s' * (len(found) != 1)}"
        lines.append(f"held: {layers}, {subject(found[0], quote)} {demand}")
    return lines


def _bound(finding: Finding) -> str:
    return "" if finding.bound is None else numbers_beside(finding.bound, [], exact=True)[0]


def _demand(finding: Finding, bound: str) -> str:
    return f"{'<=' if finding.below else '>='} {bound}" if bound else ""


def _subject(measure: str, finding: Finding, regression: str) -> str:
    parts = [measure, finding.of or "", regression if finding.kind == "max-regression" else ""]
    return " ".join(part for part in parts if part)
