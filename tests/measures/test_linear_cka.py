"""Linear CKA against a direct computation, and what leaves it unchanged."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from onnxinv.measures import Values, measures
from onnxinv.measures.needs import Facts
from onnxinv.statistics import merge_states
from tests.measures.grids import as_doubles, draw
from tests.measures.states import per_unit, state_of

NAME = "linear-cka"
MEASURE = measures.build(NAME)


def cka_of(grid: np.ndarray, reference: np.ndarray, groups: int = 1) -> Values:
    parts = zip(np.array_split(grid, groups), np.array_split(reference, groups), strict=True)
    state = merge_states([state_of(part, MEASURE, reference=known) for part, known in parts])
    return MEASURE.compute(state, per_unit(grid.shape[2], str(grid.dtype)))[NAME]


def curve(values: Values) -> np.ndarray:
    """Return the profile, (transforms, values)."""
    assert values.profile is not None
    return values.profile


def hsic(one: np.ndarray, other: np.ndarray) -> float:
    """Return the unbiased estimator as the mean over ordered 4-tuples of different samples that it stands for."""
    n = len(one)
    gram, other_gram = one @ one.T, other @ other.T
    total, count = 0.0, 0
    for i in range(n):
        for j in range(n):
            for q in range(n):
                for r in range(n):
                    if len({i, j, q, r}) == 4:
                        total += gram[i, j] * (other_gram[i, j] + other_gram[q, r] - 2 * other_gram[i, q])
                        count += 1
    return total / count


def song(one: np.ndarray, other: np.ndarray) -> float:
    n, gram, other_gram = len(one), one @ one.T, other @ other.T
    gram, other_gram = gram - np.diag(np.diag(gram)), other_gram - np.diag(np.diag(other_gram))
    first = np.trace(gram @ other_gram)
    second = gram.sum() * other_gram.sum() / ((n - 1) * (n - 2))
    third = 2 / (n - 2) * (gram @ other_gram).sum()
    return float((first + second - third) / (n * (n - 3)))


def by_force(grid: np.ndarray, reference: np.ndarray, groups: int = 1) -> np.ndarray:
    sums = []
    for part, known in zip(np.array_split(grid, groups), np.array_split(reference, groups), strict=True):
        for start in range(0, len(part), 16):
            block, base = as_doubles(part[start : start + 16]), as_doubles(known[start : start + 16])
            if len(block) >= 4:
                sums.append([[song(base, x), song(base, base), song(x, x)] for x in np.moveaxis(block, 1, 0)])
    cross, own, other = np.moveaxis(np.mean(sums, axis=0), 1, 0)
    return np.asarray(cross / np.sqrt(own * other))


def least_share(vectors: np.ndarray) -> float:
    """Return the least HSIC of a block's variants with themselves, (samples, transforms, units), over their squares."""
    blocks = [as_doubles(vectors[start : start + 16]) for start in range(0, len(vectors), 16)]
    variants = [each for block in blocks if len(block) >= 4 for each in np.moveaxis(block, 1, 0)]
    return min(song(each, each) / float(np.square(each @ each.T).mean()) for each in variants)


def sample(samples: int, transforms: int, units: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    every = draw(samples, transforms + 1, units, seed)
    return every[:, 1:], every[:, 0]


def test_the_formula_of_song_is_the_mean_over_4_tuples() -> None:
    one, other = np.random.default_rng(0).standard_normal((2, 6, 3))
    assert song(one, other) == pytest.approx(hsic(one, other), rel=1e-12)


@given(samples=st.integers(4, 40), transforms=st.integers(1, 4), units=st.integers(2, 9), seed=st.integers(0, 999))
@settings(max_examples=40)
def test_equals_its_definition(samples: int, transforms: int, units: int, seed: int) -> None:
    grid, reference = sample(samples, transforms, units, seed)
    # Where next to nothing is left of the squares, the direct computation has no nine digits either.
    assume(least_share(np.concatenate([grid, reference[:, None]], axis=1)) > 1e-4)
    found, expected = cka_of(grid, reference), by_force(grid, reference)
    assert found.values.shape == found.dead.shape == (1,)
    np.testing.assert_allclose(curve(found)[:, 0], expected, rtol=1e-9, atol=1e-9)
    np.testing.assert_allclose(found.values, expected.mean(), rtol=1e-9, atol=1e-9)


@pytest.mark.parametrize(("samples", "groups"), [(50, 1), (50, 2), (57, 3), (30, 7), (22, 6)])
def test_blocks_are_of_one_group_and_weigh_the_same(samples: int, groups: int) -> None:
    grid, reference = sample(samples, 3, 20)
    found = cka_of(grid, reference, groups)
    np.testing.assert_allclose(curve(found)[:, 0], by_force(grid, reference, groups), rtol=1e-9)


def test_an_invariant_layer_has_exactly_1() -> None:
    for seed in range(20):
        reference = draw(37, 1, 30, seed)[:, 0]
        found = cka_of(np.repeat(reference[:, None], 4, axis=1), reference, groups=2)
        assert found.values.tolist() == [1]
        assert curve(found).tolist() == [[1]] * 4
        assert not found.dead.any()


def test_turning_scaling_and_shifting_all_vectors_alike_leaves_1() -> None:
    random = np.random.default_rng(0)
    reference = random.standard_normal((20, 30))
    turn, _ = np.linalg.qr(random.standard_normal((30, 30)))
    grid = np.stack([reference @ turn, 7 * reference, reference + random.standard_normal(30), -reference], axis=1)
    np.testing.assert_allclose(curve(cka_of(grid, reference)), np.ones((4, 1)), rtol=1e-12)


def test_turning_and_scaling_the_layer_changes_nothing() -> None:
    random = np.random.default_rng(0)
    grid, reference = (as_doubles(each) for each in sample(20, 3, 30))
    turn, _ = np.linalg.qr(random.standard_normal((30, 30)))
    turned = cka_of(3 * grid @ turn, 0.5 * reference @ turn)
    np.testing.assert_allclose(curve(turned), curve(cka_of(grid, reference)), rtol=1e-10)


def test_variants_that_have_nothing_of_their_sample_are_about_0_and_some_of_them_below() -> None:
    random = np.random.default_rng(0)
    grid, reference = random.standard_normal((480, 30, 100)), random.standard_normal((480, 100))
    found = cka_of(grid, reference)
    assert abs(found.values[0]) < 0.02
    assert (curve(found) < 0).any()


def test_more_noise_leaves_less() -> None:
    random = np.random.default_rng(0)
    reference = random.standard_normal((320, 20))
    noise = random.standard_normal((320, 4, 20)) * np.array([0.1, 0.5, 1, 3])[:, None]
    found = cka_of(reference[:, None] + noise, reference)
    assert (np.diff(curve(found)[:, 0]) < 0).all()
    # Of isotropic features HSIC(K, L) is what both have in common: 1 against 1 + the variance of the noise.
    np.testing.assert_allclose(curve(found)[:, 0], 1 / (1 + np.array([0.1, 0.5, 1, 3]) ** 2), atol=0.05)


@given(samples=st.integers(4, 7), units=st.integers(1, 40), seed=st.integers(0, 999))
@settings(max_examples=50)
def test_is_never_beyond_1(samples: int, units: int, seed: int) -> None:
    reference = draw(samples, 1, units, seed)[:, 0]
    grid = np.stack([reference, -reference, 3 * reference, draw(samples, 1, units, seed + 1)[:, 0]], axis=1)
    found = curve(cka_of(grid, reference))
    assert (np.abs(found) <= 1).all()
    np.testing.assert_allclose(found[:3], np.ones((3, 1)), rtol=1e-9)


def test_a_mean_far_above_the_deviation_costs_few_digits() -> None:
    grid, reference = sample(20, 3, 30)
    high, high_reference = grid + np.float32(1e4), reference + np.float32(1e4)
    exact = cka_of(as_doubles(high) - 1e4, as_doubles(high_reference) - 1e4)
    np.testing.assert_allclose(curve(cka_of(high, high_reference)), curve(exact), rtol=1e-9)
    assert not np.allclose(curve(exact), 1, atol=0.01)


@pytest.mark.parametrize("value", [0, 0.1, -1e20], ids=str)
def test_a_constant_layer_is_dead_and_has_no_value(value: float) -> None:
    grid = np.full((20, 4, 6), value, dtype=np.float32)
    found = cka_of(grid, grid[:, 0])
    assert np.isnan(found.values).all()
    assert np.isnan(curve(found)).all()
    assert found.dead.tolist() == [True]


def test_a_transform_that_makes_all_samples_alike_leaves_no_value_and_nothing_is_broken() -> None:
    grid, reference = sample(20, 3, 9)
    grid[:, 1] = 5
    found = cka_of(grid, reference)
    assert found.silent is not None
    assert np.isnan(curve(found)[:, 0]).tolist() == [False, True, False]
    assert np.isnan(found.values).all()
    assert (found.dead.tolist(), found.silent.tolist()) == ([False], [True])


def test_without_a_block_of_four_samples_there_is_no_value_and_nothing_is_broken() -> None:
    grid, reference = sample(9, 2, 5)
    found = cka_of(grid, reference, groups=3)
    assert np.isnan(found.values).all()
    assert found.silent is not None
    assert (found.dead.tolist(), found.silent.tolist()) == ([False], [True])


def test_rounding_tells_no_samples_apart() -> None:
    jitter = np.random.default_rng(1).choice([1, 1 + 2.0**-23], (20, 5, 40)).astype(np.float32)
    assert cka_of(np.float32(3) * jitter, np.float32(3) * jitter[:, 0]).dead.tolist() == [True]


@pytest.mark.parametrize("dtype", ["float16", "float32"])
def test_deviations_well_above_rounding_are_seen_in_layers_of_any_size(dtype: str) -> None:
    for units in (10, 3000):
        random = np.random.default_rng(0)
        size = 20 * float(np.finfo(dtype).eps)
        reference = (1 + size * random.standard_normal((16, units))).astype(dtype)
        assert cka_of(reference[:, None], reference).values.tolist() == [1]


@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf], ids=str)
@pytest.mark.parametrize("where", ["a variant", "an untransformed sample"])
def test_non_finite_activations_end_as_nan_and_are_not_dead(bad: float, where: str) -> None:
    grid, reference = sample(20, 4, 5)
    if where == "a variant":
        grid[1, 2, 3] = bad
    else:
        reference[1, 3] = bad
    found = cka_of(grid, reference)
    assert found.silent is not None
    assert np.isnan(found.values).all()
    spoiled = [False, False, True, False] if where == "a variant" else [True] * 4
    assert np.isnan(curve(found)[:, 0]).tolist() == spoiled
    assert not found.dead.any()
    assert not found.silent.any()


def test_needs_samples_in_random_order() -> None:
    (need,) = MEASURE.needed()
    assert not need.lacking(Facts(samples=9, transforms=4))
    assert "random" in need.lacking(Facts(samples=9, transforms=4, stratified=True))
