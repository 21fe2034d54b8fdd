"""Reports of comparisons, one format a file: each a pure function from a comparison to text."""

from __future__ import annotations

from onnxinv.registry import Registry
from onnxinv.reports.comparisons.report import ComparisonReport

__all__ = ["ComparisonReport", "comparison_reports", "register"]

comparison_reports: Registry[ComparisonReport] = Registry("comparison format", "onnxinv.reports.comparisons")
register = comparison_reports.register
