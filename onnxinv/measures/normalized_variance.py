"""Normalized variance: how much activations vary with the transform, in units of how much they vary with the sample."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import ClassVar, Literal

import numpy as np
from pydantic import Field

from onnxinv.measures import register
from onnxinv.measures.dispersion import DispersionMeasure
from onnxinv.measures.measure import Direction, Values
from onnxinv.measures.units import Units
from onnxinv.statistics import Array, State


@register("normalized-variance")
class NormalizedVariance(DispersionMeasure):
    """The quotient of transformational and sample variance: `NV = TV / SV`.

    Range 0 to infinity: 0 is invariant, below 1 varies less with the transform than with the sample, 1 as much,
    infinite depends on the transform alone. A unit that responds to nothing (TV = SV = 0) is dead and counts as 1.

    Source: Quiroga et al., Invariance Measures for Neural Networks, arXiv 2310.17404.
    """

    direction: ClassVar[Direction] = "lower"
    parts: ClassVar = ("normalized-variance",)

    classes: Literal["mean-of-quotients", "quotient-of-means"] = Field(
        "mean-of-quotients",
        description="with --stratify: the mean over classes of TV / SV, or TV over the mean of the classes' SV, which "
        "stays finite where single classes do not vary",
    )
    aggregation: ClassVar = "spatial means of TV and of SV, then their quotient"

    def compute(self, state: State, units: Units) -> Mapping[str, Values]:
        """Return NV by key."""
        return self._quotient(self.rows(state, units), self.columns(state, units))

    def compute_by_class(self, classes: Sequence[State], units: Units) -> Mapping[str, Values]:
        """Return the mean over classes of their NV, or TV over the mean of their SV; see `classes`."""
        found = super().compute_by_class(classes, units)
        if self.classes == "mean-of-quotients":
            return found
        samples = [state.samples for state in classes]
        tv = np.average([self.rows(state, units) for state in classes], axis=0, weights=samples)
        sv = np.mean([self.columns(state, units) for state in classes], axis=0)
        pooled = self._quotient(tv, sv)
        return {key: replace(each, classes=found[key].classes) for key, each in pooled.items()}

    def _quotient(self, tv: Array, sv: Array) -> dict[str, Values]:
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = np.where((tv == 0) & (sv == 0), 1.0, tv / sv)
        return dict.fromkeys(self.result_keys(), self.values(ratio, tv, sv))
