"""Reports, one format a file: each a pure function from a result to text."""

from __future__ import annotations

from onnxinv.registry import Registry
from onnxinv.reports.report import Report

__all__ = ["Report", "register", "reports"]

reports: Registry[Report] = Registry("format", "onnxinv.reports")
register = reports.register
