"""Relative invariance against its definition, and at both ends of its range."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from onnxinv.errors import UsageError
from onnxinv.measures import Values, measures
from onnxinv.measures.needs import Facts
from onnxinv.statistics import merge_states
from tests.measures.grids import as_doubles, draw
from tests.measures.states import per_unit, state_of

NAME = "relative-invariance"
KEYS = {"cosine": NAME, "euclidean": f"{NAME}:distance=euclidean"}

both = pytest.mark.parametrize("distance", list(KEYS))


def share_of(grid: np.ndarray, reference: np.ndarray, distance: str = "cosine", groups: int = 1) -> Values:
    measure = measures.build(f"{NAME}:distance={distance}")
    parts = zip(np.array_split(grid, groups), np.array_split(reference, groups), strict=True)
    state = merge_states([state_of(part, measure, reference=known) for part, known in parts])
    return measure.compute(state, per_unit(grid.shape[2], str(grid.dtype)))[KEYS[distance]]


def between(one: np.ndarray, other: np.ndarray, distance: str) -> float:
    if distance == "euclidean":
        return float(np.sqrt(((one - other) ** 2).sum()))
    return float(1 - (one @ other) / np.sqrt((one @ one) * (other @ other)))


def curve(values: Values) -> np.ndarray:
    """Return the profile, (transforms, values)."""
    assert values.profile is not None
    return values.profile


def by_force(grid: np.ndarray, reference: np.ndarray, distance: str, groups: int = 1) -> tuple[float, np.ndarray]:
    own, other = [], []
    for part, known in zip(np.array_split(grid, groups), np.array_split(reference, groups), strict=True):
        exact, base, n = as_doubles(part), as_doubles(known), len(part)
        if n == 1:
            continue
        for i in range(n):
            own.append([between(base[i], variant, distance) for variant in exact[i]])
            other.append([between(base[i], variant, distance) for variant in exact[(i + 1) % n]])
    far, near = np.mean(other, axis=0), np.mean(own, axis=0)
    return float((far.mean() - near.mean()) / far.mean()), (far - near) / far


def sample(samples: int, transforms: int, units: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    every = draw(samples, transforms + 1, units, seed)
    return every[:, 1:], every[:, 0]


@both
@given(samples=st.integers(2, 9), transforms=st.integers(1, 5), units=st.integers(2, 9), seed=st.integers(0, 999))
@settings(max_examples=30)
def test_equals_its_definition(distance: str, samples: int, transforms: int, units: int, seed: int) -> None:
    grid, reference = sample(samples, transforms, units, seed)
    found, (value, profile) = share_of(grid, reference, distance), by_force(grid, reference, distance)
    assert found.values.shape == found.dead.shape == (1,)
    np.testing.assert_allclose(found.values, value, rtol=1e-9, atol=1e-12)
    np.testing.assert_allclose(curve(found)[:, 0], profile, rtol=1e-9, atol=1e-12)


@both
def test_others_are_taken_inside_groups_and_groups_of_one_count_nothing(distance: str) -> None:
    grid, reference = sample(10, 3, 40)
    value, profile = by_force(grid, reference, distance, groups=4)
    found = share_of(grid, reference, distance, groups=4)
    np.testing.assert_allclose(found.values, value, rtol=1e-9)
    np.testing.assert_allclose(curve(found)[:, 0], profile, rtol=1e-9)
    odd = share_of(grid[:9], reference[:9], distance, groups=5)
    assert odd.values[0] == pytest.approx(by_force(grid[:9], reference[:9], distance, groups=5)[0], rel=1e-9)


@both
def test_an_invariant_layer_has_exactly_1(distance: str) -> None:
    reference = draw(20, 1, 30)[:, 0]
    found = share_of(np.repeat(reference[:, None], 4, axis=1), reference, distance, groups=3)
    assert found.values.tolist() == [1]
    assert curve(found).tolist() == [[1]] * 4
    assert not found.dead.any()


@both
def test_the_identity_alone_has_exactly_1_in_the_profile(distance: str) -> None:
    grid, _ = sample(20, 4, 30)
    found = share_of(grid, grid[:, 2], distance)
    assert curve(found)[2].tolist() == [1]
    assert (curve(found)[[0, 1, 3]] < 1).all()


@both
def test_variants_that_have_nothing_of_their_sample_are_near_0(distance: str) -> None:
    random = np.random.default_rng(0)
    grid, reference = random.standard_normal((200, 8, 50)), random.standard_normal((200, 50))
    assert share_of(grid, reference, distance).values[0] == pytest.approx(0, abs=0.01)


def test_variants_that_turn_away_from_their_sample_are_negative() -> None:
    reference = draw(20, 1, 30)[:, 0]
    assert share_of(-reference[:, None], reference).values[0] < -0.4


@both
def test_scaling_the_layer_changes_nothing(distance: str) -> None:
    grid, reference = sample(9, 3, 20)
    found, scaled = share_of(grid, reference, distance), share_of(grid * 8, reference * 8, distance)
    np.testing.assert_allclose(scaled.values, found.values, rtol=1e-13)


def test_the_cosine_takes_no_notice_of_lengths() -> None:
    reference = draw(12, 1, 20)[:, 0]
    grid = reference[:, None] * np.array([0.25, 1, 4], dtype=np.float32)[:, None]
    assert share_of(grid, reference).values.tolist() == [1]
    assert share_of(grid, reference, "euclidean").values[0] < 1


@both
@pytest.mark.parametrize("value", [0, 0.1, -1e20], ids=str)
def test_a_constant_layer_is_dead_and_has_no_value(distance: str, value: float) -> None:
    grid = np.full((9, 4, 6), value, dtype=np.float32)
    found = share_of(grid, grid[:, 0], distance)
    assert np.isnan(found.values).all()
    assert np.isnan(curve(found)).all()
    assert found.dead.tolist() == [True]


@both
def test_rounding_is_no_distance(distance: str) -> None:
    jitter = np.random.default_rng(1).choice([1, 1 + 2.0**-23], (9, 5, 40)).astype(np.float32)
    samples = draw(9, 1, 40)
    assert share_of(samples * jitter, samples[:, 0], distance).values.tolist() == [1]
    assert share_of(np.float32(3) * jitter, np.full((9, 40), 3, dtype=np.float32), distance).dead.tolist() == [True]


def test_a_layer_of_the_transform_alone_has_0_and_is_not_dead() -> None:
    grid = np.repeat(draw(1, 4, 30), 9, axis=0)
    found = share_of(grid, np.repeat(draw(1, 1, 30, seed=5)[0], 9, axis=0))
    np.testing.assert_allclose(found.values, [0], atol=1e-12)
    assert found.dead.tolist() == [False]


def test_layers_of_zeros_under_some_transform_are_as_far_from_all_samples() -> None:
    grid, reference = sample(8, 3, 20)
    grid[:, 1] = 0
    found = share_of(grid, reference)
    assert curve(found)[1].tolist() == [0]


def test_without_a_group_of_two_samples_there_is_no_value_and_nothing_is_broken() -> None:
    grid, reference = sample(3, 2, 5)
    found = share_of(grid, reference, groups=3)
    assert np.isnan(found.values).all()
    assert found.silent is not None
    assert found.silent.tolist() == [True]
    assert found.dead.tolist() == [False]


@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")
@both
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf], ids=str)
@pytest.mark.parametrize("where", ["a variant", "an untransformed sample"])
def test_non_finite_activations_end_as_nan_and_are_not_dead(distance: str, bad: float, where: str) -> None:
    grid, reference = sample(6, 4, 5)
    if where == "a variant":
        grid[1, 2, 3] = bad
    else:
        reference[1, 3] = bad
    found = share_of(grid, reference, distance)
    assert found.silent is not None
    assert np.isnan(found.values).all()
    spoiled = [False, False, True, False] if where == "a variant" else [True] * 4
    assert np.isnan(curve(found)[:, 0]).tolist() == spoiled
    assert not found.dead.any()
    assert not found.silent.any()


def test_the_order_of_transforms_changes_nothing() -> None:
    grid, reference = sample(9, 4, 20)
    np.testing.assert_allclose(share_of(grid[:, ::-1], reference).values, share_of(grid, reference).values, rtol=1e-12)


def test_needs_samples_in_random_order() -> None:
    (need,) = measures.build(NAME).needed()
    assert not need.lacking(Facts(samples=9, transforms=4))
    assert "random" in need.lacking(Facts(samples=9, transforms=4, stratified=True))


def test_a_distance_is_cosine_or_euclidean() -> None:
    with pytest.raises(UsageError, match="distance"):
        measures.build(f"{NAME}:distance=manhattan")
    assert measures.build(f"{NAME}:distance=euclidean").result_keys() == [KEYS["euclidean"]]
