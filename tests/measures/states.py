"""Finished states of whole grids, for measures to be computed from."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from onnxinv.measures import Measure, Units, measures
from onnxinv.measures.layer import Collected
from onnxinv.statistics import ColumnMoments, Extent, RowMoments, State, merge_states
from tests.statistics.grid import feed

Grid = npt.NDArray[Any]


def state_of(
    grid: Grid,
    *asked: Measure,
    reference: Grid | None = None,
    labels: npt.NDArray[np.int64] | None = None,
    channel: npt.NDArray[np.intp] | None = None,
    resolution: float = 4 * 2.0**-23,
) -> State:
    """Return the state of a (samples, transforms, units) grid.

    Args:
        grid: activations.
        asked: measures whose statistics are wanted; by default the moments of rows and columns.
        reference: (samples, units) activations of the untransformed samples; by default those of the first transform.
        labels: (samples,) class of each sample.
        channel: (units,) channel of each unit; by default each is one of its own.
        resolution: what counts as rounding, as a share of the unit's root mean square.
    """
    kinds = tuple(dict.fromkeys(kind for one in asked for kind in one.kinds())) or (RowMoments, ColumnMoments)
    known = grid[:, 0] if reference is None else reference
    place = np.arange(grid.shape[2]) if channel is None else channel
    before = {
        kind: feed(kind.empty(Extent(1, grid.shape[2], place, len(grid))), known[:, None])
        for kind in dict.fromkeys(first for kind in kinds for first in kind.untransformed)
    }
    extent = Extent(grid.shape[1], grid.shape[2], place, len(grid), resolution, untransformed=before)
    return feed(State.empty(kinds, extent), grid, reference=known, labels=labels)


def collected(
    states: Sequence[State], kept: npt.NDArray[np.intp] | None = None, *, full: State | None = None
) -> Collected:
    """Return the states of groups, each of all units, as they are collected for the measures of a layer."""
    some = states if kept is None else [state.take(kept) for state in states]
    return Collected([full or merge_states(states)], [[state] for state in some], kept)


def per_unit(count: int, dtype: str = "float32") -> Units:
    """Return units that keep their own values."""
    return Units.of((count,), 0, dtype, per_unit=True)


def compute(measure: str, grid: Grid, units: Units | None = None, part: str | None = None) -> npt.NDArray[np.float64]:
    """Return the values of a measure (or of a part of a family) on a grid."""
    built = measures.build(measure)
    return built.compute(state_of(grid, built), units or per_unit(grid.shape[2]))[part or measure].values


def dead(measure: str, grid: Grid, units: Units | None = None, part: str | None = None) -> npt.NDArray[np.bool_]:
    """Return which values of a measure are dead."""
    built = measures.build(measure)
    return built.compute(state_of(grid, built), units or per_unit(grid.shape[2]))[part or measure].dead
