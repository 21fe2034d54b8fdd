"""The equivariance error straight from its definition, its zero, its dead channels, and what is not finite."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest

from onnxinv.measures import Units, Values, measures
from onnxinv.measures.measure import Measure
from onnxinv.statistics import merge_states
from tests.measures.grids import draw
from tests.measures.states import per_unit, state_of

KEY = "equivariance-error"
CHANNELS = Units.of((5, 4), 1, "float32", per_unit=False)
"""Five pixels of four channels, as aligned maps lie: pixels first."""


def measure() -> Measure:
    return measures.build(KEY)


def compute(residuals: np.ndarray, reference: np.ndarray, units: Units | None = None) -> Values:
    state = state_of(residuals, measure(), reference=reference)
    with np.errstate(all="ignore"):
        return measure().compute(state, units or per_unit(residuals.shape[2]))[KEY]


def case(samples: int = 6, transforms: int = 3, units: int = 20) -> tuple[np.ndarray, np.ndarray]:
    """Return what is left of maps, (samples, transforms, units), and the maps, (samples, units)."""
    return draw(samples, transforms, units), draw(samples, 1, units, seed=1)[:, 0]


def test_of_units_is_the_quotient_of_root_mean_squares() -> None:
    left, known = case()
    found = compute(left, known)
    left, known = left.astype(np.float64), known.astype(np.float64)
    np.testing.assert_allclose(
        found.values,
        [
            np.sqrt(np.mean([np.sum(left[:, j, u] ** 2) for j in range(3)]) / np.sum(known[:, u] ** 2))
            for u in range(20)
        ],
        rtol=1e-12,
    )
    assert found.profile is not None
    assert found.profile.shape == (3, 20)
    for transform, unit in np.ndindex(3, 20):
        expected = np.linalg.norm(left[:, transform, unit]) / np.linalg.norm(known[:, unit])
        assert found.profile[transform, unit] == pytest.approx(expected, rel=1e-12)
    assert not found.dead.any()


def test_of_channels_adds_squares_over_space_first() -> None:
    left, known = case()
    found = compute(left, known, CHANNELS)
    for channel in range(4):
        some = left[..., channel::4].astype(np.float64), known[:, channel::4].astype(np.float64)
        expected = np.linalg.norm(some[0]) / (np.sqrt(3) * np.linalg.norm(some[1]))
        assert found.values[channel] == pytest.approx(expected, rel=1e-12)
        assert found.profile is not None
        for transform in range(3):
            expected = np.linalg.norm(some[0][:, transform]) / np.linalg.norm(some[1])
            assert found.profile[transform, channel] == pytest.approx(expected, rel=1e-12)


def test_the_square_of_the_value_is_the_mean_of_the_squared_profile() -> None:
    found = compute(*case(), CHANNELS)
    assert found.profile is not None
    np.testing.assert_allclose(found.values**2, (found.profile**2).mean(axis=0), rtol=1e-12)


def test_does_not_depend_on_the_scale_of_activations_nor_on_order() -> None:
    left, known = case()
    expected = compute(left, known, CHANNELS)
    scaled = compute(1024 * left, 1024 * known, CHANNELS)
    np.testing.assert_array_equal(scaled.values, expected.values)
    order = np.random.default_rng(0).permutation(6)
    turned = compute(left[order][:, ::-1], known[order], CHANNELS)
    np.testing.assert_allclose(turned.values, expected.values, rtol=1e-13)
    assert turned.profile is not None
    assert expected.profile is not None
    np.testing.assert_allclose(turned.profile, expected.profile[::-1], rtol=1e-13)


def test_maps_that_have_nothing_in_common_are_at_the_root_of_two() -> None:
    noise = np.random.default_rng(0).standard_normal((400, 5, 3)).astype(np.float32)
    left = noise[:, 1:] - noise[:, :1]
    np.testing.assert_allclose(compute(left, noise[:, 0]).values, np.sqrt(2), rtol=0.1)


def test_what_is_left_by_rounding_is_exactly_zero() -> None:
    left, known = case()
    known[:] = np.sign(known)
    left[:] = np.sign(left)
    resolution = CHANNELS.resolution
    assert set(compute(left * np.float32(0.9 * resolution), known).values) == {0.0}
    above = compute(left * np.float32(1.1 * resolution), known)
    np.testing.assert_allclose(above.values, 1.1 * resolution, rtol=1e-6)
    left[:, 1:] *= np.float32(0.5 * resolution)
    one = compute(left, known)
    assert one.profile is not None
    assert one.profile[0].all()
    assert not one.profile[1:].any()
    assert not one.dead.any()


def test_half_precision_is_as_coarse_as_its_rounding() -> None:
    left, known = case()
    left, known = np.sign(left) * np.float32(2.0**-11), np.sign(known)
    half = Units.of((20,), 0, "float16", per_unit=True)
    assert not compute(left, known, half).values.any()
    assert compute(left, known).values.all()


def test_dark_maps_are_dead_or_infinitely_wrong() -> None:
    left, known = case(units=4)
    known[:, :2] = 0
    left[..., [0, 3]] = 0
    found = compute(left, known)
    assert np.isnan(found.values[0])
    assert np.isinf(found.values[1])
    assert np.isfinite(found.values[2:]).all()
    assert found.values[3] == 0
    assert found.dead.tolist() == [True, False, False, False]
    assert found.profile is not None
    assert np.isnan(found.profile[:, 0]).all()
    assert np.isinf(found.profile[:, 1]).all()


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("where", ["under a transform", "untransformed"])
def test_channels_with_a_number_that_is_not_finite_have_no_value(value: float, where: str) -> None:
    left, known = case()
    (left if where == "under a transform" else known)[2, ..., 6] = value
    found = compute(left, known, CHANNELS)
    assert np.isnan(found.values).tolist() == [False, False, True, False]
    assert not found.dead.any()
    assert found.profile is not None
    assert np.isnan(found.profile[:, 2]).all()
    clean = compute(*case(), CHANNELS)
    others = [0, 1, 3]
    np.testing.assert_array_equal(found.values[others], clean.values[others])


def test_one_sample_and_one_transform_are_enough() -> None:
    left, known = case(1, 1, 4)
    np.testing.assert_allclose(compute(left, known).values, np.abs(left[0, 0] / known[0]), rtol=1e-6)
    assert measure().samples_needed == measure().transforms_needed == 1


def test_groups_merged_in_any_order_give_the_same() -> None:
    left, known = case(9)
    parts = [state_of(left[some], measure(), reference=known[some]) for some in np.split(np.arange(9), [2, 3])]
    expected = compute(left, known, CHANNELS).values
    for order in permutations(parts):
        found = measure().compute(merge_states(order), CHANNELS)[KEY].values
        np.testing.assert_allclose(found, expected, rtol=1e-12)


def test_some_units_of_a_state_give_the_values_of_those_units() -> None:
    left, known = case()
    some = np.array([1, 5, 9, 2, 6])
    state = state_of(left, measure(), reference=known).take(some)
    found = measure().compute(state, CHANNELS.take(some))[KEY].values
    expected = compute(left[..., some], known[:, some], Units(np.array([0, 0, 0, 1, 1]), 2, CHANNELS.resolution)).values
    np.testing.assert_allclose(found, expected, rtol=1e-13)
