"""Row and column dispersions of a unit, with the zero rule and the small-sample correction they share."""

from __future__ import annotations

import math
from typing import ClassVar, Literal

import numpy as np
import numpy.typing as npt
from pydantic import Field, model_validator

from onnxinv.measures.measure import Direction, Measure, Values
from onnxinv.measures.units import Units
from onnxinv.statistics import Array, ColumnMoments, RowMoments, State
from onnxinv.statistics.column_summary import ColumnSummary


class DispersionMeasure(Measure):
    """A measure made of standard deviations or variances of rows and columns."""

    statistics: ClassVar = (RowMoments, ColumnMoments)
    stratifies: ClassVar[bool] = True
    direction: ClassVar[Direction] = "neither"
    bounds: ClassVar = (0.0, math.inf)

    dispersion: Literal["std", "var"] = Field(
        "std", description="standard deviations (the authors' choice) or variances"
    )
    unbiased: bool = Field(
        False, description="divide standard deviations by c4 of their count, to compare sets of different size"
    )

    @model_validator(mode="after")
    def _unbiased_is_for_std(self) -> DispersionMeasure:
        if self.unbiased and self.dispersion == "var":
            raise ValueError("unbiased corrects standard deviations; variances with ddof 1 need no correction")
        return self

    def rows(self, state: State, units: Units) -> Array:
        """Return the (values,) spatial mean of the mean over samples of the dispersion over transforms."""
        key = ("rows", self.dispersion, self.unbiased, units.resolution)
        return units.mean(state.derive(key, lambda: self._rows(state, units)))

    def columns(self, state: State, units: Units) -> Array:
        """Return the (values,) spatial mean of the mean over transforms of the dispersion over samples."""
        key = ("columns", self.dispersion, self.unbiased, units.resolution)
        return units.mean(state.derive(key, lambda: self._columns(state, units)))

    def _rows(self, state: State, units: Units) -> Array:
        rows, columns = state[RowMoments], state[ColumnMoments]
        transforms = columns.transforms
        std_sum, deviations_sum = rows.sums_above(units.resolution * root_mean_square(state), transforms)
        if self.dispersion == "var":
            std_sum = deviations_sum / max(transforms - 1, 1)
        elif self.unbiased:
            std_sum = std_sum / c4(transforms)
        mean: Array = std_sum / rows.count
        return mean

    def _columns(self, state: State, units: Units) -> Array:
        columns = state[ColumnMoments]
        if self.dispersion == "var":
            variances = columns.deviations / max(columns.count - 1, 1)
            variance: Array = np.where(is_rounding(np.sqrt(variances), state, units), 0.0, variances).mean(axis=0)
            return variance
        mean = columns.mean_std_above(units.resolution * root_mean_square(state))
        return mean / c4(columns.count) if self.unbiased else mean

    def values(self, values: Array, tv: Array, sv: Array) -> Values:
        """Return values with the dead ones marked: neither transforms nor samples change them."""
        return Values(values, (tv == 0) & (sv == 0))


def column_summary(state: State) -> ColumnSummary:
    """Return what the columns of each unit add up to."""
    return state.derive("column summary", state[ColumnMoments].summary)


def largest_column_deviation(state: State) -> Array:
    """Return the (units,) largest standard deviation over samples under one transform."""
    largest: Array = np.sqrt(column_summary(state).largest / max(state[ColumnMoments].count - 1, 1))
    return largest


def is_rounding(deviation: Array, state: State, units: Units) -> npt.NDArray[np.bool_]:
    """Return where a standard deviation is no larger than the rounding of activations of the unit's size.

    Runtimes round differently at different batch positions, so equal inputs can differ by an ulp.
    """
    rounding: npt.NDArray[np.bool_] = deviation <= units.resolution * root_mean_square(state)
    return rounding


def count_faint(state: State, units: Units) -> int:
    """Return how many units vary so little, beside their size, that rounding blurs what they say.

    Their largest deviation is above the rounding of the activations, but less than four times as large: for float32,
    a mean of about a million deviations. None are counted where no measure needed both moments.
    """
    if not {ColumnMoments, RowMoments} <= set(state.kinds):
        return 0
    largest = np.maximum(largest_column_deviation(state), state[RowMoments].std_max)
    limit = units.resolution * root_mean_square(state)
    return int(((largest > limit) & (largest < 4 * limit)).sum())


def root_mean_square(state: State) -> Array:
    """Return the (units,) root mean square of the activations over samples and transforms."""
    columns, summary = state[ColumnMoments], column_summary(state)
    return state.derive(
        "root mean square", lambda: np.sqrt((summary.within / columns.count + summary.size) / columns.transforms)
    )


def c4(count: int) -> float:
    """Return the expected standard deviation of `count` normal values of unit variance (ddof 1)."""
    if count < 2:
        return 1.0
    return math.sqrt(2 / (count - 1)) * math.exp(math.lgamma(count / 2) - math.lgamma((count - 1) / 2))
