"""Raw columns and raw maps: all pairs of samples, across blocks and groups."""

from __future__ import annotations

from itertools import combinations, permutations

import numpy as np
import pytest

from onnxinv.statistics import Extent
from onnxinv.statistics.raw_columns import RawColumns
from onnxinv.statistics.raw_maps import RawMaps
from tests.statistics.grid import Grid, draw, feed

FIRST, LAST = np.repeat(np.arange(3), 4), np.tile(np.arange(3), 4)
layouts = pytest.mark.parametrize("channel", [FIRST, LAST], ids=["channels first", "channels last"])


def gathered(kind: type[RawColumns], *grids: Grid, channel: np.ndarray = FIRST) -> RawColumns:
    first, *rest = (feed(kind.empty(Extent(*grid.shape[1:], channel)), grid) for grid in grids)
    for each in rest:
        first = first.merge(each)
    return first


def mean_differences(grid: Grid) -> Grid:
    exact = grid.astype(np.float64)
    return np.mean([np.abs(x - y).mean(axis=0) for x, y in combinations(exact, 2)], axis=0)


def mean_map_distances(grid: Grid, channel: np.ndarray, normalized: bool, squared: bool) -> Grid:
    values = []
    for place in np.unique(channel):
        maps = grid[..., channel == place].astype(np.float64)
        if normalized:
            norms = np.linalg.norm(maps, axis=2, keepdims=True)
            maps = maps / np.where(norms == 0, 1, norms)
        power = 2 if squared else 1
        values.append(np.mean([np.linalg.norm(x - y, axis=1) ** power for x, y in combinations(maps, 2)]))
    return np.array(values)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@pytest.mark.parametrize("samples", [2, 5, 40, 200])
def test_all_pairs_of_samples_are_compared(samples: int, dtype: type) -> None:
    grid = draw(samples, 3, 12, offset=2).astype(dtype)
    found = gathered(RawColumns, grid)
    np.testing.assert_allclose(found.mean(), mean_differences(grid), rtol=1e-12)
    assert found.groups[0].dtype == dtype


def test_groups_are_compared_with_each_other_in_any_order() -> None:
    grids = [draw(samples, 3, 12, offset=samples, seed=samples) for samples in (17, 1, 3)]
    expected = mean_differences(np.concatenate(grids))
    for order in permutations(grids):
        np.testing.assert_allclose(gathered(RawColumns, *order).mean(), expected, rtol=1e-12)


def test_many_units_are_finished_piece_by_piece() -> None:
    grid = draw(600, 2, 1000)
    ordered = np.sort(grid.astype(np.float64), axis=0)
    weights = 2 * np.arange(600) - 599
    expected = np.einsum("nmu,n->u", ordered, weights.astype(np.float64)) / (2 * 600 * 599 / 2)
    np.testing.assert_allclose(gathered(RawColumns, grid, channel=np.arange(1000)).mean(), expected, rtol=1e-11)


@pytest.mark.parametrize("units", [slice(2, 5), np.array([4, 0, 3])], ids=["slice", "indices"])
def test_some_units_can_be_taken(units: slice | np.ndarray) -> None:
    grid = draw(6, 3, 12)
    np.testing.assert_array_equal(
        gathered(RawColumns, grid).take(units).mean(), gathered(RawColumns, grid).mean()[units]
    )


def test_what_was_kept_does_not_change_with_the_block_it_came_in() -> None:
    grid = draw(6, 3, 12)
    found = gathered(RawColumns, grid)
    before = found.mean()
    grid[:] = 0
    np.testing.assert_array_equal(found.mean(), before)


@pytest.mark.parametrize("kind", [RawColumns, RawMaps])
def test_one_sample_has_no_pairs(kind: type[RawColumns]) -> None:
    found = gathered(kind, draw(1, 3, 12))
    assert found.pairs() == 0
    mean = found.compared(normalized=False, squared=False)[0] if isinstance(found, RawMaps) else found.mean()
    assert np.isnan(mean).all()


@layouts
@pytest.mark.parametrize("normalized", [False, True], ids=["as they are", "of norm 1"])
@pytest.mark.parametrize("squared", [False, True], ids=["distance", "squared"])
def test_all_pairs_of_maps_are_compared(channel: np.ndarray, normalized: bool, squared: bool) -> None:
    grids = [draw(samples, 3, 12, offset=1, seed=samples) for samples in (17, 1, 3)]
    expected = mean_map_distances(np.concatenate(grids), channel, normalized, squared)
    for order in permutations(grids):
        found = gathered(RawMaps, *order, channel=channel)
        assert isinstance(found, RawMaps)
        np.testing.assert_allclose(found.compared(normalized=normalized, squared=squared)[0], expected, rtol=1e-12)


@layouts
def test_some_units_stand_for_the_whole_maps_of_their_channels(channel: np.ndarray) -> None:
    whole = gathered(RawMaps, draw(6, 3, 12), channel=channel)
    assert isinstance(whole, RawMaps)
    everything = whole.compared(normalized=False, squared=False)
    some = np.flatnonzero(channel != 1)[[0, 3, 4]]
    kept = sorted(set(channel[some].tolist()))
    np.testing.assert_array_equal(whole.take(some).compared(normalized=False, squared=False), everything[:, kept])
    units = slice(0, 12)
    np.testing.assert_array_equal(whole.take(units).compared(normalized=False, squared=False), everything)
