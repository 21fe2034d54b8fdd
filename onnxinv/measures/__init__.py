"""Measures, one family a file: what is computed from finished statistics."""

from __future__ import annotations

from onnxinv.measures.measure import Measure, Values
from onnxinv.measures.units import Units
from onnxinv.registry import Registry

__all__ = ["ALL", "DEFAULT", "DEFAULT_OF_CLASSES", "Measure", "Units", "Values", "measures", "register"]

DEFAULT = ("normalized-variance", "transformational-variance", "sample-variance", "variance-shares")
"""Measures taken when none is named; they share their statistics, so together they cost one pass."""

DEFAULT_OF_CLASSES = (
    "top1-consistency",
    "pairwise-consistency",
    "effective-invariance",
    "top1-change-rate",
    "accuracy",
)
"""Measures of the class output that are taken besides, where there is one (and labels, for `accuracy`)."""

ALL = "all"
"""Names every measure that applies, with its default parameters."""

measures: Registry[Measure] = Registry("measure", "onnxinv.measures")
register = measures.register
