"""Variance shares: how the variance of a unit divides between sample, transform and their interaction."""

from __future__ import annotations

from collections.abc import Mapping
from typing import ClassVar

import numpy as np

from onnxinv.measures import register
from onnxinv.measures.dispersion import column_summary, is_rounding, largest_column_deviation
from onnxinv.measures.measure import Direction, Measure, Values
from onnxinv.measures.units import Units
from onnxinv.statistics import Array, ColumnMoments, RowMoments, State


@register("variance-shares")
class VarianceShares(Measure):
    """The two-way layout without replication, as shares of the total sum of squares.

    `variance-share-sample`, `SS_S = m sum_i (a_i. - a..)^2`: the selectivity that survives the transforms.
    `variance-share-transform`, `SS_T = n sum_j (a_.j - a..)^2`: a shift that all samples have in common.
    `variance-share-interaction`, `SS_I = sum_ij (a_ij - a_i. - a_.j + a..)^2`: a reaction that depends on the sample.

    Range 0 to 1; the three add up to 1; an invariant unit has `variance-share-sample` 1. A constant unit has no
    shares and is dead; deviations that are rounding count as none.

    Source: the analysis of variance of a samples x transforms matrix (Fisher).
    """

    statistics: ClassVar = (RowMoments, ColumnMoments)
    direction: ClassVar[Direction] = "lower"
    part_directions: ClassVar[Mapping[str, Direction]] = {"variance-share-sample": "higher"}
    bounds: ClassVar = (0.0, 1.0)
    parts: ClassVar = ("variance-share-sample", "variance-share-transform", "variance-share-interaction")
    aggregation: ClassVar = "sums of squares added over space, then the shares"

    def compute(self, state: State, units: Units) -> Mapping[str, Values]:
        """Return the three shares by key."""
        parts = [units.sum(part) for part in sums_of_squares(state, units)]
        total = parts[0] + parts[1] + parts[2]
        dead = total == 0
        with np.errstate(divide="ignore", invalid="ignore"):
            return {key: Values(part / total, dead) for key, part in zip(self.result_keys(), parts, strict=True)}


def sums_of_squares(state: State, units: Units) -> Array:
    """Return the (3, units) sums of squares `SS_S`, `SS_T` and `SS_I`."""
    return state.derive(("sums of squares", units.resolution), lambda: np.stack(_sums_of_squares(state, units)))


def _sums_of_squares(state: State, units: Units) -> tuple[Array, Array, Array]:
    rows, columns = state[RowMoments], state[ColumnMoments]
    summary = column_summary(state)
    sample = columns.transforms * rows.mean_deviations
    transform = columns.count * summary.between
    # The interaction is a difference: taken from whichever sum loses less, so that it is exact where the other is 0.
    interaction = np.where(sample < transform, summary.within - sample, rows.deviations_sum - transform)
    interaction = np.maximum(interaction, 0.0)
    if columns.count > 1:
        no_sample = is_rounding(largest_column_deviation(state), state, units)
        sample, interaction = np.where(no_sample, 0.0, sample), np.where(no_sample, 0.0, interaction)
    no_transform = is_rounding(rows.std_max, state, units)
    transform, interaction = np.where(no_transform, 0.0, transform), np.where(no_transform, 0.0, interaction)
    return sample, transform, interaction
