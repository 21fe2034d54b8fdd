"""Orbit deviation: how far the variants of a sample spread about their centroid, in the space of the whole layer."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import ClassVar

import numpy as np
from pydantic import Field

from onnxinv.measures import register
from onnxinv.measures.measure import Bounds, Direction, Measure, Scope, Values
from onnxinv.measures.units import Units
from onnxinv.statistics import State, Statistic
from onnxinv.statistics.orbit_distances import OrbitDistances
from onnxinv.statistics.vector_distances import DISTANCES, Distance, rounding_distance


@register("orbit-deviation")
class OrbitDeviation(Measure):
    """The mean distance of variants from the centroid of their orbit: `mean_ij d(zt_ij, c_i)`, `c_i = mean_j zt_ij`.

    zt_ij is the layer's whole vector on variant j of sample i, and d is `1 - cosine` or the euclidean distance. The
    means run over the n samples and the m transforms, the identity among them if it is one of the set; the profile is
    the mean over samples for each transform.

    Range 0 to infinity, with the cosine 0 to 2; lower is more invariant. 0: the layer gives every variant the same
    vector, as any layer does with one transform. With the cosine a layer counts as invariant where only the length of
    its vector changes; the euclidean distance is in units of the activation. It says nothing of how far apart samples
    lie. A layer of zeros is dead, its value 0; distances that are rounding count as none. nan: an activation was not
    finite, and with it the vectors. The cosine distance of a zero vector is 0 to a zero vector and 1 to any other.

    One sample and one transform are enough. Cost: one sum, one difference and two sums of squares for every activation.

    Source: Kvinge et al., In What Ways Are Deep Neural Networks Invariant and How Should We Measure This?, NeurIPS
    2022, arXiv 2210.03773: the empirical equivariance deviation (G-EED) with the trivial action on the layer.
    """

    statistics: ClassVar[tuple[type[Statistic], ...]] = (OrbitDistances,)
    scope: ClassVar[Scope] = "layer"
    direction: ClassVar[Direction] = "lower"
    bounds: ClassVar[Bounds] = (0.0, math.inf)
    samples_needed: ClassVar[int] = 1
    parts: ClassVar = ("orbit-deviation",)
    aggregation: ClassVar[str] = "one value for the layer: distances between whole vectors"

    distance: Distance = Field("cosine", description="1 - cosine of two vectors, or their euclidean distance")

    def compute(self, state: State, units: Units) -> Mapping[str, Values]:
        """Return the mean distance by key, with the mean of each transform as profile."""
        found = state[OrbitDistances]
        mean = found.total[DISTANCES.index(self.distance)] / found.count
        rounding = rounding_distance(self.distance, found.squares / found.count, units.resolution)
        # An infinite activation makes infinite distances, which would say something where nothing is known.
        mean = np.where(np.isfinite(mean), mean, math.nan)
        profile = np.where(mean <= rounding, 0.0, mean)
        dead = np.array([not found.squares.any()])
        return dict.fromkeys(self.result_keys(), Values(profile.mean(keepdims=True), dead, profile=profile[:, None]))
