"""Sample distance: how far apart the activations of two samples are under the same transform."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

from onnxinv.measures import register
from onnxinv.measures.distance import DistanceMeasure
from onnxinv.measures.measure import Values
from onnxinv.measures.units import Units
from onnxinv.statistics import State


@register("sample-distance")
class SampleDistance(DistanceMeasure):
    """Mean over transforms of the mean distance between two samples: `SD = mean_j mean_{i<i'} d(A[i,j], A[i',j])`.

    By default `d(x, y) = |x - y|` for every unit, over the pairs within blocks of 16 consecutive samples of the
    shuffled order, inside a group (the last block may be shorter, one sample gives no pair): without bias, whatever the
    batch size. `pairs=all` takes all pairs of samples; it keeps every activation of the layer (squared distances of
    units do not need to). `distance=euclidean-squared` squares the distance; with all pairs SD is then twice the sample
    variance with `dispersion=var`. `map=true` compares a channel's maps as vectors and gives one value a channel;
    `normalize=true` divides each map by its Euclidean norm first (a map of zeros stays as it is), so that the strength
    of a response does not count; of a channel of one unit it leaves the sign.

    Range 0 to infinity, in units of the activation; 0 tells no sample from another. It says how selective a unit is,
    not how invariant. It needs two samples in a group; without any pair it is null. Distances that are rounding count
    as none; a unit that varies with nothing is dead.

    Cost: sorting each block's columns, about as much as the moments of rows and columns; half of that for squared
    distances; with map=true two to eight times as much. With pairs=all memory grows with the number of samples, and
    with map=true the time with its square.

    Source: Quiroga et al., Invariance Measures for Neural Networks, arXiv 2310.17404. The authors' code takes pairs
    within a batch of data sorted by class; here the order is shuffled, so that a pair is of any two samples.
    """

    seen: ClassVar = ("columns",)
    parts: ClassVar = ("sample-distance",)
    aggregation: ClassVar = "spatial mean of the units' SD; with map=true a channel's map is one vector"

    def compute(self, state: State, units: Units) -> Mapping[str, Values]:
        """Return SD by key."""
        return dict.fromkeys(self.result_keys(), self.values(self.columns(state, units), state, units))
