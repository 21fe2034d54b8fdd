"""Reference deviations against a brute force, however the grid is cut, merged or taken."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from onnxinv.statistics import Extent
from onnxinv.statistics.reference_deviations import ReferenceDeviations
from tests.statistics.grid import Grid, assert_same, draw, feed, whole_samples


def deviations(grid: Grid, reference: Grid, together: int = 16, width: int | None = None) -> ReferenceDeviations:
    empty = ReferenceDeviations.empty(Extent.plain(grid.shape[1], grid.shape[2]))
    return feed(empty, grid, whole_samples(len(grid), grid.shape[1], together), width, reference=reference)


def by_force(grid: Grid, reference: Grid) -> np.ndarray:
    exact, known = grid.astype(np.longdouble), reference.astype(np.longdouble)
    rows = [np.abs(row - one) for row, one in zip(exact, known, strict=True)]
    return np.asarray(np.sum(rows, axis=0), dtype=np.float64)


def untransformed(samples: int, units: int, *, offset: float = 0, seed: int = 0) -> Grid:
    return draw(samples, 1, units, offset=offset, seed=seed + 1000)[:, 0]


@given(samples=st.integers(1, 20), transforms=st.integers(1, 6), units=st.integers(1, 9), seed=st.integers(0, 999))
@settings(max_examples=40)
def test_equal_their_definition(samples: int, transforms: int, units: int, seed: int) -> None:
    grid, reference = draw(samples, transforms, units, seed=seed), untransformed(samples, units, seed=seed)
    found = deviations(grid, reference)
    assert found.count == samples
    np.testing.assert_allclose(found.total, by_force(grid, reference), rtol=1e-13)


def test_survive_a_mean_far_above_the_deviation() -> None:
    grid, reference = draw(20, 5, 6, offset=1e6), untransformed(20, 6, offset=1e6)
    np.testing.assert_allclose(deviations(grid, reference).total, by_force(grid, reference), rtol=1e-13)


def test_of_the_identity_are_exactly_zero() -> None:
    grid = draw(30, 4, 7)
    found = deviations(grid, grid[:, 2])
    assert not found.total[2].any()
    assert found.total[[0, 1, 3]].all()


@pytest.mark.parametrize(("together", "width"), [(1, None), (3, None), (16, 1), (5, 4)])
def test_do_not_depend_on_how_the_grid_is_cut(together: int, width: int | None) -> None:
    grid, reference = draw(17, 3, 10), untransformed(17, 10)
    assert_same(deviations(grid, reference, together, width), deviations(grid, reference), rtol=1e-13)


def test_merged_groups_in_any_order_equal_one_run() -> None:
    grid, reference = draw(20, 3, 5), untransformed(20, 5)
    parts = [
        deviations(*part) for part in zip(np.split(grid, [3, 4, 13]), np.split(reference, [3, 4, 13]), strict=True)
    ]
    for a, b, c, d in permutations(parts):
        assert_same(a.merge(b).merge(c.merge(d)), deviations(grid, reference), rtol=1e-13)


@pytest.mark.parametrize("units", [slice(1, 4), np.array([5, 0, 0, 3])], ids=["a slice", "indices"])
def test_taking_units_equals_measuring_only_them(units: slice) -> None:
    grid, reference = draw(6, 3, 6), untransformed(6, 6)
    assert_same(deviations(grid, reference).take(units), deviations(grid[..., units], reference[:, units]), rtol=1e-13)


@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf], ids=str)
def test_non_finite_activations_spoil_their_unit_and_transform_alone(bad: float) -> None:
    grid, reference = draw(6, 3, 4), untransformed(6, 4)
    grid[2, 1, 3] = bad
    found = deviations(grid, reference).total
    assert np.argwhere(~np.isfinite(found)).tolist() == [[1, 3]]


def test_tell_the_bytes_that_a_unit_takes() -> None:
    assert deviations(draw(3, 7, 10), untransformed(3, 10)).total.nbytes == (
        10 * ReferenceDeviations.bytes_per_unit(7, 3)
    )
