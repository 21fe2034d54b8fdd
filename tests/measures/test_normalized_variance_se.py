"""Same-equivariance by variances: the variance measures of another view, under other names, with needs of its own."""

from __future__ import annotations

import numpy as np
import pytest

from onnxinv.measures import Units, measures
from onnxinv.measures.measure import Measure
from onnxinv.measures.needs import Facts
from tests.measures import brute_force
from tests.measures.grids import as_doubles, with_special_units
from tests.measures.states import state_of

NAMES = ("normalized-variance", "transformational-variance", "sample-variance")
PIXELS = Units.of((3, 4), 1, "float32", per_unit=False)
"""Three pixels of four channels, as aligned maps lie: pixels first."""

every = pytest.mark.parametrize("plain", NAMES)


def pair(plain: str, parameters: str = "") -> tuple[Measure, Measure]:
    """Return a measure of aligned maps and the one of activations as they are."""
    return measures.build(f"{plain}-se{parameters}"), measures.build(f"{plain}{parameters}")


@every
@pytest.mark.parametrize("parameters", ["", ":dispersion=var", ":unbiased=true"])
def test_of_a_grid_it_is_the_plain_measure_of_that_grid(plain: str, parameters: str) -> None:
    aligned, other = pair(plain, parameters)
    state = state_of(with_special_units(6, 5), aligned)
    found, expected = aligned.compute(state, PIXELS), other.compute(state, PIXELS)
    assert list(found) == [f"{plain}-se{parameters}"] == aligned.result_keys()
    np.testing.assert_array_equal(found[f"{plain}-se{parameters}"].values, expected[f"{plain}{parameters}"].values)
    np.testing.assert_array_equal(found[f"{plain}-se{parameters}"].dead, expected[f"{plain}{parameters}"].dead)


def test_of_a_grid_it_is_the_quotient_of_spatial_means() -> None:
    grid = with_special_units(6, 5)
    expected = brute_force.normalized_variance(as_doubles(grid), np.arange(12) % 4)
    measure = measures.build("normalized-variance-se")
    found = measure.compute(state_of(grid, measure), PIXELS)["normalized-variance-se"].values
    np.testing.assert_allclose(found, expected, rtol=1e-12)


@every
def test_it_shares_the_rules_of_the_plain_measure_but_not_the_view(plain: str) -> None:
    aligned, other = pair(plain)
    assert (aligned.view, other.view) == ("aligned", "plain")
    for rule in ("scope", "direction", "bounds", "interval", "stratifies", "samples_needed", "aggregation"):
        assert getattr(aligned, rule) == getattr(other, rule), rule
    assert aligned.kinds() == other.kinds()
    assert aligned.bounds_by_key() == {f"{plain}-se": other.bounds}
    assert aligned != other


def test_class_by_class_it_keeps_its_own_name() -> None:
    aligned, other = pair("normalized-variance", ":classes=quotient-of-means")
    grid = with_special_units(9, 5)
    states = [state_of(grid[:4], aligned), state_of(grid[4:], aligned)]
    (key, found), (plain, expected) = (
        next(iter(each.compute_by_class(states, PIXELS).items())) for each in (aligned, other)
    )
    assert (key, plain) == (aligned.result_keys()[0], other.result_keys()[0])
    assert key == "normalized-variance-se:classes=quotient-of-means"
    np.testing.assert_array_equal(found.values, expected.values)
    assert found.classes is not None
    assert found.classes.shape == (2, 4)


LACKING = {
    "maps kept": (Facts(9, 9, aggregate="activation-max"), "--aggregate activation-max takes the maps away"),
    "geometry": (Facts(9, 9, no_geometry="'noise' has no inverse"), "'noise' has no inverse"),
    "maps": (Facts(9, 9, no_maps="no layer has feature maps"), "no layer has feature maps"),
}


@pytest.mark.parametrize("name", [*(f"{plain}-se" for plain in NAMES), "equivariance-error"])
@pytest.mark.parametrize("case", LACKING)
def test_it_needs_maps_and_transforms_that_can_be_undone(name: str, case: str) -> None:
    facts, reason = LACKING[case]
    needs = measures.build(name).needed()
    assert [each.lacking(facts) for each in needs if each.lacking(facts)] == [reason]
    assert not any(
        each.lacking(Facts(9, 9, aggregate=aggregate)) for each in needs for aggregate in ("channel", "unit")
    )
    assert all(each.hint.endswith(".") for each in needs)
