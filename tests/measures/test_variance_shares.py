"""Variance shares against the two-way layout and on activations whose decomposition is known."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from onnxinv.measures import Units
from tests.measures import brute_force
from tests.measures.brute_force import channels_of
from tests.measures.grids import as_doubles, draw, with_special_units
from tests.measures.states import compute, dead

PARTS = ("sample", "transform", "interaction")


def shares(grid: np.ndarray, units: Units | None = None) -> dict[str, np.ndarray]:
    return {part: compute("variance-shares", grid, units, f"variance-share-{part}") for part in PARTS}


@given(samples=st.integers(2, 8), transforms=st.integers(2, 8), units=st.integers(1, 6), seed=st.integers(0, 2**32 - 1))
@settings(max_examples=40)
def test_equal_the_brute_force_and_add_up_to_one(samples: int, transforms: int, units: int, seed: int) -> None:
    grid = draw(samples, transforms, units, seed)
    found, expected = shares(grid), brute_force.variance_shares(as_doubles(grid))
    for part in PARTS:
        np.testing.assert_allclose(found[part], expected[part], rtol=0, atol=1e-12)
        assert np.all((found[part] >= 0) & (found[part] <= 1))
    np.testing.assert_allclose(sum(found.values()), 1, rtol=1e-14)


@pytest.mark.parametrize(
    ("shape", "axis"),
    [
        pytest.param((3, 2, 2), 0, id="channels first"),
        pytest.param((2, 2, 3), 2, id="channels last"),
        pytest.param((4, 3), 1, id="tokens"),
    ],
)
def test_sums_of_squares_are_added_over_space(shape: tuple[int, ...], axis: int) -> None:
    grid = with_special_units(7, 5)
    found = shares(grid, Units.of(shape, axis, "float32", per_unit=False))
    expected = brute_force.variance_shares(as_doubles(grid), channels_of(shape, axis))
    for part in PARTS:
        np.testing.assert_allclose(found[part], expected[part], rtol=0, atol=1e-12)


def test_a_constant_unit_has_no_shares_and_is_dead() -> None:
    grid = with_special_units(7, 5)
    for part in PARTS:
        assert np.isnan(shares(grid)[part]).tolist() == [True, True] + [False] * 10
        assert dead("variance-shares", grid, part=f"variance-share-{part}").tolist() == [True, True] + [False] * 10


def test_units_of_one_cause_have_one_share() -> None:
    found = shares(with_special_units(7, 5))
    assert [found[part][2] for part in PARTS] == [1, 0, 0]
    assert [found[part][3] for part in PARTS] == [0, 1, 0]


def test_pure_interaction_has_that_share() -> None:
    grid = np.array([[1.0, -1.0], [-1.0, 1.0]])[..., None]
    assert [shares(grid)[part][0] for part in PARTS] == [0, 0, 1]


def test_a_shift_by_transform_is_all_that_the_samples_leave() -> None:
    generator = np.random.default_rng(0)
    samples, shifts = generator.standard_normal((9, 1, 5)), generator.standard_normal((1, 4, 5))
    found = shares(samples + shifts)
    by_sample = 4 * samples.var(axis=0)[0] * 9
    by_transform = 9 * shifts.var(axis=1)[0] * 4
    np.testing.assert_allclose(found["sample"], by_sample / (by_sample + by_transform), rtol=1e-12)
    np.testing.assert_allclose(found["transform"], 1 - found["sample"], rtol=1e-12)
    np.testing.assert_allclose(found["interaction"], 0, atol=1e-14)


def test_with_one_transform_everything_is_the_sample() -> None:
    found = shares(draw(6, 1, 4))
    assert found["sample"].tolist() == [1] * 4
    assert not found["transform"].any()
    assert not found["interaction"].any()


@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")
def test_non_finite_activations_end_as_nan_and_are_not_dead() -> None:
    grid = draw(6, 4, 3)
    grid[1, 2, 1] = np.inf
    for part in PARTS:
        assert np.isnan(shares(grid)[part]).tolist() == [False, True, False]
        assert not dead("variance-shares", grid, part=f"variance-share-{part}").any()
