"""Repeated-measures analysis of variance against other ways to the same numbers and on known decompositions."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from onnxinv.measures import Units, measures
from onnxinv.measures.layer import SLICE_UNITS, measure_layer
from onnxinv.statistics import merge_states
from tests.measures import brute_force
from tests.measures.brute_force import channels_of, reduced_over_space, spatial
from tests.measures.grids import as_doubles, draw, with_special_units
from tests.measures.states import collected, compute, dead, state_of

F, ETA2 = PARTS = ("anova-repeated-f", "anova-repeated-eta2")


def found(grid: np.ndarray, units: Units | None = None) -> dict[str, np.ndarray]:
    return {part: compute("anova-repeated", grid, units, part) for part in PARTS}


def expected(grid: np.ndarray, channels: np.ndarray | None = None) -> dict[str, np.ndarray]:
    """Return both from sums of squares over the whole grid."""
    samples, transforms, _ = grid.shape
    sums = brute_force.sums_of_squares(as_doubles(grid))
    between = sums["transform"] / (transforms - 1)
    rest = sums["interaction"] / ((transforms - 1) * (samples - 1))
    parts = {F: between / rest, ETA2: sums["transform"] / (sums["transform"] + sums["interaction"])}
    return parts if channels is None else {part: spatial(values, channels) for part, values in parts.items()}


def residual_of_fit(grid: np.ndarray, factors: list[int]) -> np.ndarray:
    """Return the squared residuals of a least-squares fit of one level for every index of these axes."""
    samples, transforms, units = grid.shape
    index = [axis.reshape(-1) for axis in np.indices((samples, transforms))]
    design = np.hstack(
        [np.ones((samples * transforms, 1)), *(np.eye(grid.shape[axis])[index[axis]] for axis in factors)]
    )
    flat = as_doubles(grid).reshape(-1, units)
    return np.square(flat - design @ np.linalg.lstsq(design, flat, rcond=None)[0]).sum(axis=0)


@given(samples=st.integers(2, 8), transforms=st.integers(2, 8), units=st.integers(1, 6), seed=st.integers(0, 2**32 - 1))
@settings(max_examples=40)
def test_equals_the_brute_force(samples: int, transforms: int, units: int, seed: int) -> None:
    grid = draw(samples, transforms, units, seed)
    values, brute = found(grid), expected(grid)
    np.testing.assert_allclose(values[F], brute[F], rtol=1e-7)
    np.testing.assert_allclose(values[ETA2], brute[ETA2], rtol=0, atol=1e-9)


def test_equals_what_the_transforms_add_to_a_linear_model_of_the_samples() -> None:
    grid = draw(9, 6, 20)
    without, fitted = residual_of_fit(grid, [0]), residual_of_fit(grid, [0, 1])
    values = found(grid)
    np.testing.assert_allclose(values[F], ((without - fitted) / 5) / (fitted / 40), rtol=1e-9)
    np.testing.assert_allclose(values[ETA2], (without - fitted) / without, rtol=1e-9)


@pytest.mark.parametrize("samples", [2, 30])
def test_of_two_transforms_it_is_the_square_of_the_paired_t(samples: int) -> None:
    grid = draw(samples, 2, 12)
    t = stats.ttest_rel(*np.moveaxis(as_doubles(grid), 1, 0)).statistic
    np.testing.assert_allclose(found(grid)[F], t**2, rtol=1e-8)


def test_sees_a_shift_that_the_differences_between_samples_hide_from_one_way_anova() -> None:
    generator = np.random.default_rng(0)
    grid = 100 * generator.standard_normal((20, 1, 8)) + np.arange(4)[:, None] + generator.standard_normal((20, 4, 8))
    assert np.all(compute("anova", grid, part="anova-f") < 0.1)
    assert np.all(found(grid)[F] > 10)


@pytest.mark.parametrize(
    ("shape", "axis"),
    [
        pytest.param((3, 2, 2), 0, id="channels first"),
        pytest.param((2, 2, 3), 2, id="channels last"),
        pytest.param((4, 3), 1, id="tokens"),
    ],
)
def test_channels_average_their_units(shape: tuple[int, ...], axis: int) -> None:
    grid = draw(7, 5, 12)
    values, brute = (
        found(grid, Units.of(shape, axis, "float32", per_unit=False)),
        expected(grid, channels_of(shape, axis)),
    )
    for part in PARTS:
        np.testing.assert_allclose(values[part], brute[part], rtol=1e-9)


@pytest.mark.parametrize("how", ["activation-mean", "activation-max"])
def test_of_reduced_activations_each_channel_has_its_own(how: str) -> None:
    grid = reduced_over_space(as_doubles(draw(7, 5, 300).reshape(7, 5, 30, 10)), 0, how)
    values, brute = found(grid, Units.of((30,), 0, "float32", per_unit=False)), expected(grid)
    for part in PARTS:
        np.testing.assert_allclose(values[part], brute[part], rtol=1e-9)


def test_slices_of_a_layer_give_the_values_of_the_whole() -> None:
    grid, units = draw(3, 3, 10_000), Units.of((5, 2000), 0, "float32", per_unit=False)
    assert grid.shape[2] > SLICE_UNITS
    state = state_of(grid)
    sliced = measure_layer([measures.build("anova-repeated")], collected([state]), units)
    for part in PARTS:
        np.testing.assert_allclose(sliced[part][0].values, found(grid, units)[part], rtol=1e-14)


def test_a_constant_unit_is_invariant_and_dead() -> None:
    grid = with_special_units(7, 5)
    for part in PARTS:
        assert found(grid)[part][:2].tolist() == [0, 0]
        assert dead("anova-repeated", grid, part=part).tolist() == [True, True] + [False] * 10


def test_a_unit_of_the_sample_alone_is_invariant() -> None:
    values = found(with_special_units(7, 5))
    assert [values[part][2] for part in PARTS] == [0, 0]


def test_a_unit_of_the_transform_alone_is_infinite_and_so_is_its_channel() -> None:
    grid = with_special_units(7, 5)
    assert [found(grid)[part][3] for part in PARTS] == [math.inf, 1]
    channels = found(grid, Units.of((3, 4), 0, "float32", per_unit=False))
    assert channels[F][0] == math.inf
    assert np.isfinite(channels[F][1:]).all()
    assert np.isfinite(channels[ETA2]).all()


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
@pytest.mark.parametrize("scale", [0.01, 1, 100])
def test_a_shift_that_all_samples_share_is_infinite_whatever_rounding_leaves(dtype: type, scale: float) -> None:
    generator = np.random.default_rng(0)
    samples, shifts = generator.standard_normal((9, 1, 40)), scale * generator.standard_normal((1, 4, 40))
    grid = samples.astype(dtype) + shifts.astype(dtype)
    units = Units.of((40,), 0, np.dtype(dtype).name, per_unit=True)
    values = found(grid, units)
    assert values[F].tolist() == [math.inf] * 40
    assert values[ETA2].tolist() == [1] * 40


def test_pure_interaction_has_nothing_in_common() -> None:
    values = found(np.array([[1.0, -1.0], [-1.0, 1.0]])[..., None])
    assert [values[part][0] for part in PARTS] == [0, 0]
    assert not dead("anova-repeated", np.array([[1.0, -1.0], [-1.0, 1.0]])[..., None], part=F).any()


@pytest.mark.filterwarnings("error")
def test_with_one_transform_every_unit_is_invariant() -> None:
    values = found(with_special_units(6, 1))
    for part in PARTS:
        assert values[part].tolist() == [0] * 12


@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")
def test_non_finite_activations_end_as_nan_and_are_not_dead() -> None:
    grid = draw(6, 4, 3)
    grid[1, 2, 1] = np.inf
    for part in PARTS:
        assert np.isnan(found(grid)[part]).tolist() == [False, True, False]
        assert not dead("anova-repeated", grid, part=part).any()


def test_merged_groups_give_the_values_of_all_samples() -> None:
    grid = with_special_units(9, 4)
    merged = merge_states([state_of(part) for part in np.array_split(grid, 4)])
    family = measures.build("anova-repeated").compute(merged, Units.of((12,), 0, "float32", per_unit=True))
    for part in PARTS:
        np.testing.assert_allclose(family[part].values, found(grid)[part], rtol=1e-9)
