"""Transformational, sample and normalized variance against the brute force, the zero rule and known identities."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.special import gammaln

from onnxinv.errors import UsageError
from onnxinv.measures import Units, measures
from onnxinv.measures.dispersion import c4
from tests.measures import brute_force
from tests.measures.brute_force import Rule, channels_of
from tests.measures.grids import as_doubles, draw, with_special_units
from tests.measures.states import compute, dead, per_unit, state_of

NV, TV, SV = "normalized-variance", "transformational-variance", "sample-variance"
VARIANTS = [
    pytest.param("", Rule(), id="deviations"),
    pytest.param(":dispersion=var", Rule(dispersion="var"), id="variances"),
    pytest.param(":unbiased=true", Rule(unbiased=True), id="unbiased deviations"),
]
SHAPES = [
    pytest.param((3, 2, 2), 0, id="feature maps, channels first"),
    pytest.param((2, 2, 3), 2, id="feature maps, channels last"),
    pytest.param((4, 3), 1, id="tokens"),
    pytest.param((12,), 0, id="dense"),
]

variants = pytest.mark.parametrize(("parameters", "rule"), VARIANTS)


@variants
@given(samples=st.integers(2, 8), transforms=st.integers(2, 8), units=st.integers(1, 6), seed=st.integers(0, 2**32 - 1))
@settings(max_examples=30)
def test_equal_the_brute_force(
    parameters: str, rule: Rule, samples: int, transforms: int, units: int, seed: int
) -> None:
    grid = draw(samples, transforms, units, seed)
    exact = as_doubles(grid)
    np.testing.assert_allclose(
        compute(TV + parameters, grid), brute_force.transformational_variance(exact, rule), 1e-11
    )
    np.testing.assert_allclose(compute(SV + parameters, grid), brute_force.sample_variance(exact, rule), 1e-11)
    np.testing.assert_allclose(compute(NV + parameters, grid), brute_force.normalized_variance(exact, rule=rule), 1e-11)


@variants
@pytest.mark.parametrize(("shape", "axis"), SHAPES)
def test_equal_the_brute_force_by_channel(parameters: str, rule: Rule, shape: tuple[int, ...], axis: int) -> None:
    grid = with_special_units(7, 5)
    units, channels = Units.of(shape, axis, "float32", per_unit=False), channels_of(shape, axis)
    exact = as_doubles(grid)
    for measure, expected in (
        (TV, brute_force.spatial(brute_force.transformational_variance(exact, rule), channels)),
        (SV, brute_force.spatial(brute_force.sample_variance(exact, rule), channels)),
        (NV, brute_force.normalized_variance(exact, channels, rule)),
    ):
        np.testing.assert_allclose(compute(measure + parameters, grid, units), expected, rtol=1e-11)


@variants
@pytest.mark.parametrize(("shape", "axis"), SHAPES)
def test_equal_the_brute_force_by_unit(parameters: str, rule: Rule, shape: tuple[int, ...], axis: int) -> None:
    grid = with_special_units(7, 5)
    units = Units.of(shape, axis, "float32", per_unit=True)
    expected = brute_force.normalized_variance(as_doubles(grid), rule=rule)
    np.testing.assert_allclose(compute(NV + parameters, grid, units), expected, rtol=1e-11)


@variants
def test_special_units_have_the_values_of_the_quotient_rule(parameters: str, rule: Rule) -> None:
    grid = with_special_units(7, 5)
    values = compute(NV + parameters, grid)
    assert values[:4].tolist() == [1, 1, 0, math.inf]
    assert np.all(np.isfinite(values[4:]) & (values[4:] > 0))
    for measure in (NV, TV, SV):
        assert dead(measure + parameters, grid).tolist() == [True, True] + [False] * 10


@variants
def test_a_channel_is_dead_only_where_all_its_units_are(parameters: str, rule: Rule) -> None:
    grid = with_special_units(7, 5)[..., [0, 1, 0, 4, 2, 0]]
    units = Units.of((3, 2), 0, "float32", per_unit=False)
    assert dead(NV + parameters, grid, units).tolist() == [True, False, False]
    assert compute(NV + parameters, grid, units)[[0, 2]].tolist() == [1, 0]


@variants
def test_with_one_transform_nothing_varies_with_it(parameters: str, rule: Rule) -> None:
    grid = draw(6, 1, 4)
    grid[..., 0] = 3
    assert not compute(TV + parameters, grid).any()
    assert compute(NV + parameters, grid).tolist() == [1, 0, 0, 0]
    expected = brute_force.sample_variance(as_doubles(grid), rule)
    np.testing.assert_allclose(compute(SV + parameters, grid), expected, rtol=1e-12)


@variants
def test_two_samples_are_enough(parameters: str, rule: Rule) -> None:
    grid = draw(2, 5, 6)
    expected = brute_force.normalized_variance(as_doubles(grid), rule=rule)
    np.testing.assert_allclose(compute(NV + parameters, grid), expected, rtol=1e-11)


def test_transformational_variance_of_one_sample_is_its_own_deviation() -> None:
    grid = draw(1, 5, 6)
    np.testing.assert_allclose(compute(TV, grid), as_doubles(grid)[0].std(axis=0, ddof=1), rtol=1e-12)


@pytest.mark.parametrize(("axis", "measure"), [(0, SV), (1, TV)], ids=["columns", "rows"])
@pytest.mark.parametrize(
    ("dtype", "epsilon"), [("float16", 2.0**-10), ("bfloat16", 2.0**-7), ("float32", 2.0**-23), ("float64", 2.0**-52)]
)
@pytest.mark.parametrize("parameters", ["", ":dispersion=var"], ids=["deviations", "variances"])
def test_jitter_of_an_ulp_is_zero_and_of_a_hundred_is_not(
    axis: int, measure: str, dtype: str, epsilon: float, parameters: str
) -> None:
    size = 20
    # Every second entry along the axis is off by so many epsilons: the deviation is about half of that.
    for ulps, seen in ((1, False), (100, True)):
        line = 1.0 + ulps * epsilon * (np.arange(size) % 2)
        grid = np.empty((size, size, 1))
        grid[...] = line.reshape((size, 1, 1) if axis == 0 else (1, size, 1))
        assert bool(compute(measure + parameters, grid, per_unit(1, dtype))[0]) == seen
        assert bool(dead(measure + parameters, grid, per_unit(1, dtype))[0]) != seen


# Between two doubles near 1 there is no room for deviations of 4 epsilons give or take a hundredth.
@pytest.mark.parametrize("dtype", ["float16", "float32"])
@pytest.mark.parametrize("factor", [0.99, 1.01], ids=["just below", "just above"])
@pytest.mark.parametrize("axis", [0, 1], ids=["columns", "rows"])
def test_the_limit_of_the_zero_rule_is_the_documented_one(dtype: str, factor: float, axis: int) -> None:
    limit = (1 if dtype == "float16" else 4) * float(np.finfo(dtype).eps)
    line = np.array([-1.0, 1.0, -1.0, 1.0])
    line *= factor * limit / line.std(ddof=1)
    grid = np.empty((4, 4, 1))
    grid[...] = 1 + line.reshape((4, 1, 1) if axis == 0 else (1, 4, 1))
    value = compute(SV if axis == 0 else TV, grid, per_unit(1, dtype))[0]
    assert (value == 0) == (factor < 1)


def test_rounding_is_relative_to_the_root_mean_square_not_to_the_mean() -> None:
    """Samples of +1 and -1 have columns of mean zero; an epsilon between transforms is rounding all the same."""
    grid = np.empty((6, 4, 1))
    grid[...] = (np.arange(6) % 2 * 2 - 1)[:, None, None] * (1 + 2.0**-23 * (np.arange(4) % 2))[None, :, None]
    assert compute(TV, grid).tolist() == [0]
    assert compute(NV, grid).tolist() == [0]
    assert compute(SV, grid)[0] > 1


def test_rounding_is_relative_to_the_unit_not_to_the_layer() -> None:
    tiny = draw(6, 4, 1) * np.float32(1e-20)
    large = draw(6, 4, 1, seed=1) * np.float32(1e20)
    together = compute(NV, np.concatenate([tiny, large], axis=2))
    np.testing.assert_allclose(together, [compute(NV, tiny)[0], compute(NV, large)[0]], rtol=1e-12)


def test_columns_that_round_are_set_to_zero_one_by_one() -> None:
    grid = draw(6, 4, 1)
    grid[:, 2] = 1 + 2.0**-23 * (np.arange(6)[:, None] % 2)
    expected = brute_force.sample_variance(as_doubles(grid))
    columns = as_doubles(grid).std(axis=0, ddof=1)[:, 0]
    np.testing.assert_allclose(expected, columns[[0, 1, 3]].sum() / 4, rtol=1e-15)
    np.testing.assert_allclose(compute(SV, grid), expected, rtol=1e-12)


@pytest.mark.parametrize("dispersion", ["", ":dispersion=var"])
def test_rows_that_round_are_set_to_zero_one_by_one(dispersion: str) -> None:
    grid = draw(6, 4, 1)
    grid[2] = 1 + 2.0**-23 * (np.arange(4)[:, None] % 2)
    rows = as_doubles(grid).std(axis=1, ddof=1)[[0, 1, 3, 4, 5], 0]
    expected = (rows**2 if dispersion else rows).sum() / 6
    np.testing.assert_allclose(compute(TV + dispersion, grid), expected, rtol=1e-13)


@pytest.mark.parametrize("dispersion", ["std", "var"])
def test_rows_that_round_in_half_precision_are_set_to_zero_one_by_one(dispersion: str) -> None:
    """Some rows vary by a two-thousandth of the unit's size, which float16 cannot tell from none, others by half."""
    grid = 1 + np.random.default_rng(0).standard_normal((12, 6, 8)).astype(np.float32) * 5e-4
    grid[::3] += np.random.default_rng(1).standard_normal((4, 6, 8)).astype(np.float32) / 2
    units = per_unit(8, "float16")
    measure = measures.build(f"transformational-variance:dispersion={dispersion}")
    state = state_of(grid, measure, resolution=units.resolution)
    (found,) = measure.compute(state, units).values()
    coarse, fine = (
        brute_force.transformational_variance(as_doubles(grid), Rule(dtype, dispersion))
        for dtype in ("float16", "float32")
    )
    np.testing.assert_allclose(found.values, coarse, rtol=1e-10)
    assert np.all(coarse < fine)


def test_rows_that_round_are_kept_beside_others_where_too_many_of_them_come() -> None:
    samples = 5000
    grid = draw(samples, 4, 1)
    grid[1:] = 1 + 2.0**-23 * (np.arange(4)[:, None] % 2)
    exact = as_doubles(grid)
    excess = compute(TV, grid)[0] - brute_force.transformational_variance(exact)[0]
    assert 0 < excess <= brute_force.rounding("float32") * np.sqrt((exact**2).mean())


@pytest.mark.parametrize(("count", "value"), [(2, 0.797885), (8, 0.965030), (49, 0.994806)])
def test_c4_has_its_tabulated_values(count: int, value: float) -> None:
    assert c4(count) == pytest.approx(value, abs=5e-7)


def test_c4_equals_its_formula() -> None:
    for count in range(2, 2000):
        formula = math.sqrt(2 / (count - 1)) * math.exp(gammaln(count / 2) - gammaln((count - 1) / 2))
        assert c4(count) == pytest.approx(formula, rel=1e-11)


@pytest.mark.parametrize("parameters", ["", ":dispersion=var", ":unbiased=true"])
@pytest.mark.parametrize(("factor", "shift"), [(1e-6, 0.0), (-3.0, 100.0), (1e4, -1e5)])
def test_normalized_variance_ignores_scale_and_shift(parameters: str, factor: float, shift: float) -> None:
    grid = as_doubles(draw(6, 5, 8))
    moved = compute(NV + parameters, factor * grid + shift, per_unit(8, "float64"))
    np.testing.assert_allclose(moved, compute(NV + parameters, grid, per_unit(8, "float64")), rtol=1e-9)


@pytest.mark.parametrize(("samples", "transforms"), [(2, 2), (3, 7), (20, 4)])
def test_variances_are_a_quotient_of_sums_of_squares(samples: int, transforms: int) -> None:
    grid = draw(samples, transforms, 10)
    parts = brute_force.sums_of_squares(as_doubles(grid))
    population = (parts["transform"] + parts["interaction"]) / (parts["sample"] + parts["interaction"])
    correction = (transforms / (transforms - 1)) * ((samples - 1) / samples)
    np.testing.assert_allclose(compute(f"{NV}:dispersion=var", grid), population * correction, rtol=1e-11)


@pytest.mark.parametrize(("samples", "transforms"), [(6, 2), (2, 6), (4, 16)])
def test_noise_gives_the_quotient_of_the_corrections_and_one_without_bias(samples: int, transforms: int) -> None:
    units = 30_000
    grid = np.random.default_rng(0).standard_normal((samples, transforms, units), dtype=np.float32)
    channel = Units.of((1, units), 0, "float32", per_unit=False)
    # A deviation of k values has a relative spread below 0.8; there are at least `units` independent ones.
    tolerance = 5 * 0.8 / math.sqrt(units)
    assert compute(NV, grid, channel)[0] == pytest.approx(c4(transforms) / c4(samples), rel=tolerance)
    assert compute(f"{NV}:unbiased=true", grid, channel)[0] == pytest.approx(1, rel=tolerance)
    assert compute(f"{NV}:dispersion=var", grid, channel)[0] == pytest.approx(1, rel=2 * tolerance)
    assert abs(c4(transforms) / c4(samples) - 1) > 2 * tolerance


def test_without_bias_variances_are_refused() -> None:
    with pytest.raises(UsageError, match="variances with ddof 1 need no correction"):
        measures.build(f"{NV}:dispersion=var,unbiased=true")


@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf], ids=str)
@pytest.mark.parametrize("measure", [NV, TV, SV, f"{NV}:dispersion=var", f"{NV}:unbiased=true"])
def test_non_finite_activations_end_as_nan_in_their_channel_alone(measure: str, bad: float) -> None:
    clean = with_special_units(6, 4)
    grid = clean.copy()
    grid[2, 3, 5] = bad
    units = Units.of((6, 2), 0, "float32", per_unit=False)
    found, expected = compute(measure, grid, units), compute(measure, clean, units)
    assert np.isnan(found).tolist() == [False, False, True, False, False, False]
    np.testing.assert_array_equal(np.delete(found, 2), np.delete(expected, 2))
    assert not dead(measure, grid, units)[2]
