"""Normalized variance: how much activations vary with the transform, in units of how much they vary with the sample."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np

from onnxinv.measures import register
from onnxinv.measures.dispersion import DispersionMeasure
from onnxinv.measures.measure import Direction, Values
from onnxinv.measures.units import Units
from onnxinv.statistics import State


@register("normalized-variance")
class NormalizedVariance(DispersionMeasure):
    """The quotient of transformational and sample variance: `NV = TV / SV`.

    Range 0 to infinity: 0 is invariant, below 1 varies less with the transform than with the sample, 1 as much,
    infinite depends on the transform alone. A unit that responds to nothing (TV = SV = 0) is dead and counts as 1.

    Source: Quiroga et al., Invariance Measures for Neural Networks, arXiv 2310.17404.
    """

    direction: ClassVar[Direction] = "lower"
    parts: ClassVar = ("normalized-variance",)
    aggregation: ClassVar = "spatial means of TV and of SV, then their quotient"

    def compute(self, state: State, units: Units) -> Mapping[str, Values]:
        """Return NV by key."""
        tv = self.rows(state, units)
        sv = self.columns(state, units)
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = np.where((tv == 0) & (sv == 0), 1.0, tv / sv)
        return dict.fromkeys(self.result_keys(), self.values(ratio, tv, sv))
