"""Normalized distance: how far activations move with the transform, in units of how far apart samples are."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np

from onnxinv.measures import register
from onnxinv.measures.distance import DistanceMeasure
from onnxinv.measures.measure import Direction, Values
from onnxinv.measures.units import Units
from onnxinv.statistics import State


@register("normalized-distance")
class NormalizedDistance(DistanceMeasure):
    """The quotient of transformational and sample distance: `ND = TD / SD`.

    `TD = mean_i mean_{j<j'} d(A[i,j], A[i,j'])` over all pairs of transforms, `SD = mean_j mean_{i<i'} d(A[i,j],
    A[i',j])` over the pairs within blocks of 16 consecutive samples of the shuffled order, inside a group, or with
    `pairs=all` over all; `d(x, y) = |x - y|` for every unit. The parameters mean the same as for
    `transformational-distance` and `sample-distance`; with `distance=euclidean-squared,pairs=all` ND equals
    `normalized-variance:dispersion=var`.

    Range 0 to infinity: 0 is invariant, below 1 moves less with the transform than from sample to sample, 1 as much,
    infinite depends on the transform alone. A unit that responds to nothing (TD = SD = 0) is dead and counts as 1.
    Distances that are rounding count as none. With one transform ND is 0. It needs two samples in a group.

    Cost: that of both distances, about twice that of the moments of rows and columns.

    Source: Quiroga et al., Invariance Measures for Neural Networks, arXiv 2310.17404. The authors' code takes pairs
    within a batch of data sorted by class; here the order is shuffled, so that a pair is of any two samples.
    """

    direction: ClassVar[Direction] = "lower"
    seen: ClassVar = ("rows", "columns")
    parts: ClassVar = ("normalized-distance",)
    aggregation: ClassVar = "spatial means of TD and of SD, then their quotient; with map=true a map is one vector"

    def compute(self, state: State, units: Units) -> Mapping[str, Values]:
        """Return ND by key."""
        td, sd = self.rows(state, units), self.columns(state, units)
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = np.where(td == 0, 0.0, td / sd)
        found = self.values(ratio, state, units)
        return dict.fromkeys(self.result_keys(), Values(np.where(found.dead, 1.0, ratio), found.dead))
