"""The transform profile against its definition, and what it says of units that respond to nothing or to one thing."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from onnxinv.measures import Units, Values, measures
from onnxinv.statistics import merge_states
from tests.measures.brute_force import channels_of, sample_variance, spatial
from tests.measures.grids import as_doubles, draw, with_special_units
from tests.measures.states import per_unit, state_of

NAME = "transform-profile"
MEASURE = measures.build(NAME)


def profile_of(grid: np.ndarray, reference: np.ndarray | None = None, units: Units | None = None) -> Values:
    state = state_of(grid, MEASURE, reference=reference)
    return MEASURE.compute(state, units or per_unit(grid.shape[2]))[NAME]


def curve(values: Values) -> np.ndarray:
    """Return the profile, (transforms, values)."""
    assert values.profile is not None
    return values.profile


def by_force(grid: np.ndarray, reference: np.ndarray, channels: np.ndarray) -> np.ndarray:
    """Return the (transforms, values) deviations over SV."""
    exact, known = as_doubles(grid), as_doubles(reference)
    sv = spatial(sample_variance(exact), channels)
    rows = []
    for j in range(grid.shape[1]):
        deviations = sum(abs(exact[i, j] - known[i]) for i in range(len(grid))) / len(grid)
        rows.append(spatial(deviations, channels) / sv)
    return np.array(rows)


def other(samples: int, units: int) -> np.ndarray:
    return draw(samples, 1, units, seed=99)[:, 0]


@given(samples=st.integers(2, 8), transforms=st.integers(1, 8), units=st.integers(1, 6), seed=st.integers(0, 999))
@settings(max_examples=40)
def test_equals_its_definition(samples: int, transforms: int, units: int, seed: int) -> None:
    grid, reference = draw(samples, transforms, units, seed), other(samples, units)
    found, expected = profile_of(grid, reference), by_force(grid, reference, np.arange(units))
    np.testing.assert_allclose(curve(found), expected, rtol=1e-9)
    np.testing.assert_allclose(found.values, expected.mean(axis=0), rtol=1e-9)
    assert not found.dead.any()


@pytest.mark.parametrize(("shape", "axis"), [((3, 2, 2), 0), ((2, 2, 3), 2), ((4, 3), 1)], ids=str)
def test_a_channel_divides_spatial_means(shape: tuple[int, ...], axis: int) -> None:
    grid, reference, channels = draw(7, 5, 12), other(7, 12), channels_of(shape, axis)
    found = profile_of(grid, reference, Units.of(shape, axis, "float32", per_unit=False))
    expected = by_force(grid, reference, channels)
    np.testing.assert_allclose(curve(found), expected, rtol=1e-9)
    np.testing.assert_allclose(found.values, expected.mean(axis=0), rtol=1e-9)


def test_the_identity_has_a_response_of_exactly_0() -> None:
    found = profile_of(with_special_units(9, 4))
    assert curve(found)[0, 2:].tolist() == [0] * 10
    assert (curve(found)[1:, 4:] > 0).all()


def test_the_identity_counts_in_the_mean_where_it_is_one_of_the_set() -> None:
    found = profile_of(draw(9, 4, 6))
    np.testing.assert_allclose(found.values, curve(found)[1:].sum(axis=0) / 4, rtol=1e-14)


def test_grows_with_the_size_of_a_shift_and_is_in_standard_deviations() -> None:
    samples = np.random.default_rng(0).standard_normal((4000, 1, 1))
    shift = np.array([0, 1, 2, 4])[None, :, None]
    found = profile_of((samples + shift).astype(np.float32), samples[:, 0].astype(np.float32))
    np.testing.assert_allclose(curve(found)[:, 0], [0, 1, 2, 4], rtol=0.05)


def test_a_unit_of_the_sample_alone_is_invariant_and_one_of_the_transform_alone_infinite() -> None:
    found = profile_of(with_special_units(7, 5))
    assert found.values[2] == 0
    assert found.values[3] == math.inf
    assert curve(found)[:, 3].tolist() == [0, *[math.inf] * 4]
    assert not found.dead[2:].any()


def test_a_constant_unit_is_dead_and_has_no_value() -> None:
    found = profile_of(with_special_units(7, 5))
    assert found.dead.tolist() == [True, True] + [False] * 10
    assert np.isnan(found.values).tolist() == [True, True] + [False] * 10
    assert np.isnan(curve(found)[:, :2]).all()


def test_a_channel_is_dead_when_all_its_units_are() -> None:
    found = profile_of(with_special_units(7, 5), units=Units.of((6, 2), 0, "float32", per_unit=False))
    assert found.dead.tolist() == [True] + [False] * 5


def test_rounding_is_no_response() -> None:
    samples = draw(6, 1, 4) + np.float32(1)
    jitter = np.random.default_rng(1).choice([1, 1 + 2.0**-23], (6, 5, 4)).astype(np.float32)
    assert profile_of(samples * jitter, samples[:, 0]).values.tolist() == [0] * 4
    constant = profile_of(np.float32(3) * jitter, np.full((6, 4), 3, dtype=np.float32))
    assert constant.dead.all()


def test_a_mean_far_above_the_deviation_costs_no_digits() -> None:
    grid, reference = draw(9, 4, 5) + np.float32(1e4), other(9, 5) + np.float32(1e4)
    found = profile_of(grid, reference)
    np.testing.assert_allclose(curve(found), by_force(grid, reference, np.arange(5)), rtol=1e-8)


def test_the_order_of_samples_changes_nothing_and_that_of_transforms_only_the_curve() -> None:
    grid, reference = draw(9, 4, 5), other(9, 5)
    found, turned = profile_of(grid, reference), profile_of(grid[::-1, ::-1], reference[::-1])
    np.testing.assert_allclose(curve(turned), curve(found)[::-1], rtol=1e-12)
    np.testing.assert_allclose(turned.values, found.values, rtol=1e-12)


def test_merged_groups_and_cut_units_give_the_values_of_all() -> None:
    grid, reference = with_special_units(20, 4), other(20, 12)
    parts = zip(np.array_split(grid, 3), np.array_split(reference, 3), strict=True)
    merged = merge_states([state_of(part, MEASURE, reference=known) for part, known in parts])
    expected = profile_of(grid, reference)
    np.testing.assert_allclose(MEASURE.compute(merged, per_unit(12))[NAME].values, expected.values, rtol=1e-9)
    some = np.array([4, 3, 0, 11])
    cut = MEASURE.compute(merged.take(some), per_unit(12).take(some))[NAME]
    np.testing.assert_allclose(cut.values, expected.values[some], rtol=1e-9)
    assert cut.dead.tolist() == expected.dead[some].tolist()


@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf], ids=str)
@pytest.mark.parametrize("where", ["a variant", "the untransformed sample"])
def test_non_finite_activations_end_as_nan_and_are_not_dead(bad: float, where: str) -> None:
    grid, reference = draw(6, 4, 3), other(6, 3)
    if where == "a variant":
        grid[1, 2, 1] = bad
    else:
        reference[1, 1] = bad
    found = profile_of(grid, reference)
    assert np.isnan(found.values).tolist() == [False, True, False]
    assert not found.dead.any()


def test_shares_sample_variance_with_the_measure_of_that_name() -> None:
    grid = draw(6, 4, 3)
    both = [measures.build("sample-variance"), MEASURE]
    state = state_of(grid, *both)
    both[0].compute(state, per_unit(3))
    state.derive(("columns", "std", False, per_unit(3).resolution), lambda: pytest.fail("computed twice"))
    np.testing.assert_array_equal(both[1].compute(state, per_unit(3))[NAME].values, profile_of(grid).values)
