"""The largest and smallest activations of every unit against sorting them all, however they come in."""

from __future__ import annotations

from itertools import pairwise, permutations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from onnxinv.statistics import Extent
from onnxinv.statistics.top_values import TopValues, firing_samples
from tests.statistics.grid import draw, feed, whole_samples

LONG = 9000
"""Samples with which the room of a unit is too wide to be sorted."""


def top_values(grid: np.ndarray, together: int = 16, *, run: int | None = None, width: int | None = None) -> TopValues:
    """Return the closed values of a (samples, units) grid that is part of a run of that many samples."""
    samples, units = grid.shape
    empty = TopValues.empty(Extent(1, units, np.arange(units), run or samples))
    return feed(empty, grid[:, None], whole_samples(samples, 1, together), width)


def limits_by_force(grid: np.ndarray) -> npt.NDArray[np.float64]:
    most = max(1, -(-len(grid) // 100))
    ordered = np.sort(grid.astype(np.float64), axis=0)[::-1]
    return np.stack([ordered[most], ordered[-1 - most]])


@pytest.mark.parametrize(
    ("samples", "firing"),
    [(1, 0), (2, 1), (10, 1), (100, 1), (101, 2), (200, 2), (300, 3), (700, 7), (1000, 10), (1001, 11), (50_000, 500)],
)
def test_one_in_a_hundred_samples_fires_rounded_up_but_never_all_of_them(samples: int, firing: int) -> None:
    assert firing_samples(samples) == firing


@given(
    samples=st.integers(2, 350),
    units=st.integers(1, 4),
    together=st.integers(1, 120),
    coarse=st.booleans(),
    seed=st.integers(0, 2**32 - 1),
)
@settings(max_examples=60)
def test_limits_are_those_of_all_values_sorted(
    samples: int, units: int, together: int, coarse: bool, seed: int
) -> None:
    grid = draw(samples, 1, units, seed=seed)[:, 0]
    grid = np.round(grid) if coarse else grid
    np.testing.assert_array_equal(top_values(grid, together).limits(), limits_by_force(grid))


@pytest.mark.parametrize("together", [16, 250])
@pytest.mark.parametrize("coarse", [False, True], ids=["all different", "ties"])
def test_limits_of_a_long_run_are_those_of_all_values_sorted(together: int, coarse: bool) -> None:
    grid = draw(LONG, 1, 3)[:, 0]
    grid = np.round(grid, 1) if coarse else grid
    np.testing.assert_array_equal(top_values(grid, together).limits(), limits_by_force(grid))


def test_values_that_rise_all_the_time_are_not_lost() -> None:
    grid = np.arange(400.0)[:, None] * [1, -1]
    assert top_values(grid).limits().tolist() == [[395, -4], [4, -395]]


def test_one_sample_is_its_own_limit() -> None:
    assert top_values(np.array([[3.0, -2.0]])).limits().tolist() == [[3, -2], [3, -2]]


@pytest.mark.parametrize(
    "bounds",
    [
        pytest.param((0, 150, 300, 500), id="groups with more values than are kept"),
        pytest.param((0, 3, 497, 500), id="groups with fewer values than are kept"),
        pytest.param((0, 1, 2, 500), id="groups of one sample"),
        pytest.param((0, 12, 20, 500), id="groups that keep all their values"),
    ],
)
def test_merging_groups_in_any_order_gives_the_values_of_all_samples(bounds: tuple[int, ...]) -> None:
    grid = draw(500, 1, 5)[:, 0]
    whole = top_values(grid)
    groups = [top_values(grid[low:high], run=500) for low, high in pairwise(bounds)]
    for one, two, three in permutations(groups):
        for merged in (one.merge(two).merge(three), one.merge(two.merge(three))):
            assert merged.count == 500
            np.testing.assert_array_equal(merged.values, whole.values)


@pytest.mark.parametrize("samples", range(1, 13))
def test_a_group_with_room_for_all_its_values_keeps_each_once(samples: int) -> None:
    grid = draw(samples, 1, 5)[:, 0]
    np.testing.assert_array_equal(top_values(grid, run=500).values, np.sort(grid, axis=0).T)


def test_groups_of_a_long_run_merge_to_the_values_of_all_samples() -> None:
    grid = draw(LONG, 1, 2)[:, 0]
    merged = top_values(grid[:5000], run=LONG).merge(top_values(grid[5000:], run=LONG))
    np.testing.assert_array_equal(merged.values, top_values(grid).values)


@pytest.mark.parametrize("width", [1, 2, 6])
def test_slices_of_units_change_nothing(width: int) -> None:
    grid = draw(230, 1, 7)[:, 0]
    np.testing.assert_array_equal(top_values(grid, width=width).values, top_values(grid).values)


@pytest.mark.parametrize("units", [np.array([4, 0, 2]), slice(1, 4)], ids=["places", "slice"])
def test_values_of_some_units_are_those_that_these_units_have_alone(units: np.ndarray | slice) -> None:
    grid = draw(230, 1, 5)[:, 0]
    np.testing.assert_array_equal(top_values(grid).take(units).values, top_values(grid[:, units]).values)


@pytest.mark.parametrize("samples", [250, LONG])
@pytest.mark.parametrize("place", [0, 77, -1], ids=["first", "within", "last"])
def test_what_is_not_a_number_stays_in_sight_and_spoils_no_other_unit(samples: int, place: int) -> None:
    grid = draw(samples, 1, 3)[:, 0]
    spoilt = grid.copy()
    spoilt[place, 1] = np.nan
    found = top_values(spoilt)
    assert np.isnan(found.values[1, -1])
    np.testing.assert_array_equal(found.take(np.array([0, 2])).values, top_values(grid[:, [0, 2]]).values)


@pytest.mark.parametrize("samples", [2, 90, 1000, LONG])
def test_state_is_no_larger_than_promised(samples: int) -> None:
    found = top_values(draw(samples, 1, 2)[:, 0])
    assert found.values.nbytes <= 2 * TopValues.bytes_per_unit(1, samples)
    assert found.values.shape[1] <= 2 * (firing_samples(samples) + 1)
