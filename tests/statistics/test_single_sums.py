"""Moments that are summed in float32 are those that are summed in float64."""

from __future__ import annotations

import numpy as np
import pytest

from onnxinv.measures.normalized_variance import NormalizedVariance
from onnxinv.measures.units import Units
from onnxinv.measures.variance_shares import VarianceShares
from onnxinv.statistics import Block, Extent, State
from onnxinv.statistics.column_moments import ColumnMoments
from onnxinv.statistics.compiled import compiled
from onnxinv.statistics.compiled_moments import update_compiled
from onnxinv.statistics.row_moments import RowMoments
from onnxinv.statistics.single_moments import update_single
from onnxinv.statistics.single_sums import room_for, single_sums
from tests.statistics.spoiled import NOT_HELD, with_unit

SAMPLES, TRANSFORMS, UNITS = 24, 7, 40

COMPILED = compiled()


def reduced(grid: np.ndarray, *, how: str, block: int = 5) -> State:
    """Return the closed state of a (samples, transforms, units) grid, summed block by block."""
    extent = Extent(grid.shape[1], grid.shape[2], np.arange(grid.shape[2]), single=how != "double")
    state = State.empty((RowMoments, ColumnMoments), extent)
    scale = float(np.abs(grid).max())
    for start in range(0, len(grid), block):
        values = grid[start : start + block]
        told = slice(0, grid.shape[1]), slice(0, grid.shape[2]), start, scale
        if how == "numpy":
            scratch = np.empty(room_for(*values.shape), np.float32)
            assert update_single(state, Block(values, *told, scratch, single=True)) is not None
        elif how == "compiled":
            assert update_compiled(COMPILED, state, values, Block(values, *told, values, single=True))[1] == []
        else:
            state.update(Block(values.astype(np.float64), *told, np.empty(values.shape), single=True))
    state.close(len(grid))
    return state


def grid_of(variation: float, between: float, mean: float = 0.0, seed: int = 0) -> np.ndarray:
    """Return activations that vary so much with the transform, and from sample to sample."""
    generator = np.random.default_rng(seed)
    noise = generator.standard_normal((SAMPLES, TRANSFORMS, UNITS)) * variation
    samples = generator.standard_normal((SAMPLES, 1, UNITS)) * between
    return (mean + samples + noise).astype(np.float32)


def both(grid: np.ndarray, how: str) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    units = Units.of((grid.shape[2],), 0, "float32", per_unit=True)
    found = []
    for each in ("double", how):
        state = reduced(grid, how=each)
        values = {**NormalizedVariance().compute(state, units), **VarianceShares().compute(state, units)}
        found.append({key: each.values for key, each in values.items()})
    return found[0], found[1]


in_both_ways = pytest.mark.parametrize("how", ["numpy", "compiled"])


@in_both_ways
@pytest.mark.parametrize(
    "grid",
    [
        pytest.param(grid_of(1, 1), id="plain"),
        pytest.param(grid_of(1, 1, mean=1e4), id="a mean of 10,000 deviations"),
        pytest.param(grid_of(1e-3, 1), id="NV of 0.001"),
        pytest.param(grid_of(1e-2, 1, mean=100), id="NV of 0.01 beside a mean"),
        pytest.param(grid_of(1, 1e-3), id="samples alike"),
        pytest.param(grid_of(1, 1) * np.float32(1e-8), id="small numbers"),
        pytest.param(grid_of(1, 1) * np.float32(1e12), id="large numbers"),
        pytest.param(np.maximum(grid_of(1, 1), 0), id="rectified"),
    ],
)
def test_values_agree(grid, how):
    double, single = both(grid, how)
    for key, expected in double.items():
        np.testing.assert_allclose(single[key], expected, rtol=1e-5, atol=1e-7, err_msg=key)


@in_both_ways
@pytest.mark.parametrize("ratio", [1e2, 1e3])
def test_values_agree_where_the_transform_says_nearly_all(ratio, how):
    offsets = np.random.default_rng(1).standard_normal((1, TRANSFORMS, UNITS)) * ratio
    double, single = both((offsets + grid_of(0.7, 0.7, seed=2)).astype(np.float32), how)
    assert np.median(double["normalized-variance"]) > ratio / 4
    np.testing.assert_allclose(single["normalized-variance"], double["normalized-variance"], rtol=1e-5)


@in_both_ways
def test_zeros_and_infinities_are_exact(how):
    generator = np.random.default_rng(3)
    samples = np.broadcast_to(generator.standard_normal((SAMPLES, 1, UNITS)), (SAMPLES, TRANSFORMS, UNITS))
    transforms = np.broadcast_to(generator.standard_normal((1, TRANSFORMS, UNITS)), samples.shape)
    for grid, expected in ((samples, 0.0), (transforms, np.inf), (np.full(samples.shape, 0.3), 1.0)):
        double, single = both(grid.astype(np.float32), how)
        assert (double["normalized-variance"] == expected).all()
        assert (single["normalized-variance"] == expected).all()
        np.testing.assert_array_equal(single["variance-share-transform"], double["variance-share-transform"])


@pytest.mark.parametrize("spoil", NOT_HELD)
def test_what_float32_does_not_hold_is_left_to_float64(spoil):
    values = spoil(grid_of(1, 1))[:5]
    with np.errstate(all="ignore"):
        assert single_sums(values, values[:, 0], values[0], np.empty(room_for(*values.shape), np.float32)) is None


def test_dead_units_are_held():
    values = with_unit(grid_of(1, 1), 0)[:5]
    sums = single_sums(values, values[:, 0], values[0], np.empty(room_for(*values.shape), np.float32))
    assert sums is not None
    assert (sums.deviations[:, 3] == 0).all()
    assert (sums.column_squares[:, 3] == 0).all()


def test_a_column_whose_pivot_is_too_far_away_is_not_held():
    values = grid_of(1, 1)[:2]
    near, far = (np.full(values.shape[1:], size, np.float32) for size in (1e14, 1e20))
    room = np.empty(room_for(*values.shape), np.float32)
    assert single_sums(values, values[:, 0], near, room) is not None
    assert single_sums(values, values[:, 0], far, room) is None
