"""Goodfellow's score against loops over samples and transforms, and on units that are known to be invariant or not."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from onnxinv.measures import Units, Values, measures
from tests.measures.brute_force import channels_of
from tests.measures.grids import draw, shaped
from tests.measures.states import per_unit, state_of

nan = math.nan


def values_of(
    grid: np.ndarray, reference: np.ndarray | None = None, units: Units | None = None, name: str = "goodfellow"
) -> Values:
    built = measures.build(name)
    state = state_of(grid, built, reference=reference)
    with np.errstate(all="ignore"):
        return built.compute(state, units or per_unit(grid.shape[2]))[name]


def score_of(grid: np.ndarray, reference: np.ndarray | None = None) -> np.ndarray:
    return values_of(grid, reference).values


def by_force(grid: np.ndarray, reference: np.ndarray | None = None) -> list[float]:
    """Return the score of every unit, or nan, by looking at one activation after the other."""
    known = grid[:, 0] if reference is None else reference
    samples, transforms, units = grid.shape
    k = min(max(1, math.ceil(samples / 100)), samples - 1)
    scores = []
    for unit in range(units):
        found = []
        for sign in (1, -1):
            threshold = sorted((sign * float(value) for value in known[:, unit]), reverse=True)[k]
            fires = [i for i in range(samples) if sign * float(known[i, unit]) > threshold]
            if fires:
                rates = [
                    sum(sign * float(grid[i, j, unit]) > threshold for j in range(transforms)) / transforms
                    for i in fires
                ]
                found.append(sum(rates) / len(rates) / (len(fires) / samples))
        scores.append(max(found, default=nan))
    return scores


@given(
    samples=st.integers(2, 210),
    transforms=st.integers(1, 6),
    units=st.integers(1, 4),
    kind=st.sampled_from(["smooth", "ties", "rectified"]),
    identity=st.booleans(),
    seed=st.integers(0, 2**31),
)
@settings(max_examples=60)
def test_equals_the_brute_force(
    samples: int, transforms: int, units: int, kind: str, identity: bool, seed: int
) -> None:
    drawn = shaped(draw(samples, transforms + 1, units, seed), kind)
    grid, reference = (drawn, None) if identity else (drawn[:, 1:], drawn[:, 0])
    np.testing.assert_allclose(score_of(grid, reference), by_force(grid, reference), rtol=1e-12)


@pytest.mark.parametrize("kind", ["smooth", "ties", "rectified"])
def test_equals_the_brute_force_where_ten_of_a_thousand_samples_fire(kind: str) -> None:
    grid = shaped(draw(1000, 4, 8), kind)
    np.testing.assert_allclose(score_of(grid), by_force(grid), rtol=1e-12)


def test_equals_the_brute_force_far_from_zero() -> None:
    grid = draw(300, 5, 6) + np.float32(1e4)
    np.testing.assert_allclose(score_of(grid), by_force(grid), rtol=1e-12)


@pytest.mark.parametrize(("samples", "highest"), [(2, 2), (30, 30), (100, 100), (1000, 100), (150, 75)])
def test_an_invariant_unit_scores_one_over_the_rate_at_which_it_fires(samples: int, highest: float) -> None:
    grid = np.repeat(draw(samples, 1, 5), 4, axis=1)
    np.testing.assert_allclose(score_of(grid), [highest] * 5, rtol=1e-12)


def test_a_unit_that_never_fires_on_a_variant_scores_zero() -> None:
    reference = draw(50, 1, 5)[:, 0]
    assert score_of(np.zeros((50, 3, 5)) + np.median(reference, axis=0), reference).tolist() == [0] * 5


def test_a_unit_that_forgets_the_sample_scores_about_one_or_what_chance_adds_to_the_better_sign() -> None:
    grid = np.random.default_rng(0).standard_normal((2000, 51, 20)).astype(np.float32)
    scores = score_of(grid[:, 1:], grid[:, 0])
    assert 0.9 < scores.min() < scores.max() < 2


def test_the_better_of_both_signs_is_kept() -> None:
    base = np.linspace(-1, 1, 101)[:, None]
    high, low = (np.repeat(base, 4, axis=1) for _ in range(2))
    high[:2, 2:] = 0  # the two smallest are lost under half of the transforms
    low[-2:, 2:] = 0
    assert score_of(np.stack([high, low, -high, -low], axis=2)).tolist() == pytest.approx([50.5] * 4)
    both = np.where(np.abs(base) > 0.97, np.array([1, 1, 0, 0]) * base, base)
    assert score_of(both[..., None]).tolist() == pytest.approx([25.25])


def test_a_rectified_unit_that_seldom_responds_is_measured_by_the_samples_that_it_responds_to() -> None:
    grid = np.zeros((1000, 4, 1))
    grid[7] = 1
    grid[500, :2] = 2
    assert score_of(grid).tolist() == pytest.approx([0.75 / 0.002])


@pytest.mark.parametrize("scale", [4.0, 0.5, -1.0, -8.0])
def test_does_not_depend_on_the_scale_or_the_sign_of_a_unit(scale: float) -> None:
    grid = draw(150, 6, 8)
    np.testing.assert_array_equal(score_of(np.float32(scale) * grid), score_of(grid))


def test_does_not_depend_on_the_order_of_samples_or_transforms() -> None:
    grid, generator = draw(150, 6, 8), np.random.default_rng(0)
    samples, transforms = generator.permutation(150), generator.permutation(6)
    shuffled = grid[samples][:, transforms]
    np.testing.assert_array_equal(score_of(shuffled, grid[samples, 0]), score_of(grid))


def test_units_that_no_untransformed_sample_excites_are_silent_and_left_out_of_their_channel() -> None:
    grid = draw(40, 5, 6)
    grid[..., 0] = 0.1
    grid[..., 1] = grid[:1, :, 1]  # of the transform alone
    grid[:, 0, 2] = np.arange(40) % 2  # ties at both ends
    found = values_of(grid)
    assert np.isnan(found.values).tolist() == [True] * 3 + [False] * 3
    assert found.silent is not None
    assert found.silent.tolist() == found.dead.tolist() == [True] * 3 + [False] * 3
    by_channel = values_of(grid, units=Units.of((3, 2), 0, "float32", per_unit=False))
    assert by_channel.silent is not None
    assert by_channel.silent.tolist() == by_channel.dead.tolist() == [True, False, False]
    expected = [nan, found.values[3], found.values[4:].mean()]
    np.testing.assert_allclose(by_channel.values, expected, rtol=1e-12)


@pytest.mark.parametrize("shift", [0.0, 5.0], ids=["constant", "of the transform alone"])
@pytest.mark.parametrize(("dtype", "ulp"), [("float32", 2.0**-23), ("float64", 2.0**-52), ("float16", 2.0**-10)])
def test_an_ulp_of_jitter_does_not_fire(dtype: str, ulp: float, shift: float) -> None:
    jitter = np.random.default_rng(0).integers(0, 2, (60, 5, 3)) * ulp
    grid = (1 + jitter + shift * np.arange(5)[:, None]).astype(dtype)
    grid[:, 0] = (1 + np.random.default_rng(1).integers(0, 2, (60, 3)) * ulp).astype(dtype)
    grid[3, 0] = np.asarray(1 + 2 * ulp, dtype)
    assert not np.isnan(by_force(grid)).any()
    found = values_of(grid, units=per_unit(3, dtype))
    assert np.isnan(found.values).all()
    assert found.silent is not None
    assert found.silent.all()


def test_a_unit_that_only_transforms_hold_still_is_not_silent() -> None:
    reference = draw(50, 1, 3)[:, 0]
    found = values_of(np.full((50, 4, 3), 1e3, np.float32), reference)
    np.testing.assert_allclose(found.values, [50] * 3)
    assert not found.dead.any()


def test_one_sample_cannot_fire() -> None:
    found = values_of(draw(1, 5, 4))
    assert np.isnan(found.values).all()
    assert found.silent is not None
    assert found.silent.all()


@pytest.mark.parametrize("value", [nan, math.inf, -math.inf])
@pytest.mark.parametrize("place", [(0, 0), (7, 0), (7, 3)], ids=["first", "untransformed", "variant"])
def test_units_that_are_not_finite_are_broken_not_silent(value: float, place: tuple[int, int]) -> None:
    grid = draw(40, 5, 6)
    spoilt = grid.copy()
    spoilt[(*place, 2)] = value
    spoilt[..., 0] = grid[..., 0] = 0
    with np.errstate(invalid="ignore"):
        found = values_of(spoilt)
        by_channel = values_of(spoilt, units=Units.of((3, 2), 0, "float32", per_unit=False))
    np.testing.assert_array_equal(found.values, np.where(np.arange(6) == 2, nan, score_of(grid)))
    assert found.silent is not None
    assert found.silent.tolist() == [True] + [False] * 5
    assert np.isnan(by_channel.values).tolist() == [False, True, False]
    assert not by_channel.dead.any()


def test_a_reference_outside_the_transform_set_that_is_not_finite_breaks_the_unit() -> None:
    grid, reference = draw(40, 5, 3), draw(40, 1, 3)[:, 0]
    reference[9, 1] = nan
    with np.errstate(invalid="ignore"):
        found = values_of(grid, reference)
    assert np.isnan(found.values).tolist() == [False, True, False]
    assert not found.dead.any()


def top20_by_force(scores: list[float]) -> float:
    known = sorted((score for score in scores if not math.isnan(score)), reverse=True)
    best = known[: math.ceil(len(known) / 5)]
    return sum(best) / len(best)


@pytest.mark.parametrize("count", [1, 4, 5, 6, 10, 11, 35])
def test_the_top_is_a_fifth_of_the_units_rounded_up(count: int) -> None:
    grid = draw(120, 7, count)
    expected = top20_by_force(by_force(grid))
    assert values_of(grid, name="goodfellow-top20").values.tolist() == pytest.approx([expected], rel=1e-12)


def test_the_top_leaves_out_silent_and_broken_units() -> None:
    grid = draw(120, 7, 14)
    grid[..., :3] = 0
    grid[3, 4, 3] = nan
    with np.errstate(invalid="ignore"):
        found = values_of(grid, name="goodfellow-top20")
    assert found.values.tolist() == pytest.approx([top20_by_force(by_force(grid[..., 4:]))], rel=1e-12)
    assert found.dead.tolist() == [False]


def test_the_top_is_of_units_whatever_their_channels() -> None:
    grid = draw(120, 7, 12)
    channel = channels_of((4, 3), 0)
    by_channel = values_of(grid, units=Units(channel, 4, 2.0**-21), name="goodfellow-top20")
    assert by_channel.values.tolist() == values_of(grid, name="goodfellow-top20").values.tolist()


def test_a_layer_of_silent_units_is_silent_and_a_broken_one_is_not() -> None:
    grid = np.zeros((20, 3, 4), np.float32)
    silent = values_of(grid, name="goodfellow-top20")
    grid[0, 0, 0] = nan
    with np.errstate(invalid="ignore"):
        broken = values_of(grid, name="goodfellow-top20")
    assert np.isnan([silent.values, broken.values]).all()
    assert (silent.dead.tolist(), broken.dead.tolist()) == ([True], [False])
