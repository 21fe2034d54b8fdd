"""Mean distances of pairs within rows and within columns, with the zero rule that the distance measures share."""

from __future__ import annotations

import math
from typing import ClassVar, Literal

import numpy as np
import numpy.typing as npt
from pydantic import Field, model_validator

from onnxinv.measures.dispersion import is_rounding, root_mean_square
from onnxinv.measures.measure import Direction, Measure, Values
from onnxinv.measures.needs import ONE_VALUE_A_CHANNEL, Need, in_one_group
from onnxinv.measures.transformational_variance import TransformationalVariance
from onnxinv.measures.units import Units
from onnxinv.statistics import Array, ColumnMoments, RowMoments, State, Statistic
from onnxinv.statistics.channel_sizes import ChannelSizes
from onnxinv.statistics.column_distances import ColumnDistances, SquaredColumnDistances
from onnxinv.statistics.map_distances import (
    MapColumnDistances,
    MapDistances,
    MapRowDistances,
    NormalizedMapColumnDistances,
    NormalizedMapRowDistances,
    SquaredNormalizedMapColumnDistances,
    SquaredNormalizedMapRowDistances,
)
from onnxinv.statistics.raw_columns import RawColumns
from onnxinv.statistics.raw_maps import RawMaps
from onnxinv.statistics.row_distances import RowDistances

_VARIANCES = TransformationalVariance(dispersion="var", unbiased=False)

_MAPS: dict[tuple[bool, bool], tuple[type[MapDistances], type[MapDistances]]] = {
    (False, False): (MapRowDistances, MapColumnDistances),
    (True, False): (NormalizedMapRowDistances, NormalizedMapColumnDistances),
    (True, True): (SquaredNormalizedMapRowDistances, SquaredNormalizedMapColumnDistances),
}
"""Statistics of rows and of columns, by whether maps are normalized and distances squared."""


class DistanceMeasure(Measure):
    """A measure made of the mean distances of pairs of variants of a sample (rows) and of pairs of samples (columns).

    Zero rule: a unit is still within rows where no row's standard deviation is above the rounding of its activations
    (see `is_rounding`), and within columns where no column's is; a channel compared as maps where all its units are, or
    where no two of its normalized maps are further apart than that rounding. The mean distance is then exactly 0.
    Squared distances that are variances (rows, and columns with pairs=all) follow the finer rule of variances, which
    sets each row and column to 0 by itself.

    Attributes:
        seen: whether the measure is of rows, of columns or of both.
    """

    statistics: ClassVar = (RowMoments, ColumnMoments)
    direction: ClassVar[Direction] = "neither"
    bounds: ClassVar = (0.0, math.inf)
    stratifies: ClassVar[bool] = True
    seen: ClassVar[tuple[Literal["rows", "columns"], ...]]

    distance: Literal["euclidean", "euclidean-squared"] = Field(
        "euclidean", description="between two activations their absolute difference, or that squared"
    )
    map: bool = Field(False, description="compare a channel's maps as vectors, not unit by unit")
    normalize: bool = Field(False, description="divide each map by its Euclidean norm first; only with map=true")
    pairs: Literal["blocks", "all"] = Field(
        "blocks", description="pairs of samples: within blocks of 16 consecutive ones, or all, keeping every activation"
    )

    @model_validator(mode="after")
    def _only_maps_are_normalized(self) -> DistanceMeasure:
        if self.normalize and not self.map:
            raise ValueError("normalize divides a map by its norm, so it goes with map=true")
        return self

    def kinds(self) -> tuple[type[Statistic], ...]:
        """Return what must be accumulated, given the parameters."""
        # Whether a channel of normalized maps is dead shows in their distances alone, so both are needed.
        seen = ("rows", "columns") if self.normalize else self.seen
        rows = self._row_kinds() if "rows" in seen else ()
        columns = self._column_kinds() if "columns" in seen else ()
        return tuple(dict.fromkeys((*self.statistics, *rows, *columns)))

    def needed(self) -> tuple[Need, ...]:
        """Return what must be there: pairs of samples, and one value a channel for maps."""
        pairs = (in_one_group(2),) if "columns" in self.seen and self.pairs == "blocks" else ()
        return (*self.needs, *pairs, *((ONE_VALUE_A_CHANNEL,) if self.map else ()))

    def wants_whole_layers(self) -> bool:
        """Whether some positions of each channel would not do: not for maps."""
        return self.map or super().wants_whole_layers()

    def rows(self, state: State, units: Units) -> Array:
        """Return the (values,) mean over samples of the mean distance between two variants."""
        if self._by_map:
            mean = np.where(self._still_rows(state, units), 0.0, state[self._map_kinds[0]].mean())
        elif self._squared:
            mean = self._over_space(2 * _VARIANCES.rows(state, units), state, units)
        else:
            still = is_rounding(state[RowMoments].std_max, state, units)
            mean = units.mean(np.where(still, 0.0, state[RowDistances].mean()))
        return mean + _unknown(state, units)

    def columns(self, state: State, units: Units) -> Array:
        """Return the (values,) mean over transforms of the mean distance between two samples."""
        if self._by_map:
            mean = np.where(self._still_columns(state, units), 0.0, self._compared_columns(state)[0])
        elif self._squared and self.pairs == "all":
            mean = self._over_space(2 * _VARIANCES.columns(state, units), state, units)
        else:
            mean = np.where(is_rounding(_largest_column(state), state, units), 0.0, self._unit_columns(state))
            mean = self._over_space(units.mean(mean), state, units)
        return mean + _unknown(state, units)

    def values(self, values: Array, state: State, units: Units) -> Values:
        """Return values with the dead ones marked: neither transforms nor samples change them."""
        still = self._still_rows(state, units) & self._still_columns(state, units)
        return Values(values, still & ~np.isnan(values))

    @property
    def _squared(self) -> bool:
        return self.distance == "euclidean-squared"

    @property
    def _by_map(self) -> bool:
        """Whether maps must be compared as they come; otherwise their squared distance is the sum of their units'."""
        return self.map and (self.normalize or not self._squared)

    @property
    def _map_kinds(self) -> tuple[type[MapDistances], type[MapDistances]]:
        return _MAPS[self.normalize, self._squared]

    def _row_kinds(self) -> tuple[type[Statistic], ...]:
        if self._by_map:
            return self._map_kinds[:1]
        if self._squared:
            return (ChannelSizes,) if self.map else ()
        return (RowDistances,)

    def _column_kinds(self) -> tuple[type[Statistic], ...]:
        if self._by_map:
            return (RawMaps,) if self.pairs == "all" else self._map_kinds[1:]
        if not self._squared:
            return (RawColumns,) if self.pairs == "all" else (ColumnDistances,)
        sizes = (ChannelSizes,) if self.map else ()
        return sizes if self.pairs == "all" else (SquaredColumnDistances, *sizes)

    def _unit_columns(self, state: State) -> Array:
        if self._squared:
            return state[SquaredColumnDistances].mean()
        if self.pairs == "blocks":
            return state[ColumnDistances].mean()
        return state.derive("all pairs", state[RawColumns].mean)

    def _compared_columns(self, state: State) -> tuple[Array, Array]:
        """Return the (channels,) mean distances between maps of two samples, and largest of a map from the first."""
        if self.pairs == "blocks":
            found = state[self._map_kinds[1]]
            return found.mean(), found.farthest
        mean, farthest = state.derive(
            ("all pairs of maps", self.normalize, self._squared),
            lambda: state[RawMaps].compared(normalized=self.normalize, squared=self._squared),
        )
        return mean, farthest

    def _over_space(self, mean: Array, state: State, units: Units) -> Array:
        """Return a spatial mean, or for maps the sum over the whole channel."""
        return mean * units.mean(state[ChannelSizes].size.astype(np.float64)) if self.map else mean

    def _still_rows(self, state: State, units: Units) -> npt.NDArray[np.bool_]:
        still = _everywhere(is_rounding(state[RowMoments].std_max, state, units), units)
        return still | (state[self._map_kinds[0]].farthest <= units.resolution) if self.normalize else still

    def _still_columns(self, state: State, units: Units) -> npt.NDArray[np.bool_]:
        still = _everywhere(is_rounding(_largest_column(state), state, units), units)
        return still | (self._compared_columns(state)[1] <= units.resolution) if self.normalize else still


def _largest_column(state: State) -> Array:
    """Return the (units,) largest standard deviation of a column."""
    columns = state[ColumnMoments]
    largest: Array = np.sqrt(columns.deviations.max(axis=0) / max(columns.count - 1, 1))
    return largest


def _everywhere(found: npt.NDArray[np.bool_], units: Units) -> npt.NDArray[np.bool_]:
    """Return which channels have it in all their units."""
    everywhere: npt.NDArray[np.bool_] = units.sum((~found).astype(np.float64)) == 0
    return everywhere


def _unknown(state: State, units: Units) -> Array:
    """Return nan for channels with activations that are not finite, and 0 for the others."""
    return units.mean(np.where(np.isfinite(root_mean_square(state)), 0.0, math.nan))
