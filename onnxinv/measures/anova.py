"""Analysis of variance: whether the mean response of a unit differs between transforms by more than chance."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import ClassVar

import numpy as np
from pydantic import Field

from onnxinv.measures import register
from onnxinv.measures.f_statistic import critical_value, f_statistic
from onnxinv.measures.measure import Direction, Measure, Values
from onnxinv.measures.units import Units
from onnxinv.measures.variance_shares import sums_of_squares
from onnxinv.statistics import ColumnMoments, RowMoments, State


@register("anova")
class Anova(Measure):
    """One-way analysis of variance over m transforms of n samples, and the share of units that it calls variant.

    `anova-f`, `F = [n sum_j (a_.j - a..)^2 / (m-1)] / [sum_ij (a_ij - a_.j)^2 / (m (n-1))]`.
    `anova-variant`, the share of a channel's units whose F exceeds its critical value at confidence alpha. All units of
    the layer are tested together (Bonferroni): the chance to exceed it is `(1 - alpha) / units`.

    Range 0 to infinity for F, 0 to 1 for the share; an invariant unit has F = 0, and one that no transform shifts has F
    of about 1 or less. Infinite: the unit depends on the transform alone; it is variant. A constant unit has F = 0, is
    not variant and is dead; deviations that are rounding count as none. With one transform F is not defined: it is 0,
    and no unit is variant. F grows with n, so it compares only between runs of as many samples, and has no interval.

    F sees shifts that all samples have in common; a reaction that differs from sample to sample only adds to its
    denominator. Groups are taken as independent, though they hold the same samples: `anova-repeated` accounts for that.

    Cost: the row and column moments that normalized variance needs, in float64: where samples differ far more than
    transforms, what is left of the shift between transforms is lost in float32.

    Source: Quiroga et al., Invariance Measures for Neural Networks, arXiv 2310.17404; the test is Fisher's. The
    authors' code divides alpha by the number of units where the correction divides 1 - alpha, and so calls nearly every
    unit variant.
    """

    statistics: ClassVar = (RowMoments, ColumnMoments)
    direction: ClassVar[Direction] = "lower"
    bounds: ClassVar = (0.0, math.inf)
    part_bounds: ClassVar = {"anova-variant": (0.0, 1.0)}
    interval: ClassVar[bool] = False
    exact: ClassVar[bool] = True
    parts: ClassVar = ("anova-f", "anova-variant")
    aggregation: ClassVar = "F and the test for every unit, then the mean over space"

    alpha: float = Field(
        0.99, gt=0, lt=1, description="confidence that no unit of an invariant layer is called variant, 0 to 1"
    )

    def compute(self, state: State, units: Units) -> Mapping[str, Values]:
        """Return F and the share of variant units by key."""
        columns = state[ColumnMoments]
        effect, residual = columns.mean.shape[0] - 1, columns.mean.shape[0] * (columns.count - 1)
        sample, transform, interaction = sums_of_squares(state, units)
        within = sample + interaction
        f = f_statistic(transform / max(effect, 1), within / max(residual, 1))
        critical = critical_value((1 - self.alpha) / units.total, effect, residual)
        variant = np.where(np.isnan(f), math.nan, f > critical)
        dead = units.sum(transform + within) == 0
        found = (f, variant)
        return {key: Values(units.mean(each), dead) for key, each in zip(self.result_keys(), found, strict=True)}
