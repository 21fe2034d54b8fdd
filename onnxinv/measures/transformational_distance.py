"""Transformational distance: how far apart a sample's activations are under two transforms."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from onnxinv.measures import register
from onnxinv.measures.distance import DistanceMeasure
from onnxinv.measures.measure import Direction, Values
from onnxinv.measures.units import Units
from onnxinv.statistics import State


@register("transformational-distance")
class TransformationalDistance(DistanceMeasure):
    """Mean over samples of the mean distance between two variants: `TD = mean_i mean_{j<j'} d(A[i,j], A[i,j'])`.

    By default `d(x, y) = |x - y|` for every unit, over all pairs of transforms. `distance=euclidean-squared` squares
    it, which makes TD twice the transformational variance with `dispersion=var`. `map=true` compares a channel's maps
    as vectors, by their Euclidean distance or its square, and gives one value a channel; `normalize=true` divides each
    map by its Euclidean norm first (a map of zeros stays as it is), so that the strength of a response does not count;
    of a channel of one unit it leaves the sign. `pairs` is of samples and changes nothing here.

    Range 0 to infinity, in units of the activation; 0 is invariant. It grows with the scale of the activations, so it
    compares layers only after normalisation. With one transform it is 0. It needs one sample. Distances that are
    rounding count as none; a unit that varies with nothing is dead.

    Cost: sorting each row's activations, about as much as the moments of rows and columns; squared distances of units
    cost nothing beside these; with map=true all pairs are compared, two to eight times as much at 16 transforms and
    more with more.

    Source: Quiroga et al., Invariance Measures for Neural Networks, arXiv 2310.17404.
    """

    direction: ClassVar[Direction] = "lower"
    samples_needed: ClassVar[int] = 1
    seen: ClassVar = ("rows",)
    parts: ClassVar = ("transformational-distance",)
    aggregation: ClassVar = "spatial mean of the units' TD; with map=true a channel's map is one vector"

    def compute(self, state: State, units: Units) -> Mapping[str, Values]:
        """Return TD by key."""
        return dict.fromkeys(self.result_keys(), self.values(self.rows(state, units), state, units))
