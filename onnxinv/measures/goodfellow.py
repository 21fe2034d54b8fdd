"""Goodfellow's invariance score: how often a unit still fires on the variants of the samples that it fires on."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import ClassVar

import numpy as np
import numpy.typing as npt

from onnxinv.measures import register
from onnxinv.measures.dispersion import is_rounding
from onnxinv.measures.measure import Direction, Measure, Scope, Values
from onnxinv.measures.needs import ALL_SAMPLES
from onnxinv.measures.units import Units
from onnxinv.statistics import Array, ColumnMoments, State
from onnxinv.statistics.firing_counts import FiringCounts

Silent = npt.NDArray[np.bool_]


@register("goodfellow")
class Goodfellow(Measure):
    """The local firing rate of a unit over its global one: `L / G`, the better of both signs.

    A unit fires on x when `s u(x) > thr`, s either 1 or -1, thr the (k+1)-th largest `s u` of the n untransformed
    samples and k 1 % of them (rounded up, at least 1), so that without ties it fires on k. With Z the untransformed
    samples that it fires on, `G = |Z| / n` and `L = mean_{z in Z} mean_j 1[fires on t_j(z)]`.

    Range 0 to 1/G, higher is more invariant: 0 never fires on a variant, 1 no more often than on any untransformed
    sample (chance makes the better of two signs a little more), 1/G always. That limit depends on the samples: it is n
    up to 100 samples and from 50 to 100 beyond, and more where ties leave fewer than k samples to fire. So scores
    compare between runs of as many samples.

    The sign with the larger score is kept, and the other one where a unit fires on no sample with one of them. A unit
    that fires on none with either, for all its largest and all its smallest values are ties, is silent: null and
    counted as dead, as is one that the untransformed samples change by no more than rounding. It has no interval,
    for the threshold comes from all samples together.

    Cost: the untransformed samples are run once more, beforehand, and the k+1 largest and smallest values of every
    unit are kept until the end.

    Source: Goodfellow, Le, Saxe, Lee and Ng, Measuring Invariances in Deep Networks, NIPS 2009; compared in Quiroga et
    al., Invariance Measures for Neural Networks, arXiv 2310.17404, whose code computes `firing-ratio` instead.
    """

    statistics: ClassVar = (FiringCounts, ColumnMoments)
    direction: ClassVar[Direction] = "higher"
    bounds: ClassVar = (0.0, math.inf)
    interval: ClassVar[bool] = False
    needs: ClassVar = (ALL_SAMPLES,)
    parts: ClassVar = ("goodfellow",)
    aggregation: ClassVar = "the score for every unit, then the mean over space without silent units"

    def compute(self, state: State, units: Units) -> Mapping[str, Values]:
        """Return the score by key."""
        return dict.fromkeys(self.result_keys(), mean_over_space(*_scores(state, units), units))


@register("goodfellow-top20")
class GoodfellowTop20(Measure):
    """The mean score of the 20 % of a layer's units that are most invariant by `goodfellow`, rounded up.

    It is taken over the units of the layer, whatever is made of channels, for a network may need only some of its units
    to be invariant. Silent units and those with activations that are not finite have no score and are not counted.

    Range 0 to 1/G as for `goodfellow`, higher is more invariant. A layer of silent units is silent: null and counted as
    dead.

    Cost: nothing beside what `goodfellow` needs.

    Source: Goodfellow, Le, Saxe, Lee and Ng, Measuring Invariances in Deep Networks, NIPS 2009, with p = 0.2.
    """

    statistics: ClassVar = (FiringCounts, ColumnMoments)
    scope: ClassVar[Scope] = "layer"
    direction: ClassVar[Direction] = "higher"
    bounds: ClassVar = (0.0, math.inf)
    interval: ClassVar[bool] = False
    needs: ClassVar = (ALL_SAMPLES,)
    parts: ClassVar = ("goodfellow-top20",)
    aggregation: ClassVar = "the mean over the top 20 % of all units of the layer that are not silent"

    def compute(self, state: State, units: Units) -> Mapping[str, Values]:
        """Return the mean score by key."""
        scores, silent = _scores(state, units)
        ordered = np.sort(scores[np.isfinite(scores)])
        top = ordered[ordered.size - -(-ordered.size // 5) :]
        value = top.mean() if top.size else math.nan
        quiet = np.array([bool(silent.all())])
        return dict.fromkeys(self.result_keys(), Values(np.array([value]), quiet, silent=quiet))


def mean_over_space(values: Array, silent: Silent, units: Units) -> Values:
    """Return the means over the units of each channel that are not silent; a channel is silent where all its units are.

    Args:
        values: (units,) what is averaged.
        silent: (units,) which of them are left out.
        units: how the units fall into channels.
    """
    quiet = units.sum(np.where(silent, 0.0, 1.0)) == 0
    with np.errstate(invalid="ignore"):
        mean = units.sum(np.where(silent, 0.0, values)) / units.sum(np.where(silent, 0.0, 1.0))
    return Values(mean, quiet, silent=quiet)


def _scores(state: State, units: Units) -> tuple[Array, Silent]:
    """Return the (units,) scores, nan where there is none, and which units are silent."""
    counts, columns = state[FiringCounts], state[ColumnMoments]
    with np.errstate(divide="ignore", invalid="ignore"):
        local_rate = counts.variants / (len(columns.mean) * counts.fired)
        global_rate = counts.fired / counts.count
        score = np.fmax(*(local_rate / global_rate))
    finite = np.isfinite(counts.std) & np.isfinite(columns.mean).all(axis=0)
    # Where samples differ by rounding alone, which of them exceed the threshold means nothing.
    silent = finite & (np.isnan(score) | is_rounding(counts.std, state, units))
    return np.where(finite & ~silent, score, math.nan), silent
