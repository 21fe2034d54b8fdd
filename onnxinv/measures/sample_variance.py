"""Sample variance: how much activations vary with the sample."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from onnxinv.measures import register
from onnxinv.measures.dispersion import DispersionMeasure
from onnxinv.measures.measure import Values
from onnxinv.measures.units import Units
from onnxinv.statistics import State


@register("sample-variance")
class SampleVariance(DispersionMeasure):
    """Mean over transforms of the standard deviation over samples: `SV = mean_j std_i A[i,j]`.

    Range 0 to infinity, in units of the activation; 0 tells no sample from another. It says how selective a unit is,
    not how invariant. It needs two samples.

    Source: Quiroga et al., Invariance Measures for Neural Networks, arXiv 2310.17404.
    """

    parts: ClassVar = ("sample-variance",)
    aggregation: ClassVar = "spatial mean of the units' SV"

    def compute(self, state: State, units: Units) -> Mapping[str, Values]:
        """Return SV by key."""
        tv = self.rows(state, units)
        sv = self.columns(state, units)
        return dict.fromkeys(self.result_keys(), self.values(sv, tv, sv))
