"""Invariance as an assertion, for the tests of a model."""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from onnxinv.errors import OnnxinvError

if TYPE_CHECKING:
    from onnxinv.findings import CheckReport, Finding

    Limits = str | Mapping[str, object] | Sequence[str | Mapping[str, object]]


class InvarianceWarning(UserWarning):
    """A limit that is neither held nor makes the assertion fail."""


@dataclass(frozen=True)
class Runner:
    """What a test runner wants of the assertions that it runs.

    Attributes:
        strict: whether those fail on doubt that do not say otherwise.
        tell: called with every check that was made, whether it passed or not.
    """

    strict: bool = False
    tell: Callable[[CheckReport], None] = lambda report: None


_runners = [Runner()]
"""The last one is in charge: a test may run tests in the same process."""


@contextmanager
def under(runner: Runner) -> Iterator[None]:
    """Make the assertions of a block those of a test runner."""
    _runners.append(runner)
    try:
        yield
    finally:
        _runners.pop()


def assert_invariant(
    model: str | Path | None = None,
    data: str | Path | None = None,
    transforms: str | Sequence[str] | None = None,
    limits: Limits = (),
    *,
    config: str | Path | None = None,
    runs: Sequence[str] = (),
    strict: bool | None = None,
    **options: object,
) -> list[Finding]:
    """Assert that the invariance of a model stays within limits.

    Named in full, model, data, transforms and limits need no configuration; else what is named replaces what the
    configuration says. Paths are those of the working folder. The model runs in this process, as for
    `onnxinv.analyze`. What is neither held nor fails is warned of: each uncertain limit, each broken one of level
    `warn`, and each reason why others do not apply.

    Args:
        model: an ONNX file.
        data: as for `onnxinv.analyze`.
        transforms: as for `onnxinv.analyze`.
        limits: one or several, each a text, `normalized-variance:layers=fc*,max=0.35`, or a table as in the
            configuration, `{"layers": "fc*", "max": 0.35}`.
        config: the configuration; without it `onnxinv.toml`, or `[tool.onnxinv]` of `pyproject.toml`, of this folder
            or one above.
        runs: names of the runs to take; all without.
        strict: whether what is uncertain and what is only warned of fails too; without it what `--onnxinv-strict` of
            pytest says, and no outside of pytest.
        **options: as for `onnxinv.check`.

    Returns:
        The findings, as `onnxinv.check` does.

    Raises:
        AssertionError: a limit is broken; the message is the verdict and the table of all findings.
        OnnxinvError: as for `onnxinv.check`; nothing was asserted.
    """
    __tracebackhide__ = True
    runner = _runners[-1]
    asked = (limits,) if isinstance(limits, (str, Mapping)) else limits
    try:
        report = _checked(
            model, data, transforms, asked, config=config, runs=runs,
            strict=runner.strict if strict is None else strict, **options,
        )  # fmt: skip
    except OnnxinvError as error:  # message and hint say it all: no traceback through this package
        raise error.with_traceback(None) from None
    runner.tell(report)
    if not report.passed:
        raise AssertionError(_message(report))
    for doubt in _doubts(report):
        warnings.warn(doubt, InvarianceWarning, stacklevel=2)
    return report.findings


def _checked(
    model: str | Path | None,
    data: str | Path | None,
    transforms: str | Sequence[str] | None,
    limits: Sequence[str | Mapping[str, object]],
    *,
    config: str | Path | None,
    runs: Sequence[str],
    strict: bool,
    **options: object,
) -> CheckReport:
    from onnxinv.api import check_report, configured

    return check_report(configured(model, data, transforms, limits, config=config, runs=runs, **options), strict=strict)


def _message(report: CheckReport) -> str:
    from onnxinv.reports.checks import check_reports
    from onnxinv.reports.checks.sentences import verdict

    # The verdict comes first: of many messages, test runners list the first line.
    return f"{verdict(report)}\n\n{check_reports.build('terminal').render(report)}"


def _doubts(report: CheckReport) -> Iterator[str]:
    """Yield what a passing check does not vouch for."""
    from onnxinv.reports.checks.sentences import reasons, sentence

    samples = {run.name: run.data.samples for run in report.document.meta.runs}
    for finding in report.findings:
        if finding.status in ("broken", "uncertain"):
            yield f"{finding.status}: {sentence(finding, samples[finding.run])}"
    for reason in reasons([each for each in report.findings if each.status == "not-applicable"]):
        yield f"not applicable: {reason}"
