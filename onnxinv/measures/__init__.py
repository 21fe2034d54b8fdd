"""Measures, one family a file: what is computed from finished statistics."""

from __future__ import annotations

from onnxinv.measures.measure import Measure, Values
from onnxinv.measures.units import Units
from onnxinv.registry import Registry

__all__ = ["DEFAULT", "Measure", "Units", "Values", "measures", "register"]

DEFAULT = ("normalized-variance", "transformational-variance", "sample-variance", "variance-shares")
"""Measures taken when none is named; they share their statistics, so together they cost one pass."""

measures: Registry[Measure] = Registry("measure", "onnxinv.measures")
register = measures.register
