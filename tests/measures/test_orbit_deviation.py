"""Orbit deviation against its definition, and what it says of invariant layers."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from onnxinv.errors import UsageError
from onnxinv.measures import Values, measures
from onnxinv.statistics import merge_states
from tests.measures.grids import as_doubles, draw
from tests.measures.states import per_unit, state_of

NAME = "orbit-deviation"
KEYS = {"cosine": NAME, "euclidean": f"{NAME}:distance=euclidean"}

both = pytest.mark.parametrize("distance", list(KEYS))


def deviation_of(grid: np.ndarray, distance: str = "cosine", groups: int = 1) -> Values:
    measure = measures.build(f"{NAME}:distance={distance}")
    state = merge_states([state_of(part, measure) for part in np.array_split(grid, groups)])
    return measure.compute(state, per_unit(grid.shape[2], str(grid.dtype)))[KEYS[distance]]


def curve(values: Values) -> np.ndarray:
    """Return the profile, (transforms, values)."""
    assert values.profile is not None
    return values.profile


def by_force(grid: np.ndarray, distance: str) -> np.ndarray:
    """Return the (transforms,) means over samples."""
    rows = []
    for orbit in as_doubles(grid):
        centroid = orbit.mean(axis=0)
        if distance == "euclidean":
            rows.append([np.linalg.norm(variant - centroid) for variant in orbit])
        else:
            lengths = np.linalg.norm(orbit, axis=1) * np.linalg.norm(centroid)
            rows.append(1 - (orbit @ centroid) / lengths)
    return np.asarray(np.mean(rows, axis=0))


@both
@given(samples=st.integers(1, 9), transforms=st.integers(2, 6), units=st.integers(2, 9), seed=st.integers(0, 999))
@settings(max_examples=30)
def test_equals_its_definition(distance: str, samples: int, transforms: int, units: int, seed: int) -> None:
    grid = draw(samples, transforms, units, seed)
    found, expected = deviation_of(grid, distance), by_force(grid, distance)
    assert found.values.shape == found.dead.shape == (1,)
    np.testing.assert_allclose(found.values, expected.mean(), rtol=1e-9)
    np.testing.assert_allclose(curve(found)[:, 0], expected, rtol=1e-9, atol=1e-13)


@both
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_an_invariant_layer_has_exactly_0(distance: str, dtype: str) -> None:
    found = deviation_of(np.repeat(draw(20, 1, 30).astype(dtype), 7, axis=1), distance, groups=3)
    assert found.values.tolist() == [0]
    assert curve(found).tolist() == [[0]] * 7
    assert not found.dead.any()


@both
def test_with_one_transform_it_is_0(distance: str) -> None:
    assert deviation_of(draw(5, 1, 9), distance).values.tolist() == [0]


@both
def test_of_two_transforms_both_deviate_by_half_of_what_lies_between(distance: str) -> None:
    angle = np.random.default_rng(0).uniform(0, np.pi, 50)
    grid = np.stack([np.stack([np.cos(s * angle / 2), np.sin(s * angle / 2)], axis=1) for s in (-1, 1)], axis=1)
    expected = np.mean(1 - np.cos(angle / 2)) if distance == "cosine" else np.mean(np.sin(angle / 2))
    found = deviation_of(grid, distance)
    np.testing.assert_allclose(curve(found), [[expected]] * 2, rtol=1e-12)


def test_the_cosine_takes_no_notice_of_lengths_and_the_euclidean_distance_grows_with_them() -> None:
    reference = draw(12, 1, 20)
    lengths = reference * np.array([0.25, 1, 4], dtype=np.float32)[:, None]
    assert deviation_of(lengths).values[0] == 0
    assert deviation_of(lengths, "euclidean").values[0] > 0
    grid = draw(12, 4, 20)
    np.testing.assert_allclose(deviation_of(8 * grid).values, deviation_of(grid).values, rtol=1e-13)
    euclidean = deviation_of(grid, "euclidean").values
    np.testing.assert_allclose(deviation_of(8 * grid, "euclidean").values, 8 * euclidean, rtol=1e-13)


@both
def test_a_mean_far_above_the_deviation_costs_few_digits(distance: str) -> None:
    grid = draw(9, 4, 50) + np.float32(1e4)
    exact = as_doubles(grid) - 1e4
    euclidean = np.linalg.norm(exact - exact.mean(axis=1, keepdims=True), axis=2).mean()
    found = deviation_of(grid, distance).values[0]
    if distance == "euclidean":
        assert found == pytest.approx(euclidean, rel=1e-9)
    else:
        assert 0 < found < 1e-6


@both
def test_a_layer_of_zeros_is_dead(distance: str) -> None:
    found = deviation_of(np.zeros((5, 3, 4), dtype=np.float32), distance)
    assert (found.values.tolist(), found.dead.tolist()) == ([0], [True])


@both
def test_rounding_is_no_deviation(distance: str) -> None:
    jitter = np.random.default_rng(1).choice([1, 1 + 2.0**-23], (9, 5, 40)).astype(np.float32)
    assert deviation_of(draw(9, 1, 40) * jitter, distance).values.tolist() == [0]


@both
def test_the_order_of_samples_and_transforms_changes_nothing(distance: str) -> None:
    grid = draw(9, 4, 20)
    np.testing.assert_allclose(
        deviation_of(grid[::-1, ::-1], distance).values, deviation_of(grid, distance).values, rtol=1e-12
    )


@both
@pytest.mark.parametrize("groups", [2, 5, 9])
def test_merged_groups_give_the_value_of_all_samples(distance: str, groups: int) -> None:
    grid = draw(9, 4, 20)
    found, merged = deviation_of(grid, distance), deviation_of(grid, distance, groups)
    np.testing.assert_allclose(merged.values, found.values, rtol=1e-12)
    np.testing.assert_allclose(curve(merged), curve(found), rtol=1e-12)


@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")
@both
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf], ids=str)
def test_non_finite_activations_end_as_nan_and_are_not_dead(distance: str, bad: float) -> None:
    grid = draw(6, 4, 5)
    grid[1, 2, 3] = bad
    found = deviation_of(grid, distance)
    assert np.isnan(found.values).all()
    assert np.isnan(curve(found)).all()
    assert not found.dead.any()


def test_a_distance_is_cosine_or_euclidean() -> None:
    with pytest.raises(UsageError, match="distance"):
        measures.build(f"{NAME}:distance=manhattan")
    assert measures.build(f"{NAME}:distance=euclidean").result_keys() == [KEYS["euclidean"]]
