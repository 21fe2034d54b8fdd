"""Firing ratio: how often a unit fires on variants, beside how often it fires on untransformed samples."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import ClassVar

import numpy as np

from onnxinv.measures import register
from onnxinv.measures.dispersion import is_rounding
from onnxinv.measures.goodfellow import mean_over_space
from onnxinv.measures.measure import Direction, Measure, Values
from onnxinv.measures.needs import ALL_SAMPLES
from onnxinv.measures.units import Units
from onnxinv.statistics import ColumnMoments, State
from onnxinv.statistics.firing_rates import FiringRates


@register("firing-ratio")
class FiringRatio(Measure):
    """What published code computes as Goodfellow's score; it cannot tell whether a unit is invariant.

    `mean_ij 1[u(t_j(x_i)) > thr] / mean_i 1[u(x_i) > thr]`, `thr = mean + 2.326 std` of the untransformed samples: a
    normally distributed unit fires on 1 % of them.

    It is here for comparison only. Both rates are taken over all samples, not over the variants of the samples that
    the unit fires on, so an invariant unit and one that changes at random with the transform have the same ratio if
    their values are distributed alike. Only `goodfellow` looks at the same sample twice.

    Range 0 to infinity, and neither end is more invariant; 1 says that variants exceed the threshold as often as
    untransformed samples. Infinite: only variants do. A unit that never exceeds it is silent, and so null; a constant
    unit is dead as well. Deviations that are rounding count as none. One of n values cannot exceed the mean by more
    than `(n-1) / sqrt(n)` deviations, so 8 samples are the fewest with which an untransformed one can fire. It has no
    interval, for the threshold comes from all samples together.

    Cost: the untransformed samples are run once more, beforehand.

    Source: GoodfellowInvariance of the library tmeasures, of the authors of Quiroga et al., Invariance Measures for
    Neural Networks, arXiv 2310.17404, with its default sign 1 and normal threshold. It gives 1 where nothing fires;
    here that is null. Its numpy form fits the threshold to all variants and takes the lower rate to be 1 %.
    """

    statistics: ClassVar = (FiringRates, ColumnMoments)
    direction: ClassVar[Direction] = "neither"
    bounds: ClassVar = (0.0, math.inf)
    interval: ClassVar[bool] = False
    needs: ClassVar = (ALL_SAMPLES,)
    samples_needed: ClassVar[int] = 8
    parts: ClassVar = ("firing-ratio",)
    aggregation: ClassVar = "the ratio for every unit, then the mean over space without silent units"

    def compute(self, state: State, units: Units) -> Mapping[str, Values]:
        """Return the ratio by key."""
        rates, columns = state[FiringRates], state[ColumnMoments]
        steady = is_rounding(rates.std, state, units)
        deviation = np.sqrt(columns.deviations / max(columns.count - 1, 1))
        rise = np.maximum(columns.mean - rates.mean, deviation)
        unmoved = steady & is_rounding(rise, state, units).all(axis=0)
        samples = np.where(steady, 0.0, rates.samples)
        variants = np.where(unmoved, 0.0, rates.variants)
        with np.errstate(divide="ignore", invalid="ignore"):
            ratio = variants / (len(columns.mean) * samples)
        finite = np.isfinite(rates.std) & np.isfinite(columns.mean).all(axis=0)
        silent = finite & np.isnan(ratio)
        found = mean_over_space(np.where(finite, ratio, math.nan), silent, units)
        dead = units.sum(np.where(unmoved, 0.0, 1.0)) == 0
        return dict.fromkeys(self.result_keys(), replace(found, dead=dead))
