"""Residuals against a brute force, however the grid is cut, merged or taken."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from onnxinv.statistics import Extent
from onnxinv.statistics.residuals import Residuals
from tests.statistics.grid import Grid, assert_same, draw, feed, whole_samples


def residuals(grid: Grid, reference: Grid, together: int = 16, width: int | None = None) -> Residuals:
    empty = Residuals.empty(Extent.plain(grid.shape[1], grid.shape[2]))
    return feed(empty, grid, whole_samples(len(grid), grid.shape[1], together), width, reference=reference)


def assert_by_force(found: Residuals, grid: Grid, reference: Grid) -> None:
    exact, known = grid.astype(np.longdouble), reference.astype(np.longdouble)
    np.testing.assert_allclose(found.squares, sum(row**2 for row in exact).astype(np.float64), rtol=1e-13)
    np.testing.assert_allclose(found.energy, sum(row**2 for row in known).astype(np.float64), rtol=1e-13)


def untransformed(samples: int, units: int, seed: int = 0) -> Grid:
    return draw(samples, 1, units, offset=3, seed=seed + 1000)[:, 0]


@given(samples=st.integers(1, 20), transforms=st.integers(1, 6), units=st.integers(1, 9), seed=st.integers(0, 999))
@settings(max_examples=40)
def test_equal_their_definition(samples: int, transforms: int, units: int, seed: int) -> None:
    grid, reference = draw(samples, transforms, units, seed=seed), untransformed(samples, units, seed)
    found = residuals(grid, reference)
    assert found.squares.shape == (transforms, units)
    assert found.energy.shape == (units,)
    assert_by_force(found, grid, reference)


def test_of_nothing_left_are_exactly_zero() -> None:
    grid, reference = draw(9, 4, 7), untransformed(9, 7)
    grid[:, 2] = 0
    reference[:, 3] = 0
    found = residuals(grid, reference)
    assert found.squares.all(axis=1).tolist() == [True, True, False, True]
    assert not found.squares[2].any()
    assert np.flatnonzero(found.energy == 0).tolist() == [3]


@pytest.mark.parametrize(("together", "width"), [(1, None), (3, None), (16, 1), (5, 4)])
def test_do_not_depend_on_how_the_grid_is_cut(together: int, width: int | None) -> None:
    grid, reference = draw(17, 3, 10), untransformed(17, 10)
    assert_same(residuals(grid, reference, together, width), residuals(grid, reference), rtol=1e-13)


def test_merged_groups_in_any_order_equal_one_run() -> None:
    grid, reference = draw(20, 3, 5), untransformed(20, 5)
    parts = [residuals(grid[some], reference[some]) for some in (slice(0, 4), slice(4, 5), slice(5, 20))]
    for one, other, third in permutations(parts):
        assert_by_force(one.merge(other).merge(third), grid, reference)
        assert_by_force(one.merge(other.merge(third)), grid, reference)


def test_merging_changes_neither() -> None:
    grid, reference = draw(4, 3, 5), untransformed(4, 5)
    one, other = residuals(grid[:2], reference[:2]), residuals(grid[2:], reference[2:])
    one.merge(other)
    assert_by_force(one, grid[:2], reference[:2])
    assert_by_force(other, grid[2:], reference[2:])


@pytest.mark.parametrize("units", [slice(2, 7), np.array([5, 0, 3])], ids=["slice", "indices"])
def test_taken_units_equal_a_run_of_those_units(units: slice | np.ndarray) -> None:
    grid, reference = draw(6, 3, 9), untransformed(6, 9)
    taken = residuals(grid, reference).take(units)
    assert_same(taken, residuals(grid[..., units], reference[:, units]), rtol=1e-13)


@pytest.mark.filterwarnings("ignore:invalid value encountered")
@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_a_number_that_is_not_finite_stays_with_its_unit_and_transform(value: float) -> None:
    grid, reference = draw(6, 3, 5), untransformed(6, 5)
    grid[1, 2, 3] = value
    reference[4, 1] = value
    found = residuals(grid, reference)
    assert np.argwhere(~np.isfinite(found.squares)).tolist() == [[2, 3]]
    assert np.flatnonzero(~np.isfinite(found.energy)).tolist() == [1]


def test_take_as_much_room_as_they_say() -> None:
    found = residuals(draw(6, 3, 5), untransformed(6, 5))
    assert found.squares.nbytes + found.energy.nbytes == 5 * Residuals.bytes_per_unit(transforms=3, samples=6)
