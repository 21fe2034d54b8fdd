"""Transform profile: how far each transform takes a unit from its response to the untransformed sample."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import ClassVar

import numpy as np

from onnxinv.measures import register
from onnxinv.measures.dispersion import is_rounding
from onnxinv.measures.measure import Bounds, Direction, Measure, Values
from onnxinv.measures.sample_variance import SampleVariance
from onnxinv.measures.units import Units
from onnxinv.statistics import ColumnMoments, State, Statistic
from onnxinv.statistics.reference_deviations import ReferenceDeviations

_SAMPLE_VARIANCE = SampleVariance()


@register("transform-profile")
class TransformProfile(Measure):
    """The response to each transform, `P_j = D_j / SV`, in units of how much activations vary with the sample.

    `D_j = mean_i |a_ij - a_i|`, with a_i the activation on the untransformed sample; SV is `sample-variance`. A channel
    takes the spatial mean of both before it divides. Its value is the mean of P_j over the m transforms, the identity
    among them if it is one of the set; its profile is the curve of P_j against the transform, the angle or the shift.

    Range 0 to infinity; lower is more invariant. 0 is invariant, as is any unit to the identity; 1 is a response as
    large as the standard deviation between samples. Infinite: the unit tells no sample from another, but responds to
    the transform. A unit that responds to nothing (D_j = SV = 0) is dead and has no value. Deviations that are rounding
    count as none. It needs two samples; one transform is enough.

    Cost: one difference and one sum for every activation, and 8 bytes a unit and transform, beside the column moments.

    Source: defined here, after the sample variance of Quiroga et al., Invariance Measures for Neural Networks,
    arXiv 2310.17404.
    """

    statistics: ClassVar[tuple[type[Statistic], ...]] = (ColumnMoments, ReferenceDeviations)
    direction: ClassVar[Direction] = "lower"
    bounds: ClassVar[Bounds] = (0.0, math.inf)
    samples_needed: ClassVar[int] = 2
    parts: ClassVar = ("transform-profile",)
    aggregation: ClassVar[str] = "spatial means of the deviations and of SV, then their quotient"

    def compute(self, state: State, units: Units) -> Mapping[str, Values]:
        """Return the mean response by key, with the response to each transform as profile."""
        deviations = state[ReferenceDeviations]
        mean = deviations.total / deviations.count
        mean = np.where(is_rounding(mean, state, units), 0.0, mean)
        response = np.stack([units.mean(row) for row in mean])
        # Where only the untransformed sample is not finite, the deviation is infinite and is no response.
        response[np.isinf(response)] = math.nan
        sv = _SAMPLE_VARIANCE.columns(state, units)
        dead = (sv == 0) & (response == 0).all(axis=0)
        with np.errstate(divide="ignore", invalid="ignore"):
            profile = np.where((response == 0) & (sv == 0), 0.0, response / sv)
        profile[:, dead] = math.nan
        return dict.fromkeys(self.result_keys(), Values(profile.mean(axis=0), dead, profile=profile))
