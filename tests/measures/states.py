"""Finished states of whole grids, for measures to be computed from."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from onnxinv.measures import Units, measures
from onnxinv.statistics import ColumnMoments, RowMoments, State
from tests.statistics.grid import feed

Grid = npt.NDArray[Any]


def state_of(grid: Grid) -> State:
    """Return the state of a (samples, transforms, units) grid."""
    return feed(State.empty((RowMoments, ColumnMoments), grid.shape[1], grid.shape[2]), grid)


def per_unit(count: int, dtype: str = "float32") -> Units:
    """Return units that keep their own values."""
    return Units.of((count,), 0, dtype, per_unit=True)


def compute(measure: str, grid: Grid, units: Units | None = None, part: str | None = None) -> npt.NDArray[np.float64]:
    """Return the values of a measure (or of a part of a family) on a grid."""
    family = measures.build(measure).compute(state_of(grid), units or per_unit(grid.shape[2]))
    return family[part or measure].values


def dead(measure: str, grid: Grid, units: Units | None = None, part: str | None = None) -> npt.NDArray[np.bool_]:
    """Return which values of a measure are dead."""
    family = measures.build(measure).compute(state_of(grid), units or per_unit(grid.shape[2]))
    return family[part or measure].dead
