"""Row and column distances against loops over pairs, however a group is cut and groups are merged."""

from __future__ import annotations

from itertools import combinations, permutations

import numpy as np
import pytest

from onnxinv.statistics import BLOCK_SAMPLES, Extent
from onnxinv.statistics.column_distances import ColumnDistances, SquaredColumnDistances
from onnxinv.statistics.pair_distances import PairDistances, pairs_in_blocks
from onnxinv.statistics.row_distances import RowDistances
from tests.statistics.grid import Grid, assert_same, draw, feed, whole_samples

KINDS = [RowDistances, ColumnDistances, SquaredColumnDistances]
kinds = pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__name__)


def gathered(kind: type[PairDistances], grid: Grid, width: int | None = None) -> PairDistances:
    return feed(kind.empty(Extent.plain(*grid.shape[1:])), grid, width=width)


def by_hand(kind: type[PairDistances], grid: Grid) -> tuple[Grid, int]:
    """Return the sum over pairs and their number for one group."""
    exact = grid.astype(np.float64)
    if kind is RowDistances:
        pairs = [
            (exact[i, j], exact[i, k]) for i in range(len(exact)) for j, k in combinations(range(exact.shape[1]), 2)
        ]
    else:
        blocks = [exact[start : start + BLOCK_SAMPLES] for start in range(0, len(exact), BLOCK_SAMPLES)]
        pairs = [(x[j], y[j]) for block in blocks for x, y in combinations(block, 2) for j in range(exact.shape[1])]
    power = 2 if kind is SquaredColumnDistances else 1
    return sum((np.abs(x - y) ** power for x, y in pairs), np.zeros(exact.shape[2])), len(pairs)


@kinds
@pytest.mark.parametrize("samples", [1, 2, 15, 16, 17, 18, 40])
@pytest.mark.parametrize("transforms", [1, 2, 5, 16])
def test_equal_the_sum_over_pairs(kind: type[PairDistances], samples: int, transforms: int) -> None:
    grid = draw(samples, transforms, 6, offset=3)
    total, pairs = by_hand(kind, grid)
    found = gathered(kind, grid)
    np.testing.assert_allclose(found.total, total, rtol=1e-13)
    assert found.pairs == pairs
    expected = total / pairs if pairs else np.full(6, np.nan)
    np.testing.assert_allclose(found.mean(), expected, rtol=1e-13)


@kinds
def test_slices_of_units_change_nothing(kind: type[PairDistances]) -> None:
    grid = draw(18, 5, 20)
    assert_same(gathered(kind, grid, width=7), gathered(kind, grid), rtol=1e-14)


@pytest.mark.parametrize("together", [1, 3, 16])
def test_rows_may_come_in_blocks_of_any_size(together: int) -> None:
    grid = draw(18, 5, 6)
    found = feed(RowDistances.empty(Extent.plain(5, 6)), grid, whole_samples(18, 5, together))
    assert_same(found, gathered(RowDistances, grid), rtol=1e-14)


@kinds
def test_groups_merge_in_any_order(kind: type[PairDistances]) -> None:
    grids = [draw(samples, 4, 5, offset=10, seed=samples) for samples in (17, 16, 3)]
    alone = [by_hand(kind, grid) for grid in grids]
    for order in permutations(range(3)):
        merged = gathered(kind, grids[order[0]])
        for place in order[1:]:
            merged = merged.merge(gathered(kind, grids[place]))
        np.testing.assert_allclose(merged.total, sum(total for total, _ in alone), rtol=1e-13)
        assert merged.pairs == sum(pairs for _, pairs in alone)


@kinds
@pytest.mark.parametrize("units", [slice(2, 5), np.array([4, 0, 3])], ids=["slice", "indices"])
def test_some_units_can_be_taken(kind: type[PairDistances], units: slice | np.ndarray) -> None:
    grid = draw(18, 4, 6)
    assert_same(gathered(kind, grid).take(units), gathered(kind, grid[..., units]), rtol=1e-14)


@kinds
def test_the_order_of_transforms_does_not_matter(kind: type[PairDistances]) -> None:
    grid = draw(18, 5, 6)
    assert_same(gathered(kind, grid[:, [3, 0, 4, 2, 1]]), gathered(kind, grid), rtol=1e-14)


@kinds
def test_equal_values_are_at_distance_zero_exactly_and_a_large_mean_costs_no_digits(kind: type[PairDistances]) -> None:
    grid = draw(16, 16, 2, offset=1e4)
    grid[..., 0] = 12345.678
    found = gathered(kind, grid)
    assert found.total[0] == 0
    np.testing.assert_allclose(found.total, by_hand(kind, grid)[0], rtol=1e-9)


@pytest.mark.parametrize(
    ("samples", "pairs"), [(0, 0), (1, 0), (2, 1), (16, 120), (17, 120), (18, 121), (32, 240), (100, 726)]
)
def test_pairs_are_counted_by_blocks(samples: int, pairs: int) -> None:
    assert pairs_in_blocks(samples) == pairs
