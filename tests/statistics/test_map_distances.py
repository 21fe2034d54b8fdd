"""Map distances as statistics: groups, blocks, layouts and the channels of some units."""

from __future__ import annotations

from itertools import combinations, permutations

import numpy as np
import pytest

from onnxinv.statistics import BLOCK_SAMPLES, Extent
from onnxinv.statistics.map_distances import (
    MapColumnDistances,
    MapDistances,
    MapRowDistances,
    NormalizedMapColumnDistances,
    NormalizedMapRowDistances,
    SquaredNormalizedMapColumnDistances,
    SquaredNormalizedMapRowDistances,
)
from tests.statistics.grid import Grid, assert_same, draw, feed, whole_samples

KINDS = [
    MapRowDistances,
    NormalizedMapRowDistances,
    SquaredNormalizedMapRowDistances,
    MapColumnDistances,
    NormalizedMapColumnDistances,
    SquaredNormalizedMapColumnDistances,
]
kinds = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)
FIRST, LAST = np.repeat(np.arange(3), 4), np.tile(np.arange(3), 4)
layouts = pytest.mark.parametrize("channel", [FIRST, LAST], ids=["channels first", "channels last"])


def gathered(kind: type[MapDistances], grid: Grid, channel: np.ndarray = FIRST) -> MapDistances:
    return feed(kind.empty(Extent(*grid.shape[1:], channel)), grid)


def by_hand(kind: type[MapDistances], grid: Grid, channel: np.ndarray) -> tuple[Grid, int]:
    """Return the sum over pairs for each channel, and their number, for one group."""
    totals = []
    for place in np.unique(channel):
        maps = grid[..., channel == place].astype(np.float64)
        if kind.normalized:
            norms = np.linalg.norm(maps, axis=2, keepdims=True)
            maps = maps / np.where(norms == 0, 1, norms)
        if kind.axis == 1:
            pairs = [pair for row in maps for pair in combinations(row, 2)]
        else:
            blocks = [maps[start : start + BLOCK_SAMPLES] for start in range(0, len(maps), BLOCK_SAMPLES)]
            pairs = [pair for block in blocks for x, y in combinations(block, 2) for pair in zip(x, y, strict=True)]
        totals.append(sum(np.linalg.norm(x - y) ** (2 if kind.squared else 1) for x, y in pairs))
    return np.array(totals), len(pairs)


@kinds
@layouts
@pytest.mark.parametrize("samples", [1, 2, 16, 17, 18])
@pytest.mark.parametrize("transforms", [1, 5])
def test_equal_the_sum_over_pairs(kind: type[MapDistances], channel: np.ndarray, samples: int, transforms: int) -> None:
    grid = draw(samples, transforms, 12, offset=1)
    total, pairs = by_hand(kind, grid, channel)
    found = gathered(kind, grid, channel)
    np.testing.assert_allclose(found.total, total, rtol=1e-12)
    assert found.pairs == pairs
    np.testing.assert_allclose(found.mean(), total / pairs if pairs else np.full(3, np.nan), rtol=1e-12)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
@kinds
def test_layers_come_in_their_own_type(kind: type[MapDistances], dtype: type) -> None:
    grid = draw(17, 4, 12).astype(dtype)
    np.testing.assert_allclose(gathered(kind, grid).total, by_hand(kind, grid, FIRST)[0], rtol=1e-12)


@pytest.mark.parametrize("together", [1, 3, 16])
def test_rows_may_come_in_blocks_of_any_size(together: int) -> None:
    grid = draw(18, 5, 12)
    found = feed(MapRowDistances.empty(Extent(5, 12, FIRST)), grid, whole_samples(18, 5, together))
    assert_same(found, gathered(MapRowDistances, grid), rtol=1e-13)


@kinds
def test_groups_merge_in_any_order(kind: type[MapDistances]) -> None:
    grids = [draw(samples, 4, 12, offset=1, seed=samples) for samples in (17, 16, 3)]
    alone = [gathered(kind, grid) for grid in grids]
    for order in permutations(range(3)):
        merged = alone[order[0]].merge(alone[order[1]]).merge(alone[order[2]])
        np.testing.assert_allclose(merged.total, sum(by_hand(kind, grid, FIRST)[0] for grid in grids), rtol=1e-12)
        assert merged.pairs == sum(by_hand(kind, grid, FIRST)[1] for grid in grids)
        np.testing.assert_array_equal(merged.farthest, np.max([each.farthest for each in alone], axis=0))


@kinds
@layouts
def test_some_units_stand_for_the_whole_maps_of_their_channels(kind: type[MapDistances], channel: np.ndarray) -> None:
    grid = draw(17, 4, 12)
    whole = gathered(kind, grid, channel)
    some = np.flatnonzero(channel != 1)[[0, 3, 4]]
    taken = whole.take(some)
    kept = sorted(set(channel[some].tolist()))
    np.testing.assert_array_equal(taken.total, whole.total[kept])
    np.testing.assert_array_equal(taken.farthest, whole.farthest[kept])
    np.testing.assert_array_equal(taken.take(slice(1, 2)).total, whole.total[channel[some[1:2]]])


def test_a_map_at_a_distance_from_the_first_of_its_row_is_the_farthest() -> None:
    grid = np.zeros((2, 3, 4), dtype=np.float32)
    grid[1, 2] = [0, 3, 4, 0]
    assert gathered(MapRowDistances, grid, np.zeros(4, dtype=np.intp)).farthest.tolist() == [5]
    assert gathered(NormalizedMapRowDistances, grid, np.zeros(4, dtype=np.intp)).farthest.tolist() == [1]
