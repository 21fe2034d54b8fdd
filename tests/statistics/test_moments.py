"""Row and column moments against a brute force in extended precision, however the grid is cut, merged or taken."""

from __future__ import annotations

from collections.abc import Callable
from itertools import permutations

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from onnxinv.statistics import ColumnMoments, Extent, RowMoments, Statistic, merge_states
from onnxinv.statistics.faint_rows import FaintRows
from onnxinv.statistics.state import State
from tests.statistics.grid import Grid, assert_same, draw, feed, numbers, split_rows, whole_samples

Long = npt.NDArray[np.longdouble]
KINDS: list[type[Statistic]] = [RowMoments, ColumnMoments]

both = pytest.mark.parametrize("kind", KINDS)


def rows_by_force(grid: Grid) -> dict[str, Long]:
    """Return the moments of the rows, straight from their definitions."""
    exact = grid.astype(np.longdouble)
    means = exact.mean(axis=1)
    std = exact.std(axis=1, ddof=1) if grid.shape[1] > 1 else np.zeros_like(means)
    return {
        "std_sum": std.sum(axis=0),
        "std_max": std.max(axis=0),
        "deviations_sum": np.square(exact - means[:, None]).sum(axis=(0, 1)),
        "mean": exact.mean(axis=(0, 1)),
        "mean_deviations": np.square(means - means.mean(axis=0)).sum(axis=0),
    }


def columns_by_force(grid: Grid) -> dict[str, Long]:
    """Return the moments of the columns, straight from their definitions."""
    exact = grid.astype(np.longdouble)
    return {"mean": exact.mean(axis=0), "deviations": exact.var(axis=0) * len(grid)}


BY_FORCE: dict[type[Statistic], Callable[[Grid], dict[str, Long]]] = {
    RowMoments: rows_by_force,
    ColumnMoments: columns_by_force,
}


def moments(kind: type[Statistic], grid: Grid, *cut: object) -> Statistic:
    """Return the closed moments of a grid."""
    return feed(kind.empty(Extent.plain(grid.shape[1], grid.shape[2])), grid, *cut)


def assert_by_force(found: Statistic, grid: Grid, rtol: float) -> None:
    found_numbers = numbers(found)
    assert found_numbers.pop("count") == len(grid)
    expected = BY_FORCE[type(found)](grid)
    assert found_numbers.keys() == expected.keys()
    for name, value in expected.items():
        np.testing.assert_allclose(found_numbers[name], value.astype(float), rtol=rtol, atol=rtol, err_msg=name)


@both
@given(samples=st.integers(1, 9), transforms=st.integers(1, 9), units=st.integers(1, 9), seed=st.integers(0, 2**32 - 1))
@settings(max_examples=60)
def test_equal_their_definitions(kind: type[Statistic], samples: int, transforms: int, units: int, seed: int) -> None:
    grid = draw(samples, transforms, units, seed=seed)
    assert_by_force(moments(kind, grid), grid, rtol=1e-13)


@both
@pytest.mark.parametrize(("offset", "rtol"), [(1e4, 1e-10), (1e6, 1e-8), (-1e6, 1e-8)])
def test_survive_a_mean_far_above_the_deviation(kind: type[Statistic], offset: float, rtol: float) -> None:
    grid = draw(40, 12, 7, offset=offset)
    assert_by_force(moments(kind, grid, whole_samples(40, 12, 3)), grid, rtol)


@both
def test_survive_an_outlier_as_first_value(kind: type[Statistic]) -> None:
    grid = draw(30, 8, 5)
    grid[0, 0] += 1e4
    assert_by_force(moments(kind, grid), grid, rtol=1e-12)


@both
def test_survive_rows_that_lie_far_apart(kind: type[Statistic]) -> None:
    grid = draw(20, 6, 4) + np.float32(1e5) * np.arange(20, dtype=np.float32)[:, None, None]
    assert_by_force(moments(kind, grid), grid, rtol=1e-10)


@both
@pytest.mark.parametrize("together", range(1, 8))
def test_do_not_depend_on_how_many_samples_come_together(kind: type[Statistic], together: int) -> None:
    grid = draw(7, 5, 6, offset=100)
    assert_same(moments(kind, grid, whole_samples(7, 5, together)), moments(kind, grid), rtol=1e-12)


@both
@pytest.mark.parametrize(
    "bounds",
    [
        pytest.param((0, 1, 5), id="the first variant alone"),
        pytest.param((0, 4, 5), id="the last variant alone"),
        pytest.param((0, 2, 5), id="two runs"),
        pytest.param((0, 1, 2, 3, 4, 5), id="every variant alone"),
    ],
)
def test_do_not_depend_on_where_rows_are_split(kind: type[Statistic], bounds: tuple[int, ...]) -> None:
    grid = draw(7, 5, 6, offset=100)
    assert_same(moments(kind, grid, split_rows(7, bounds)), moments(kind, grid), rtol=1e-12)


@both
@pytest.mark.parametrize("pieces", [whole_samples(5, 4, 2), split_rows(5, (0, 3, 4))], ids=["whole rows", "split rows"])
def test_do_not_depend_on_how_many_units_come_together(kind: type[Statistic], pieces: object) -> None:
    grid = draw(5, 4, 7)
    # One unit at a time makes numpy sum along another axis, hence no equality to the bit.
    for width in (1, 2, 6):
        assert_same(moments(kind, grid, pieces, width), moments(kind, grid, pieces), rtol=1e-13)


@both
@given(data=st.data())
@settings(max_examples=40)
def test_merged_groups_equal_one_run(kind: type[Statistic], data: st.DataObject) -> None:
    samples = data.draw(st.integers(2, 12))
    bounds = sorted(data.draw(st.sets(st.integers(1, samples - 1), min_size=1)))
    grid = draw(samples, 4, 3, offset=50, seed=data.draw(st.integers(0, 1000)))
    groups = data.draw(st.permutations(np.split(grid, bounds)))
    merged = moments(kind, groups[0])
    for group in groups[1:]:
        merged = merged.merge(moments(kind, group))
    assert_by_force(merged, grid, rtol=1e-11)


@both
def test_merging_is_the_same_in_any_order_and_grouping(kind: type[Statistic]) -> None:
    grid = draw(9, 3, 4)
    parts = [moments(kind, part) for part in np.split(grid, [2, 3, 7])]
    for a, b, c, d in permutations(parts):
        assert_by_force(a.merge(b).merge(c).merge(d), grid, rtol=1e-12)
        assert_by_force(a.merge(b).merge(c.merge(d)), grid, rtol=1e-12)


@both
def test_merging_leaves_both_parts_as_they_were(kind: type[Statistic]) -> None:
    one, other = moments(kind, draw(4, 3, 5)), moments(kind, draw(6, 3, 5, seed=1))
    one.merge(other)
    assert_by_force(one, draw(4, 3, 5), rtol=1e-13)
    assert_by_force(other, draw(6, 3, 5, seed=1), rtol=1e-13)


@both
@pytest.mark.parametrize("units", [slice(1, 4), np.array([5, 0, 0, 3])], ids=["a slice", "indices"])
def test_taking_units_equals_measuring_only_them(kind: type[Statistic], units: object) -> None:
    grid = draw(6, 3, 6)
    taken = moments(kind, grid).take(units)
    assert_same(taken, moments(kind, grid[:, :, units]), rtol=1e-13)


@pytest.mark.parametrize("value", [0.1, 1e-30, 3e38, -12345.678], ids=str)
def test_constant_rows_have_exactly_no_deviation_also_when_merged(value: float) -> None:
    rows = np.float32(value) * np.random.default_rng(0).random((9, 1, 4), dtype=np.float32)
    grid = np.repeat(rows, 5, axis=1)
    groups = [moments(RowMoments, part, whole_samples(len(part), 5, 2)) for part in np.split(grid, [1, 4])]
    merged = groups[0].merge(groups[1]).merge(groups[2])
    assert isinstance(merged, RowMoments)
    for name in ("std_sum", "std_max", "deviations_sum"):
        assert not numbers(merged)[name].any(), name
    assert merged.mean_deviations.all()


@pytest.mark.parametrize("value", [0.1, 1e-30, 3e38, -12345.678], ids=str)
def test_constant_columns_have_exactly_no_deviation_also_when_merged(value: float) -> None:
    columns = np.float32(value) * np.random.default_rng(0).random((1, 5, 4), dtype=np.float32)
    grid = np.repeat(columns, 9, axis=0)
    parts = np.split(grid, [1, 4])
    states = [feed(State.empty(KINDS, Extent.plain(5, 4)), part, whole_samples(len(part), 5, 2)) for part in parts]
    merged = merge_states(states)
    assert not merged[ColumnMoments].deviations.any()
    np.testing.assert_array_equal(merged[ColumnMoments].mean, grid[0])
    assert not merged[RowMoments].mean_deviations.any()
    assert merged[RowMoments].std_sum.all()


def test_equal_columns_have_exactly_equal_means() -> None:
    rows = np.random.default_rng(0).random((23, 1, 5), dtype=np.float32)
    grid = np.repeat(rows, 7, axis=1)
    parts = [moments(ColumnMoments, part, whole_samples(len(part), 7, 3)) for part in np.split(grid, [4, 11])]
    merged = parts[0].merge(parts[1]).merge(parts[2])
    assert isinstance(merged, ColumnMoments)
    np.testing.assert_array_equal(merged.mean, merged.mean[:1].repeat(7, axis=0))


@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf], ids=str)
@pytest.mark.parametrize("where", [(0, 0), (0, 2), (3, 0), (5, 3)], ids=str)
@pytest.mark.parametrize("pieces", [whole_samples(6, 4, 2), split_rows(6, (0, 1, 4))], ids=["whole rows", "split rows"])
def test_non_finite_activations_spoil_their_unit_alone(bad: float, where: tuple[int, int], pieces: object) -> None:
    clean = draw(6, 4, 3)
    grid = clean.copy()
    grid[(*where, 1)] = bad
    rows, columns = moments(RowMoments, grid, pieces), moments(ColumnMoments, grid, pieces)
    assert_same(rows.take(np.array([0, 2])), moments(RowMoments, clean, pieces).take(np.array([0, 2])), rtol=0)
    assert_same(columns.take(np.array([0, 2])), moments(ColumnMoments, clean, pieces).take(np.array([0, 2])), rtol=0)
    for name in ("std_sum", "std_max", "deviations_sum", "mean_deviations"):
        assert np.isnan(numbers(rows)[name][1]), name
    spoiled = np.isnan(numbers(columns)["deviations"][:, 1])
    np.testing.assert_array_equal(spoiled, np.arange(4) == where[1])


@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")
@both
def test_a_group_with_a_non_finite_activation_spoils_the_merged_unit(kind: type[Statistic]) -> None:
    bad = draw(3, 2, 2)
    bad[1, 1, 0] = np.nan
    for merged in (
        moments(kind, bad).merge(moments(kind, draw(4, 2, 2))),
        moments(kind, draw(4, 2, 2)).merge(moments(kind, bad)),
    ):
        deviations = numbers(merged)["std_sum" if kind is RowMoments else "deviations"]
        np.testing.assert_array_equal(np.isnan(np.atleast_2d(deviations)[-1]), [True, False])


@both
@pytest.mark.parametrize("transforms", [1, 2, 49])
def test_tell_the_bytes_that_a_unit_takes(kind: type[Statistic], transforms: int) -> None:
    closed = moments(kind, draw(2, transforms, 10))
    arrays = [value for name, value in numbers(closed).items() if name != "count"]
    faint = 10_000 * 4 * 16 if kind is RowMoments else 0  # four faint rows a unit at the most, in large layers
    assert FaintRows.most(10_000) * 16 == 10_000 * 4 * 16
    assert 1000 * sum(array.nbytes for array in arrays) + faint == 10_000 * kind.bytes_per_unit(transforms, 1000)
