"""What normalized distance must be: identities with the variances, and what it may not depend on."""

from __future__ import annotations

import math

import numpy as np
import pytest

from onnxinv.measures import Units, measures
from tests.measures.grids import draw, with_special_units
from tests.measures.states import state_of
from tests.measures.test_distance import ND, SD, TD, compute, dead, feature_maps

SQUARED = "distance=euclidean-squared"


@pytest.mark.parametrize(("samples", "transforms"), [(2, 2), (20, 5), (33, 3)])
def test_squared_with_all_pairs_is_normalized_variance_of_variances(samples: int, transforms: int) -> None:
    grid = with_special_units(samples, transforms)
    for units in (Units.of((12,), 0, "float32", per_unit=True), feature_maps(4, 3)):
        expected = compute("normalized-variance:dispersion=var", grid, units)
        np.testing.assert_array_equal(compute(f"{ND}:{SQUARED},pairs=all", grid, units), expected)
        np.testing.assert_allclose(compute(f"{ND}:{SQUARED},map=true,pairs=all", grid, units), expected, rtol=1e-14)


def test_squared_distances_are_twice_the_variances() -> None:
    grid = with_special_units(20, 5)
    tv, sv = "transformational-variance:dispersion=var", "sample-variance:dispersion=var"
    np.testing.assert_allclose(compute(f"{TD}:{SQUARED}", grid), 2 * compute(tv, grid), rtol=1e-12)
    np.testing.assert_allclose(compute(f"{SD}:{SQUARED},pairs=all", grid), 2 * compute(sv, grid), rtol=1e-12)


def test_squared_blocks_of_a_few_samples_hold_all_pairs() -> None:
    grid = draw(16, 5, 6)
    found = compute(f"{SD}:{SQUARED}", grid)
    np.testing.assert_allclose(found, compute(f"{SD}:{SQUARED},pairs=all", grid), rtol=1e-12)
    np.testing.assert_allclose(compute(SD, grid), compute(f"{SD}:pairs=all", grid), rtol=1e-12)


@pytest.mark.parametrize("parameters", ["", f"{SQUARED}"])
def test_blocks_estimate_all_pairs_without_bias(parameters: str) -> None:
    """Many units of noise; the mean over them is the expectation: 2 / sqrt(pi), squared 2."""
    units = 20_000
    grid = np.random.default_rng(0).standard_normal((21, 2, units), dtype=np.float32)
    channel = Units.of((1, units), 0, "float32", per_unit=False)
    expected = 2.0 if parameters else 2 / math.sqrt(math.pi)
    found = compute(f"{SD}:{parameters}" if parameters else SD, grid, channel)[0]
    # A mean of at least ten independent differences has a spread below that of one, which is 0.85, squared 2.8.
    assert found == pytest.approx(expected, abs=5 * (2.8 if parameters else 0.85) / math.sqrt(units))
    nd = compute(f"{ND}:{parameters}" if parameters else ND, grid, channel)[0]
    assert nd == pytest.approx(1, abs=0.05)


def test_noise_gives_one_where_normalized_variance_needs_a_correction() -> None:
    units = 20_000
    grid = np.random.default_rng(1).standard_normal((16, 2, units), dtype=np.float32)
    channel = Units.of((1, units), 0, "float32", per_unit=False)
    assert compute(ND, grid, channel)[0] == pytest.approx(1, abs=0.02)
    assert compute("normalized-variance", grid, channel)[0] < 0.85


@pytest.mark.parametrize("parameters", ["", f":{SQUARED}", ":pairs=all", ":map=true", f":{SQUARED},map=true"])
@pytest.mark.parametrize(("factor", "shift"), [(1e-6, 0.0), (-3.0, 100.0), (1e4, -1e5)])
def test_scale_and_shift_do_not_matter(parameters: str, factor: float, shift: float) -> None:
    grid = draw(18, 5, 6).astype(np.float64)
    units = feature_maps(3, 2, "float64")
    moved = compute(ND + parameters, factor * grid + shift, units)
    np.testing.assert_allclose(moved, compute(ND + parameters, grid, units), rtol=1e-9)


@pytest.mark.parametrize("parameters", ["pairs=all", "map=true,pairs=all", "map=true", ""])
def test_a_map_of_one_unit_is_that_unit(parameters: str) -> None:
    grid = with_special_units(18, 5)
    alone = compute(f"{ND}:{parameters}".removesuffix(":"), grid, feature_maps(12, 1))
    as_unit = ND + (":pairs=all" if "pairs=all" in parameters else "")
    np.testing.assert_allclose(alone, compute(as_unit, grid, feature_maps(12, 1)), rtol=1e-12)


def test_squared_distances_of_maps_are_the_sums_of_those_of_their_units() -> None:
    grid = draw(18, 5, 12)
    units = feature_maps(3, 4)
    for measure in (TD, SD):
        of_units = compute(f"{measure}:{SQUARED}", grid).reshape(3, 4)
        np.testing.assert_allclose(compute(f"{measure}:{SQUARED},map=true", grid, units), of_units.sum(axis=1), 1e-12)


@pytest.mark.parametrize("pairs", ["", ",pairs=all"])
@pytest.mark.parametrize("distance", ["", f"{SQUARED},"])
def test_normalized_maps_do_not_see_how_strong_a_response_is(pairs: str, distance: str) -> None:
    measure = f"{distance}map=true,normalize=true{pairs}"
    grid = draw(18, 5, 12)
    grid[3, :, 4:8] = 0
    strength = np.exp(np.random.default_rng(0).standard_normal((18, 5, 3))).repeat(4, axis=2).astype(np.float32)
    units = feature_maps(3, 4)
    for name in (TD, SD, ND):
        expected = compute(f"{name}:{measure}", grid, units)
        np.testing.assert_allclose(compute(f"{name}:{measure}", grid * strength, units), expected, rtol=1e-6)
        assert not np.allclose(
            compute(f"{name}:map=true", grid * strength, units), compute(f"{name}:map=true", grid, units)
        )


@pytest.mark.parametrize("pairs", ["", ",pairs=all"])
def test_a_channel_whose_maps_differ_in_strength_alone_is_dead_once_they_are_normalized(pairs: str) -> None:
    pattern = np.array([1, 3, -2, 0.7], dtype=np.float32)
    strength = np.exp(np.random.default_rng(0).standard_normal((6, 5, 1))).astype(np.float32)
    grid, units = strength * pattern, feature_maps(1, 4)
    for name in (TD, SD, ND):
        measure = f"{name}:map=true,normalize=true{pairs}"
        assert compute(measure, grid, units).tolist() == [1 if name == ND else 0]
        assert dead(measure, grid, units) == [True]
        assert dead(f"{name}:map=true{pairs}", grid, units) == [False]


def test_the_three_measures_agree_in_one_pass() -> None:
    grid, units = with_special_units(18, 5), feature_maps(4, 3)
    built = [measures.build(name) for name in (TD, SD, ND)]
    together = state_of(grid, *built, channel=units.channel)
    td, sd, nd = (
        measure.compute(together, units)[name].values for measure, name in zip(built, (TD, SD, ND), strict=True)
    )
    np.testing.assert_array_equal(nd, td / sd)
