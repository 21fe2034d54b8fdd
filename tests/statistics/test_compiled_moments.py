"""Compiled code takes the sums that numpy takes, whatever the layout, and leaves out what float32 does not hold."""

from __future__ import annotations

import numpy as np
import pytest

from onnxinv.statistics import Block, Extent, State
from onnxinv.statistics.column_moments import ColumnMoments
from onnxinv.statistics.compiled import Compiled, compiled
from onnxinv.statistics.compiled_moments import update_compiled
from onnxinv.statistics.row_moments import RowMoments
from tests.statistics.spoiled import NOT_HELD

CODE = compiled()
assert isinstance(CODE, Compiled), CODE
AT_ONCE = CODE.sums.AT_ONCE

ROWS = ("std_sum", "std_max", "deviations_sum", "mean", "mean_deviations")


def opened(transforms: int, units: int, *, single: bool = True) -> State:
    return State.empty((RowMoments, ColumnMoments), Extent(transforms, units, np.arange(units), single=single))


def in_double(state: State, values: np.ndarray, before: int, units: slice, scale: float) -> None:
    scratch = np.empty(values.shape)
    whole = slice(0, values.shape[1])
    state.update(Block(values.astype(np.float64), whole, units, before, scale, scratch, single=True))


def compiled_state(grid: np.ndarray, *, block: int, size: int | None = None) -> tuple[State, list[slice]]:
    """Return the closed state of a (samples, transforms, units) grid, and what was left to float64."""
    transforms, units = grid.shape[1:]
    state, lost, scale = opened(transforms, units), [], float(np.abs(grid).max())
    with np.errstate(all="ignore"):
        for start in range(0, len(grid), block):
            for begin in range(0, units, size or units):
                values = grid[start : start + block, :, begin : begin + (size or units)]
                some = slice(begin, begin + values.shape[2])
                told = Block(values, slice(0, transforms), some, start, scale, values, single=True)
                _, left = update_compiled(CODE, state, values, told)
                for few in left:
                    where = slice(begin + few.start, begin + few.stop)
                    in_double(state, values[:, :, few], start, where, scale)
                    lost.append(where)
        state.close(len(grid))
    return state, lost


def double_state(grid: np.ndarray) -> State:
    state = opened(*grid.shape[1:], single=False)
    with np.errstate(all="ignore"):
        in_double(state, grid, 0, slice(0, grid.shape[2]), float(np.abs(grid).max()))
        state.close(len(grid))
    return state


def assert_alike(found: State, grid: np.ndarray) -> None:
    assert_same(found, double_state(grid), float(np.abs(grid).max()))


def assert_same(found: State, expected: State, size: float) -> None:
    for name in ROWS:
        one, other = (getattr(state[RowMoments], name) for state in (found, expected))
        np.testing.assert_allclose(one, other, rtol=2e-6, atol=2e-6 * size**2, err_msg=name)
    for name in ("mean", "deviations"):
        one, other = (getattr(state[ColumnMoments], name) for state in (found, expected))
        np.testing.assert_allclose(one, other, rtol=1e-5, atol=1e-6 * size**2, err_msg=name)
    np.testing.assert_array_equal(found[RowMoments].faint.unit, expected[RowMoments].faint.unit)


def draw(samples: int, transforms: int, units: int, seed: int = 0) -> np.ndarray:
    generator = np.random.default_rng(seed)
    apart = generator.standard_normal((samples, 1, units))
    return (3 + apart + generator.standard_normal((samples, transforms, units)) / 2).astype(np.float32)


@pytest.mark.parametrize("transforms", [1, 2, 3, 16, 17, 19, 49])
@pytest.mark.parametrize(("samples", "block"), [(1, 1), (7, 1), (7, 3), (7, 7), (150, 50)])
def test_few_and_many_transforms_and_samples(transforms, samples, block):
    grid = draw(samples, transforms, 30)
    state, lost = compiled_state(grid, block=block)
    assert lost == []
    assert_alike(state, grid)


@pytest.mark.parametrize("units", [1, AT_ONCE - 1, AT_ONCE, AT_ONCE + 1, 2 * AT_ONCE + 100])
@pytest.mark.parametrize("size", [None, 700])
def test_units_of_any_number_in_pieces_of_any_size(units, size):
    grid = draw(6, 3, units)
    state, lost = compiled_state(grid, block=4, size=size)
    assert lost == []
    assert_alike(state, grid)


@pytest.mark.parametrize("spoil", NOT_HELD)
@pytest.mark.parametrize("samples", [slice(0, 2), slice(2, 4), slice(0, 6)], ids=["first", "later", "all"])
def test_only_the_units_beside_those_that_float32_does_not_hold_are_left_out(spoil, samples):
    grid = draw(6, 4, 3 * AT_ONCE)
    middle = slice(AT_ONCE, 2 * AT_ONCE)
    grid[samples, :, middle] = spoil(grid[samples, :, middle])
    state, lost = compiled_state(grid, block=2)
    # Once their pivots may be too far away, they are looked at, and found near enough where they are.
    assert set(map(str, lost)) == {str(middle)}
    beside = np.delete(np.arange(grid.shape[2]), middle)
    expected = double_state(grid)
    assert_same(state.take(beside), expected.take(beside), float(np.abs(grid[:, :, beside]).max()))
    within = np.isfinite(grid).all((0, 1))
    for name in ROWS:
        one, other = (getattr(each[RowMoments], name) for each in (state, expected))
        np.testing.assert_array_equal(np.isnan(one), np.isnan(other))
        np.testing.assert_allclose(one[within], other[within], rtol=1e-5, atol=1e-5, err_msg=name)


def test_activations_that_do_not_lie_side_by_side_in_all_axes():
    whole = draw(10, 6, 40)
    grid = whole[::2, 1:5]
    assert not grid.flags.c_contiguous
    state, _ = compiled_state(grid, block=2)
    assert_alike(state, np.ascontiguousarray(grid))


def test_rows_that_may_be_rounding_are_kept():
    grid = draw(6, 4, 2 * AT_ONCE)
    faint = grid[:, :1, 5::97].repeat(4, axis=1)
    faint[:, 2] = np.nextafter(faint[:, 2], np.float32(100))
    grid[:, :, 5::97] = faint
    state, _ = compiled_state(grid, block=4, size=900)
    assert state[RowMoments].faint.unit.size == 6 * faint.shape[2]
    assert_alike(state, grid)


def test_groups_are_combined_as_they_are_without_it():
    grids = [draw(size, 5, 50, seed=size) for size in (4, 90, 3)]
    states = [compiled_state(grid, block=4)[0] for grid in grids]
    total = states[0].absorb(states[1]).absorb(states[2])
    assert total.samples == 97
    assert_alike(total, np.concatenate(grids))
