"""The plug-in of pytest: the fixture `assert_invariant`, `--onnxinv-strict`, and what was checked in its reports."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import PurePath
from typing import TYPE_CHECKING

import pytest

from onnxinv import testing

if TYPE_CHECKING:
    from onnxinv.findings import CheckReport, Finding

STRICT_OPTION = "--onnxinv-strict"
STRICT_INI = "onnxinv_strict"

_CHECK, _VERDICT, _INFERENCES = "onnxinv_check", "onnxinv_verdict", "onnxinv_inferences"
"""Properties of a test, once a check: JUnit XML has them, and pytest-xdist sends them to the process that reports."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Add the options of the plug-in."""
    said = "assert_invariant fails on what is uncertain or only warned of, unless it is called with strict=False"
    parser.getgroup("onnxinv").addoption(STRICT_OPTION, action="store_true", default=False, help=said)
    parser.addini(STRICT_INI, said, type="bool", default=False)


def pytest_configure(config: pytest.Config) -> None:
    """Look at the tests of this run."""
    strict = config.getoption(STRICT_OPTION) or config.getini(STRICT_INI)
    config.pluginmanager.register(_Checks(strict=bool(strict)), "onnxinv_checks")


@pytest.fixture(scope="session")
def assert_invariant() -> Callable[..., list[Finding]]:
    """Assert that the invariance of a model stays within limits: `onnxinv.testing.assert_invariant`."""
    return testing.assert_invariant


class _Checks:
    """The checks of one run of pytest.

    Args:
        strict: whether assertions fail on doubt that do not say otherwise.
    """

    def __init__(self, *, strict: bool) -> None:
        self._strict = strict
        self._lines: list[str] = []

    @pytest.hookimpl(hookwrapper=True)  # the newer wrapper=True keeps versions of pytest before 8 from starting
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        """Keep what a test, or a fixture that it is the first to need, checks."""
        with testing.under(testing.Runner(self._strict, lambda report: item.user_properties.extend(_told(report)))):
            yield

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take note of the checks of a test, whichever process ran it."""
        if report.when == "teardown":  # the last report of a test has what its set-up and its call told, too
            checks = [value for name, value in report.user_properties if name == _CHECK]
            self._lines += [f"{report.nodeid}  {check}" for check in checks]

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter) -> None:
        """Print a line for each check."""
        if self._lines:
            terminalreporter.section("onnxinv")
        for line in self._lines:
            terminalreporter.write_line(line)


def _told(report: CheckReport) -> list[tuple[str, object]]:
    from onnxinv.reports.checks.sentences import verdict
    from onnxinv.reports.printable import printable

    runs = report.document.meta.runs
    models = ", ".join(printable(PurePath(run.model.path).name) for run in runs)
    found = [finding.status for finding in report.findings]
    counts = ", ".join(f"{found.count(status)} {status}" for status in ("held", "broken", "uncertain"))
    inferences = sum(run.timing.inferences for run in runs)
    return [
        (_CHECK, f"{models}: {counts}; {inferences:,} inferences"),
        (_VERDICT, verdict(report)),
        (_INFERENCES, inferences),
    ]
