"""The firing ratio against comparing the whole grid, and what it cannot tell apart."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm

from onnxinv.measures import Units, Values, measures
from tests.measures.grids import draw, shaped
from tests.measures.states import compute, per_unit, state_of

nan, inf = math.nan, math.inf


def values_of(grid: np.ndarray, reference: np.ndarray | None = None, units: Units | None = None) -> Values:
    built = measures.build("firing-ratio")
    with np.errstate(all="ignore"):
        state = state_of(grid, built, reference=reference)
        return built.compute(state, units or per_unit(grid.shape[2]))["firing-ratio"]


def by_force(grid: np.ndarray, reference: np.ndarray | None = None) -> list[float]:
    """Return the ratio of every unit, nan where no activation exceeds its limit."""
    known = (grid[:, 0] if reference is None else reference).astype(np.float64)
    samples, transforms, units = grid.shape
    ratios = []
    for unit in range(units):
        mean = math.fsum(known[:, unit]) / samples
        std = math.sqrt(math.fsum((known[:, unit] - mean) ** 2) / (samples - 1))
        limit = mean + norm.ppf(0.99) * std
        above = sum(float(grid[i, j, unit]) > limit for i in range(samples) for j in range(transforms))
        before = sum(float(known[i, unit]) > limit for i in range(samples))
        rate = above / (samples * transforms)
        ratios.append(rate / (before / samples) if before else inf if above else nan)
    return ratios


@given(
    samples=st.integers(2, 150),
    transforms=st.integers(1, 6),
    units=st.integers(1, 4),
    kind=st.sampled_from(["smooth", "rectified"]),
    identity=st.booleans(),
    seed=st.integers(0, 2**31),
)
@settings(max_examples=60)
def test_equals_the_brute_force(
    samples: int, transforms: int, units: int, kind: str, identity: bool, seed: int
) -> None:
    drawn = shaped(draw(samples, transforms + 1, units, seed), kind)
    grid, reference = (drawn, None) if identity else (drawn[:, 1:], drawn[:, 0])
    np.testing.assert_allclose(values_of(grid, reference).values, by_force(grid, reference), rtol=1e-12)


@pytest.mark.parametrize("kind", ["smooth", "ties", "rectified"])
@pytest.mark.parametrize("offset", [0.0, 1e4])
def test_equals_the_brute_force_on_a_thousand_samples(kind: str, offset: float) -> None:
    grid = shaped(draw(1000, 4, 8), kind) + np.float32(offset)
    np.testing.assert_allclose(values_of(grid).values, by_force(grid), rtol=1e-12)


def test_cannot_tell_an_invariant_unit_from_one_with_the_same_values_in_every_column() -> None:
    generator = np.random.default_rng(0)
    values = generator.standard_normal((1000, 1, 1)).astype(np.float32)
    invariant = np.repeat(values, 12, axis=1)
    shuffled = np.concatenate([values, generator.permuted(invariant[:, 1:], axis=0)], axis=1)
    grid = np.concatenate([invariant, shuffled], axis=2)
    np.testing.assert_array_equal(np.sort(grid[..., 0], axis=0), np.sort(grid[..., 1], axis=0))

    ratio, score = compute("firing-ratio", grid), compute("goodfellow", grid)
    assert ratio.tolist() == [1, 1]
    assert score[0] == pytest.approx(100)
    assert score[1] < 15
    variance = compute("normalized-variance", grid)
    assert variance[0] == 0
    assert variance[1] > 0.9


def test_is_infinite_where_only_variants_fire() -> None:
    reference = draw(50, 1, 3)[:, 0]
    grid = np.repeat(reference[:, None], 4, axis=1)
    grid[20, 2, 1] = 100
    assert values_of(grid, reference).values[1] == inf
    assert not values_of(grid, reference).dead[1]


def test_is_silent_where_nothing_fires_and_silent_units_are_left_out_of_their_channel() -> None:
    grid = draw(400, 5, 6)
    grid[..., 0] = 0.1
    grid[..., 1] = np.linspace(0, 1, 400)[:, None]
    grid[..., 2] = 0
    grid[7, :, 2] = 1
    grid[7, 1, 2] = 0
    found = values_of(grid)
    assert found.silent is not None
    assert found.silent.tolist() == np.isnan(found.values).tolist() == [True] * 2 + [False] * 4
    assert found.dead.tolist() == [True] + [False] * 5
    by_channel = values_of(grid, units=Units.of((2, 3), 0, "float32", per_unit=False))
    np.testing.assert_allclose(by_channel.values, [0.8, found.values[3:].mean()], rtol=1e-12)
    assert by_channel.silent is not None
    assert not by_channel.silent.any()
    assert not by_channel.dead.any()


@pytest.mark.parametrize(("samples", "expected"), [(7, nan), (8, 1)])
def test_eight_samples_are_the_fewest_with_which_an_untransformed_one_can_fire(samples: int, expected: float) -> None:
    assert measures.get("firing-ratio").samples_needed == 8
    grid = np.zeros((samples, 3, 1))
    grid[0] = 1
    np.testing.assert_allclose(values_of(grid).values, [expected])


@pytest.mark.parametrize(("dtype", "ulp"), [("float32", 2.0**-23), ("float64", 2.0**-52), ("float16", 2.0**-10)])
def test_an_ulp_of_jitter_does_not_fire(dtype: str, ulp: float) -> None:
    grid = np.full((60, 5, 2), 1.0)
    grid[4, 0] = grid[9, 3] = 1 + ulp
    grid[:, 2, 1] = 3  # of the transform alone
    assert np.isfinite(by_force(grid)).all()
    found = values_of(grid.astype(dtype), units=per_unit(2, dtype))
    np.testing.assert_array_equal(found.values, [nan, inf])
    assert found.dead.tolist() == [True, False]


@pytest.mark.parametrize("value", [nan, inf, -inf])
@pytest.mark.parametrize("place", [(0, 0), (7, 0), (7, 3)], ids=["first", "untransformed", "variant"])
def test_units_that_are_not_finite_are_broken_not_silent(value: float, place: tuple[int, int]) -> None:
    grid = draw(400, 5, 3)
    spoilt = grid.copy()
    spoilt[(*place, 1)] = value
    found = values_of(spoilt)
    np.testing.assert_array_equal(found.values, np.where(np.arange(3) == 1, nan, values_of(grid).values))
    assert not found.dead.any()


def test_a_reference_outside_the_transform_set_that_is_not_finite_breaks_the_unit() -> None:
    grid, reference = draw(400, 5, 3), draw(400, 1, 3)[:, 0]
    reference[9, 1] = nan
    found = values_of(grid, reference)
    assert np.isnan(found.values).tolist() == [False, True, False]
    assert not found.dead.any()


def test_does_not_depend_on_the_order_of_samples_or_transforms() -> None:
    grid, generator = draw(400, 6, 8), np.random.default_rng(0)
    samples, transforms = generator.permutation(400), generator.permutation(6)
    shuffled = values_of(grid[samples][:, transforms], grid[samples, 0])
    np.testing.assert_allclose(shuffled.values, values_of(grid).values, rtol=1e-12)
