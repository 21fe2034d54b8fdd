"""One-way analysis of variance against scipy's test, and its correction for all the units of a layer."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from onnxinv.errors import UsageError
from onnxinv.measures import Units, measures
from onnxinv.measures.f_statistic import critical_value
from onnxinv.measures.layer import measure_layer
from onnxinv.statistics import merge_states
from tests.measures.brute_force import channels_of, reduced_over_space, spatial
from tests.measures.grids import as_doubles, draw, with_special_units
from tests.measures.states import collected, compute, dead, state_of

PARTS = ("anova-f", "anova-variant")
CHANNELS = (5, 1000)


def f_of(grid: np.ndarray, units: Units | None = None) -> np.ndarray:
    return compute("anova", grid, units, "anova-f")


def variant(grid: np.ndarray, units: Units | None = None, alpha: float | None = None) -> np.ndarray:
    parameters = "" if alpha is None else f":alpha={alpha}"
    return compute(f"anova{parameters}", grid, units, f"anova-variant{parameters}")


def f_of_scipy(grid: np.ndarray) -> np.ndarray:
    return stats.f_oneway(*np.moveaxis(as_doubles(grid), 1, 0)).statistic


def variant_of_scipy(grid: np.ndarray, tested: int) -> np.ndarray:
    samples, transforms, _ = grid.shape
    critical = stats.f.isf(0.01 / tested, transforms - 1, transforms * (samples - 1))
    return (f_of_scipy(grid) > critical).astype(float)


def around_the_critical_value() -> np.ndarray:
    """Return 2 samples x 2 transforms of a layer of 5000 units, whose F lie about its critical value.

    With samples of -1 and 1 and a shift of d, F = d^2 / 2.
    """
    f = stats.f.isf(0.01 / 5000, 1, 2) * np.random.default_rng(0).uniform(0.01, 2, 5000)
    shift = np.array([0.0, 1.0])[None, :, None] * np.sqrt(2 * f)
    return (np.array([-1.0, 1.0])[:, None, None] + shift).astype(np.float32)


@given(samples=st.integers(2, 8), transforms=st.integers(2, 8), units=st.integers(1, 6), seed=st.integers(0, 2**32 - 1))
@settings(max_examples=40)
def test_equals_the_test_of_scipy(samples: int, transforms: int, units: int, seed: int) -> None:
    grid = draw(samples, transforms, units, seed)
    np.testing.assert_allclose(f_of(grid), f_of_scipy(grid), rtol=1e-9)
    np.testing.assert_array_equal(variant(grid), variant_of_scipy(grid, units))


@pytest.mark.parametrize("count", [1, 64, 10**6, 10**9])
@pytest.mark.parametrize(("transforms", "samples"), [(2, 2), (3, 40), (49, 1000), (504, 100)])
@pytest.mark.parametrize("alpha", [0.5, 0.99, 0.999])
def test_the_critical_value_is_exceeded_with_the_corrected_chance(
    alpha: float, transforms: int, samples: int, count: int
) -> None:
    chance, degrees = (1 - alpha) / count, (transforms - 1, transforms * (samples - 1))
    found = critical_value(chance, *degrees)
    assert stats.f.sf(found, *degrees) == pytest.approx(chance, rel=1e-10)
    if count <= 64:  # scipy's own inverse loses digits as the chance gets smaller
        assert found == pytest.approx(stats.f.isf(chance, *degrees), rel=1e-6)


@pytest.mark.parametrize("degrees", [(0, 5), (3, 0)])
def test_without_degrees_of_freedom_nothing_exceeds_the_critical_value(degrees: tuple[int, int]) -> None:
    assert critical_value(0.01, *degrees) == math.inf


def test_noise_is_variant_as_often_as_the_confidence_allows() -> None:
    grid = np.random.default_rng(0).standard_normal((6, 5, 4000))
    one_by_one = [float(variant(grid[..., [unit]], alpha=0.9)[0]) for unit in range(600)]
    assert np.mean(one_by_one) == pytest.approx(0.1, abs=0.04)
    assert variant(grid, alpha=0.9).sum() <= 2


def test_more_confidence_calls_fewer_units_variant() -> None:
    grid = draw(5, 4, 300)
    strict, medium, loose = (variant(grid, alpha=alpha).sum() for alpha in (0.999999, 0.9, 0.5))
    assert strict < medium < loose


@pytest.mark.parametrize(
    ("shape", "axis"),
    [
        pytest.param((3, 2, 2), 0, id="channels first"),
        pytest.param((2, 2, 3), 2, id="channels last"),
        pytest.param((4, 3), 1, id="tokens"),
    ],
)
def test_channels_average_their_units(shape: tuple[int, ...], axis: int) -> None:
    grid, channels = draw(7, 5, 12), channels_of(shape, axis)
    units = Units.of(shape, axis, "float32", per_unit=False)
    np.testing.assert_allclose(f_of(grid, units), spatial(f_of_scipy(grid), channels), rtol=1e-9)
    expected = spatial(variant_of_scipy(grid, 12), channels)
    np.testing.assert_allclose(variant(grid, units), expected, rtol=1e-14)
    assert np.any((expected > 0) & (expected < 1))


@pytest.mark.parametrize("how", ["activation-mean", "activation-max"])
def test_of_reduced_activations_each_channel_is_tested(how: str) -> None:
    raw = draw(7, 5, 300).reshape(7, 5, 30, 10)
    grid = reduced_over_space(as_doubles(raw), 0, how)
    units = Units.of((30,), 0, "float32", per_unit=False)
    np.testing.assert_allclose(f_of(grid, units), f_of_scipy(grid), rtol=1e-9)
    np.testing.assert_array_equal(variant(grid, units), variant_of_scipy(grid, 30))


@pytest.mark.parametrize("whole", [True, False], ids=["units", "channels"])
def test_slices_of_a_layer_are_corrected_for_all_its_units(monkeypatch: pytest.MonkeyPatch, whole: bool) -> None:
    monkeypatch.setattr("onnxinv.measures.layer.SLICE_UNITS", 4000)
    grid = around_the_critical_value()
    units, state = Units.of(CHANNELS, 0, "float32", per_unit=whole), state_of(grid)
    found = measure_layer([measures.build("anova")], collected([state]), units)
    expected, wrong = (variant_of_scipy(grid, tested) for tested in (5000, 4000))
    if not whole:
        expected, wrong = (spatial(each, channels_of(CHANNELS, 0)) for each in (expected, wrong))
    np.testing.assert_allclose(found["anova-variant"][0].values, expected, rtol=1e-14)
    np.testing.assert_array_equal(found["anova-f"][0].values, f_of(grid, units))
    assert not np.allclose(expected, wrong)


def test_kept_units_are_corrected_for_all_units_of_the_layer() -> None:
    grid, kept = around_the_critical_value(), np.arange(0, 5000, 7)
    units = Units.of((5000,), 0, "float32", per_unit=True).take(kept).take(slice(10, 600))
    assert units.total == 5000
    some = kept[10:600]
    np.testing.assert_array_equal(variant(grid[..., some], units), variant_of_scipy(grid, 5000)[some])
    assert np.any(variant(grid[..., some], units) != variant_of_scipy(grid, 590)[some])


def test_a_constant_unit_is_invariant_and_dead() -> None:
    grid = with_special_units(7, 5)
    for part in PARTS:
        assert compute("anova", grid, part=part)[:2].tolist() == [0, 0]
        assert dead("anova", grid, part=part).tolist() == [True, True] + [False] * 10


def test_a_channel_is_dead_when_all_its_units_are() -> None:
    grid, units = with_special_units(7, 5), Units.of((6, 2), 0, "float32", per_unit=False)
    for part in PARTS:
        assert dead("anova", grid, units, part).tolist() == [True] + [False] * 5


def test_a_unit_of_the_sample_alone_is_invariant() -> None:
    grid = with_special_units(7, 5)
    assert [compute("anova", grid, part=part)[2] for part in PARTS] == [0, 0]


def test_a_unit_of_the_transform_alone_is_infinite_and_variant_and_so_is_its_channel() -> None:
    grid = with_special_units(7, 5)
    assert [compute("anova", grid, part=part)[3] for part in PARTS] == [math.inf, 1]
    units = Units.of((3, 4), 0, "float32", per_unit=False)
    assert f_of(grid, units)[0] == math.inf
    assert np.isfinite(f_of(grid, units)[1:]).all()
    assert variant(grid, units)[0] == 0.25


def test_rounding_is_no_effect() -> None:
    samples = draw(6, 1, 4) + np.float32(1)
    jitter = np.random.default_rng(1).choice([1, 1 + 2.0**-23], (6, 5, 4)).astype(np.float32)
    assert f_of(samples * jitter).tolist() == [0] * 4
    assert f_of(np.broadcast_to(np.arange(1, 6, dtype=np.float32)[:, None], (6, 5, 4)) * jitter).tolist() == (
        [math.inf] * 4
    )


@pytest.mark.filterwarnings("error")
def test_with_one_transform_every_unit_is_invariant() -> None:
    grid = with_special_units(6, 1)
    for part in PARTS:
        assert compute("anova", grid, part=part).tolist() == [0] * 12


def test_of_two_samples_and_transforms_it_is_the_square_of_students_t() -> None:
    grid = draw(2, 2, 9)
    t = stats.ttest_ind(*np.moveaxis(as_doubles(grid), 1, 0)).statistic
    np.testing.assert_allclose(f_of(grid), t**2, rtol=1e-9)


@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")
def test_non_finite_activations_end_as_nan_and_are_not_dead() -> None:
    grid = draw(6, 4, 3)
    grid[1, 2, 1] = np.inf
    for part in PARTS:
        assert np.isnan(compute("anova", grid, part=part)).tolist() == [False, True, False]
        assert not dead("anova", grid, part=part).any()


def test_merged_groups_give_the_values_of_all_samples() -> None:
    grid = with_special_units(9, 4)
    merged = merge_states([state_of(part) for part in np.array_split(grid, 4)])
    family = measures.build("anova").compute(merged, Units.of((12,), 0, "float32", per_unit=True))
    for part in PARTS:
        np.testing.assert_allclose(family[part].values, compute("anova", grid, part=part), rtol=1e-9)


@pytest.mark.parametrize("alpha", ["0", "1", "-0.5", "nan", "high"])
def test_a_confidence_is_between_0_and_1(alpha: str) -> None:
    with pytest.raises(UsageError, match="alpha"):
        measures.build(f"anova:alpha={alpha}")


def test_the_confidence_is_in_the_key() -> None:
    assert measures.build("anova:alpha=0.95").result_keys() == ["anova-f:alpha=0.95", "anova-variant:alpha=0.95"]
    assert measures.build("anova:alpha=0.99").result_keys() == list(PARTS)
