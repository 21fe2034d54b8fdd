"""Transformational variance: how much activations vary with the transform."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from onnxinv.measures import register
from onnxinv.measures.dispersion import DispersionMeasure
from onnxinv.measures.measure import Direction, Values
from onnxinv.measures.units import Units
from onnxinv.statistics import State


@register("transformational-variance")
class TransformationalVariance(DispersionMeasure):
    """Mean over samples of the standard deviation over transforms: `TV = mean_i std_j A[i,j]`.

    Range 0 to infinity, in units of the activation; 0 is invariant. It grows with the scale of the activations, so it
    compares layers only after normalisation. With one transform it is 0.

    Source: Quiroga et al., Invariance Measures for Neural Networks, arXiv 2310.17404.
    """

    direction: ClassVar[Direction] = "lower"
    samples_needed: ClassVar = 1
    parts: ClassVar = ("transformational-variance",)
    aggregation: ClassVar = "spatial mean of the units' TV"

    def compute(self, state: State, units: Units) -> Mapping[str, Values]:
        """Return TV by key."""
        tv = self.rows(state, units)
        sv = self.columns(state, units)
        return dict.fromkeys(self.result_keys(), self.values(tv, tv, sv))
