"""Sums of absolute differences over all pairs against loops, at every length, in both ways of sorting."""

from __future__ import annotations

from itertools import combinations, product

import numpy as np
import pytest

from onnxinv.statistics.sorted_differences import NETWORK_LENGTH, NETWORK_WIDTH, difference_sums, merge_exchange
from tests.statistics.grid import Grid, draw

WIDE, NARROW = NETWORK_WIDTH, 7
widths = pytest.mark.parametrize("units", [WIDE, NARROW], ids=["sorted together", "sorted one by one"])
axes = pytest.mark.parametrize("axis", [0, 1], ids=["samples", "transforms"])


def by_hand(grid: Grid, axis: int) -> Grid:
    lines = np.moveaxis(grid.astype(np.float64), axis, 0)
    return sum((np.abs(x - y).sum(axis=0) for x, y in combinations(lines, 2)), np.zeros(grid.shape[2]))


@pytest.mark.parametrize("length", range(13))
def test_the_comparators_sort_every_order_of_zeros_and_ones(length: int) -> None:
    """By the zero-one principle they then sort everything."""
    for start in product((0, 1), repeat=length):
        values = list(start)
        for low, high in merge_exchange(length):
            assert low < high
            values[low], values[high] = sorted((values[low], values[high]))
        assert values == sorted(start)


@pytest.mark.parametrize(("length", "comparators"), [(1, 0), (2, 1), (4, 5), (8, 19), (16, 63), (32, 191)])
def test_there_are_as_many_comparators_as_batcher_counts(length: int, comparators: int) -> None:
    assert len(merge_exchange(length)) == comparators


@axes
@widths
@pytest.mark.parametrize("length", [2, 3, 5, 16, 31, NETWORK_LENGTH, NETWORK_LENGTH + 1, 49, 70])
@pytest.mark.parametrize("single", [True, False], ids=["float32", "float64"])
def test_equal_the_sum_over_pairs(length: int, axis: int, units: int, single: bool) -> None:
    shape = (length, 2) if axis == 0 else (2, length)
    grid = draw(*shape, units, seed=length).astype(np.float64)
    if not single:
        grid += 1e-9 * draw(*shape, units, seed=1)
    for scratch in (None, np.full_like(grid, np.nan)):
        found = difference_sums(grid, axis, single=single, scratch=scratch)
        np.testing.assert_allclose(found, by_hand(grid, axis), rtol=1e-13)


@axes
@pytest.mark.parametrize("units", [1000, 20_000])
def test_many_sets_are_sorted_in_pieces(axis: int, units: int) -> None:
    grid = draw(*((5, 40) if axis == 0 else (40, 5)), units)
    found = difference_sums(grid, axis, single=True)
    np.testing.assert_allclose(found, by_hand(grid, axis), rtol=1e-13)


@axes
@widths
@pytest.mark.parametrize("single", [True, False], ids=["float32", "float64"])
def test_a_large_mean_costs_no_digits(axis: int, units: int, single: bool) -> None:
    grid = draw(16, 16, units, offset=1e4)
    found = difference_sums(grid.astype(np.float64), axis, single=single)
    np.testing.assert_allclose(found, by_hand(grid, axis), rtol=1e-13)


@axes
@widths
def test_equal_values_differ_by_exactly_nothing(axis: int, units: int) -> None:
    grid = np.broadcast_to(draw(1, 1, units, offset=1e6, seed=3).astype(np.float64), (16, 16, units))
    assert not difference_sums(grid, axis, single=True).any()
    assert not difference_sums(grid / 3, axis, single=False).any()


@axes
@widths
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf], ids=str)
def test_a_value_that_is_not_finite_stays_in_its_unit(axis: int, units: int, bad: float) -> None:
    grid = draw(16, 16, units).astype(np.float64)
    clean = difference_sums(grid, axis, single=True)
    grid[3, 4, 5] = bad
    with np.errstate(all="ignore"):
        found = difference_sums(grid, axis, single=True)
    assert not np.isfinite(found[5])
    np.testing.assert_array_equal(np.delete(found, 5), np.delete(clean, 5))


@axes
def test_neither_order_nor_what_was_in_the_scratch_matters(axis: int) -> None:
    grid = draw(16, 16, WIDE).astype(np.float64)
    kept = grid.copy()
    expected = difference_sums(grid, axis, single=True)
    shuffled = np.random.default_rng(0).permutation(grid, axis=axis)
    np.testing.assert_array_equal(
        difference_sums(shuffled, axis, single=True, scratch=np.full_like(grid, np.nan)), expected
    )
    np.testing.assert_array_equal(grid, kept)


@axes
def test_one_value_has_no_pairs(axis: int) -> None:
    shape = (1, 4, 3) if axis == 0 else (4, 1, 3)
    assert difference_sums(np.ones(shape), axis, single=True).tolist() == [0, 0, 0]
