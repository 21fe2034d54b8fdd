"""What a result says of the mean, median, 95th percentile and maximum, against the values that it was made of."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy import stats

from onnxinv.differences import Known, located
from onnxinv.measures.measure import Values
from onnxinv.measures.position_error import Replicates
from onnxinv.measures.summary import LOCATIONS, summarize
from onnxinv.result import MeasureSummary

GROUPS = 6
FREE = (-math.inf, math.inf)


def made(seed: int, middle: float, bounds: tuple[float, float]) -> tuple[MeasureSummary, MeasureSummary]:
    """Return the summary of biased random values of 15 channels, cut at the bounds, and as it is without them."""
    rng = np.random.default_rng(seed)
    per_group = middle + rng.normal(0, 0.3, (GROUPS, 15)) * rng.uniform(0.2, 2, 15)
    full = np.sinh(per_group.mean(0))
    replicates = [np.sinh((per_group.sum(0) - one) / (GROUPS - 1)) for one in per_group]
    values = Values(full, np.zeros(15, dtype=np.bool_))
    cut, free = (summarize(values, replicates, full, each, interval=True) for each in (bounds, FREE))
    return cut, free


@pytest.mark.parametrize("location", ["mean", "median", "p95"])
@pytest.mark.parametrize(
    ("middle", "bounds"),
    [
        pytest.param(0.5, FREE, id="without bounds"),
        pytest.param(0.1, (0.0, math.inf), id="cut below"),
        pytest.param(0.9, (-math.inf, 1.0), id="cut above"),
        pytest.param(0.5, (-5.0, 5.0), id="within bounds"),
    ],
)
def test_the_corrected_value_is_the_middle_of_the_interval_before_it_was_cut(location, middle, bounds):
    cuts = 0
    for seed in range(40):
        found, free = made(seed, middle, bounds)
        low, high = free.ci[location]
        if low >= bounds[1] or high <= bounds[0]:
            continue  # nothing is left that tells where it was
        cuts += found.ci[location] != free.ci[location]
        known = located(found, location, bounds)
        assert known.value - known.bias == pytest.approx((low + high) / 2, rel=1e-9, abs=1e-12)
        assert known.se == pytest.approx((high - low) / 2 / stats.t.ppf(0.975, GROUPS - 1), rel=1e-9)
        assert known.replicates == tuple(free.loo[location])
        assert known.value == getattr(found, location)
    assert bool(cuts) == (math.inf in map(abs, bounds) and bounds != FREE)


@pytest.mark.parametrize("location", ["mean", "median", "p95"])
def test_the_error_of_the_positions_belongs_to_the_value_and_lasts(location):
    rng = np.random.default_rng(0)
    full, parts = rng.uniform(1, 2, 15), rng.uniform(1, 2, (8, 15))
    values = Values(full, np.zeros(15, dtype=np.bool_))
    positions = Replicates(parts, 0.8)
    replicates = list(rng.uniform(1, 2, (GROUPS, 15)))
    found = summarize(values, replicates, full, (0.0, math.inf), interval=True, positions=positions)
    known = located(found, location, (0.0, math.inf))
    low, high = found.ci[location]
    alone = summarize(values, replicates, full, (0.0, math.inf), interval=True)
    assert known.lasting_se == found.position_se[location] > 0
    assert known.se == pytest.approx(math.hypot(located(alone, location).se, known.lasting_se), rel=1e-9)
    assert known.se == pytest.approx((high - low) / 2 / stats.t.ppf(0.975, GROUPS - 1), rel=1e-9)
    assert known.value - known.bias == pytest.approx((low + high) / 2, rel=1e-9)
    assert found.loo == alone.loo


def test_an_interval_wholly_beyond_the_range_ends_at_it():
    found, free = made(0, -3.0, (0.0, math.inf))
    assert found.ci["median"] == (0.0, 0.0)
    known = located(found, "median", (0.0, math.inf))
    half = (free.ci["median"][1] - free.ci["median"][0]) / 2
    assert known.value - known.bias == pytest.approx(-half)


def test_a_maximum_has_no_uncertainty():
    found, _ = made(0, 0.5, FREE)
    assert located(found, "max") == Known(found.max, None, None, ())


def test_where_all_values_are_infinite_so_is_each_location():
    values = np.full(4, math.inf)
    found = summarize(Values(values, np.zeros(4, np.bool_)), [values] * GROUPS, values, FREE, interval=True)
    for location in (*LOCATIONS, "max"):
        assert located(found, location) == Known(math.inf, None, None, ())


def test_one_infinite_value_makes_the_maximum_infinite_alone():
    values = np.array([0.5, math.inf, 0.25])
    found = summarize(Values(values, np.zeros(3, np.bool_)), [values] * GROUPS, values, FREE, interval=True)
    assert located(found, "max").value == math.inf
    assert located(found, "median").value == 0.375


def test_where_nothing_is_finite_there_is_no_value():
    values = np.full(4, math.nan)
    found = summarize(Values(values, np.zeros(4, np.bool_)), [values] * GROUPS, values, FREE, interval=True)
    assert {located(found, location).value for location in (*LOCATIONS, "max")} == {None}


def test_of_two_groups_nothing_is_known_but_the_value():
    values = np.array([0.5, 0.25])
    found = summarize(Values(values, np.zeros(2, np.bool_)), [values] * 2, values, FREE, interval=True)
    for location in ("median", "p95"):
        assert located(found, location) == Known(getattr(found, location), None, None, ())
    assert located(found).se is None
