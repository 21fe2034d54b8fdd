"""Reports of checks, one format a file: each a pure function from a finished check to text."""

from __future__ import annotations

from onnxinv.registry import Registry
from onnxinv.reports.checks.report import CheckReportFormat

__all__ = ["CheckReportFormat", "check_reports", "register"]

check_reports: Registry[CheckReportFormat] = Registry("check format", "onnxinv.reports.checks")
register = check_reports.register
