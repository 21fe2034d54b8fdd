"""Repeated-measures analysis of variance: one-way F and effect size where every transform is of the same samples."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import ClassVar

import numpy as np

from onnxinv.measures import register
from onnxinv.measures.dispersion import is_rounding
from onnxinv.measures.f_statistic import f_statistic
from onnxinv.measures.measure import Direction, Measure, Values
from onnxinv.measures.units import Units
from onnxinv.measures.variance_shares import sums_of_squares
from onnxinv.statistics import Array, ColumnMoments, RowMoments, State

UNRESOLVED = 2.0**-40
"""Share of the smaller of SS_S and SS_T up to which SS_I, a difference of float64 sums, is what rounding leaves."""


@register("anova-repeated")
class AnovaRepeated(Measure):
    """The analysis of variance over m transforms that sets aside how n samples differ, for they are the same in each.

    `anova-repeated-f`, `F = [SS_T / (m-1)] / [SS_I / ((m-1) (n-1))]`: the shift that all samples have in common, in
    units of how much the reaction differs between samples.
    `anova-repeated-eta2`, `SS_T / (SS_T + SS_I)` (partial eta squared): its share in all that the transforms change.
    With `SS_T = n sum_j (a_.j - a..)^2` and `SS_I = sum_ij (a_ij - a_i. - a_.j + a..)^2`.

    Range 0 to infinity for F, 0 to 1 for eta2; an invariant unit has 0 for both. Infinite (eta2 is then 1): every
    sample is shifted alike. A unit that no transform changes has 0 for both, and so has every unit with one transform;
    a constant unit is dead as well. Deviations that are rounding count as none, and so do mean squares whose root is.
    F grows with n, so it compares only between runs of as many samples; neither has an interval.

    Both say whether a reaction is shared, not how large it is: small changes that have nothing in common give a low
    value, and so do large ones.

    Cost: the row and column moments that normalized variance needs, in float64; see `anova`.

    Source: Fisher's analysis of variance of a samples x transforms matrix; not in Quiroga et al., arXiv 2310.17404,
    whose one-way test is `anova`.
    """

    statistics: ClassVar = (RowMoments, ColumnMoments)
    direction: ClassVar[Direction] = "lower"
    bounds: ClassVar = (0.0, math.inf)
    part_bounds: ClassVar = {"anova-repeated-eta2": (0.0, 1.0)}
    interval: ClassVar[bool] = False
    exact: ClassVar[bool] = True
    parts: ClassVar = ("anova-repeated-f", "anova-repeated-eta2")
    aggregation: ClassVar = "F and eta2 for every unit, then the mean over space"

    def compute(self, state: State, units: Units) -> Mapping[str, Values]:
        """Return F and partial eta squared by key."""
        samples, transforms = state[ColumnMoments].count, state[ColumnMoments].transforms
        effect, residual = max(transforms - 1, 1), max((transforms - 1) * (samples - 1), 1)
        sample, transform, interaction = sums_of_squares(state, units)
        dead = units.sum(sample + transform + interaction) == 0
        resolved = np.where(interaction <= UNRESOLVED * np.minimum(sample, transform), 0.0, interaction)
        between = _above_rounding(transform / effect, state, units)
        rest = _above_rounding(resolved / residual, state, units)
        with np.errstate(divide="ignore", invalid="ignore"):
            shared = np.where(
                (between == 0) & (rest == 0), 0.0, between * effect / (between * effect + rest * residual)
            )
        found = (f_statistic(between, rest), shared)
        return {key: Values(units.mean(each), dead) for key, each in zip(self.result_keys(), found, strict=True)}


def _above_rounding(mean_square: Array, state: State, units: Units) -> Array:
    above: Array = np.where(is_rounding(np.sqrt(mean_square), state, units), 0.0, mean_square)
    return above
