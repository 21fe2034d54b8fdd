"""Relative invariance: how much closer a variant stays to its own sample than to another one."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import ClassVar

import numpy as np
from pydantic import Field

from onnxinv.measures import register
from onnxinv.measures.measure import Bounds, Direction, Measure, Scope, Values
from onnxinv.measures.needs import RANDOM_ORDER, Need
from onnxinv.measures.units import Units
from onnxinv.statistics import Array, State, Statistic
from onnxinv.statistics.reference_distances import ReferenceDistances
from onnxinv.statistics.vector_distances import DISTANCES, Distance, rounding_distance


@register("relative-invariance")
class RelativeInvariance(Measure):
    """The share of the distance between samples that a transform leaves: `R = (other - own) / other`.

    `own = mean_ij d(z_i, zt_ij)` and `other = mean_ij d(z_i, zt_i'j)`. z_i is the layer's whole vector on the
    untransformed sample i, zt_ij that on its variant j, and i' another sample: the next of its segment of the group, at
    most 64 samples, that of the last the first. Groups are shuffled, so i' is random. d is `1 - cosine` or the
    euclidean distance. The means run over the n samples and the m transforms, the identity among them if it is one of
    the set; the profile is R of each transform.

    Range minus infinity to 1; higher is more invariant. 1: no variant moves at all. 0: a variant is no closer to its
    own sample than to another. Negative: it is further away. A layer that no sample changes (`other` = 0) has no value
    and is dead; distances that are rounding count as none. nan: an activation was not finite, and with it the vectors.
    The cosine distance of a zero vector is 0 to a zero vector and 1 to any other.

    It needs one transform and groups of two samples: a group of one counts nothing, and where all are, the value is
    null. Samples must come in random order. Cost: two differences and three sums of squares for every activation; an
    open group keeps its first sample's activations.

    Source: Bouchacourt, Ibrahim, Morcos, Grounding inductive biases in natural images: invariance stems from variations
    in data, NeurIPS 2021, arXiv 2106.05121.
    """

    statistics: ClassVar[tuple[type[Statistic], ...]] = (ReferenceDistances,)
    scope: ClassVar[Scope] = "layer"
    direction: ClassVar[Direction] = "higher"
    bounds: ClassVar[Bounds] = (-math.inf, 1.0)
    samples_needed: ClassVar[int] = 2
    needs: ClassVar[tuple[Need, ...]] = (RANDOM_ORDER,)
    parts: ClassVar = ("relative-invariance",)
    aggregation: ClassVar[str] = "one value for the layer: distances between whole vectors"

    distance: Distance = Field("cosine", description="1 - cosine of two vectors, or their euclidean distance")

    def compute(self, state: State, units: Units) -> Mapping[str, Values]:
        """Return the share by key, with the share of each transform as profile."""
        found, kind = state[ReferenceDistances], DISTANCES.index(self.distance)
        count = found.count or math.nan
        means = np.stack([found.own[kind], found.other[kind]]) / count
        rounding = rounding_distance(self.distance, found.squares / count, units.resolution)
        own, other = np.where(np.isfinite(means) & (means <= rounding), 0.0, means)
        dead = np.array([np.isfinite(own).all() and not other.any()])
        value = _share(own.mean(keepdims=True), other.mean(keepdims=True))
        silent = np.array([not found.count])
        return dict.fromkeys(
            self.result_keys(), Values(value, dead, profile=_share(own, other)[:, None], silent=silent)
        )


def _share(own: Array, other: Array) -> Array:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where((other > 0) & np.isfinite(own) & np.isfinite(other), (other - own) / other, math.nan)
