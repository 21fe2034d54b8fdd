"""The delete-a-group jackknife against measuring again without each group's raw data."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from scipy.stats import binomtest

from onnxinv.measures import Units, measures
from onnxinv.measures.jackknife import jackknife, leave_one_out
from onnxinv.measures.layer import measure_layer
from onnxinv.result import MeasureSummary
from tests.measures import brute_force
from tests.measures.grids import as_doubles, draw
from tests.measures.states import collected, state_of
from tests.statistics.grid import assert_same

NV = "normalized-variance"
LOCATIONS: dict[str, Callable[[np.ndarray], float]] = {
    "mean": np.mean,
    "median": np.median,
    "p95": lambda values: np.percentile(values, 95),
}


def summary_of(
    grid: np.ndarray, groups: list[np.ndarray], units: Units, kept: np.ndarray | None = None, measure: str = NV
) -> MeasureSummary:
    """Return the summary of one measure, the samples being cut into groups of these indices."""
    states = [state_of(grid[group]) for group in groups]
    found = measure_layer([measures.build(measure)], collected(states, kept), units)
    return found[measure][1]


def groups_of(samples: int, count: int) -> list[np.ndarray]:
    return np.array_split(np.random.default_rng(0).permutation(samples), count)


@pytest.mark.parametrize("groups", [3, 5, 10, 23])
def test_equals_measuring_again_without_each_group(groups: int) -> None:
    grid, cut = draw(23, 6, 12), groups_of(23, groups)
    exact = as_doubles(grid)
    channels = brute_force.channels_of((4, 3), 0)
    found = summary_of(grid, cut, Units.of((4, 3), 0, "float32", per_unit=False))
    for name, location in LOCATIONS.items():
        value = location(brute_force.normalized_variance(exact, channels))
        left_out = [
            location(brute_force.normalized_variance(np.delete(exact, group, axis=0), channels)) for group in cut
        ]
        expected = brute_force.jackknife(value, value, left_out)
        assert found.loo[name] == pytest.approx(left_out, rel=1e-10)
        assert found.ci[name] == pytest.approx((expected.low, expected.high), rel=1e-8)
        if name == "mean":
            assert found.mean == pytest.approx(value, rel=1e-11)
            assert found.se == pytest.approx(expected.se, rel=1e-8)
            assert found.bias == pytest.approx(expected.bias, rel=1e-6)


def test_of_a_kept_subset_corrects_the_value_of_all_units() -> None:
    grid, cut = draw(20, 6, 12), groups_of(20, 5)
    exact, kept = as_doubles(grid), np.array([1, 2, 7, 11])
    units, channels = Units.of((4, 3), 0, "float32", per_unit=False), brute_force.channels_of((4, 3), 0)
    found = summary_of(grid, cut, units, kept)
    some, some_channels = exact[..., kept], channels[kept]
    value = brute_force.normalized_variance(exact, channels).mean()
    reference = brute_force.normalized_variance(some, some_channels).mean()
    left_out = [brute_force.normalized_variance(np.delete(some, group, axis=0), some_channels).mean() for group in cut]
    expected = brute_force.jackknife(value, reference, left_out)
    assert found.mean == pytest.approx(value, rel=1e-11)
    assert found.se == pytest.approx(expected.se, rel=1e-8)
    assert found.bias == pytest.approx(expected.bias, rel=1e-6)
    assert found.ci["mean"] == pytest.approx((expected.low, expected.high), rel=1e-8)
    assert abs(value - reference) > 1e-3


def test_averages_only_units_that_are_finite_whichever_group_is_left_out() -> None:
    grid, cut = draw(12, 4, 6), groups_of(12, 4)
    # Of the transform alone once group 0 is left out: infinite there, finite on all samples.
    others = np.concatenate(cut[1:])
    grid[others, :, 2] = np.arange(4)
    exact = as_doubles(grid)
    common = [0, 1, 3, 4, 5]
    found = summary_of(grid, cut, Units.of((6,), 0, "float32", per_unit=True))
    values = brute_force.normalized_variance(exact)
    left_out = [brute_force.normalized_variance(np.delete(exact, group, axis=0)[..., common]).mean() for group in cut]
    expected = brute_force.jackknife(values.mean(), values[common].mean(), left_out)
    assert math.isinf(brute_force.normalized_variance(exact[others])[2])
    assert found.finite == 6
    assert found.loo["mean"] == pytest.approx(left_out, rel=1e-10)
    assert found.se == pytest.approx(expected.se, rel=1e-8)
    assert found.bias == pytest.approx(expected.bias, rel=1e-6)


def test_where_no_unit_stays_finite_there_is_no_interval() -> None:
    grid, cut = draw(6, 4, 1), groups_of(6, 3)
    grid[np.concatenate(cut[1:]), :, 0] = np.arange(4)
    found = summary_of(grid, cut, Units.of((1,), 0, "float32", per_unit=True))
    assert found.finite == 1
    assert (found.se, found.bias) == (None, None)
    assert found.ci == found.loo == {"mean": None, "median": None, "p95": None}


@pytest.mark.parametrize("groups", [1, 2])
def test_with_fewer_than_three_groups_nothing_is_said(groups: int) -> None:
    found = summary_of(draw(8, 4, 6), groups_of(8, groups), Units.of((6,), 0, "float32", per_unit=True))
    assert found.mean is not None
    assert (found.se, found.bias) == (None, None)
    assert found.ci == {"mean": None, "median": None, "p95": None}


def test_the_interval_stays_within_the_range_of_the_measure() -> None:
    left_out = [0.0, 0.1, 0.5]
    free = jackknife(0.1, 0.1, left_out, (-math.inf, math.inf)).interval
    assert free is not None
    assert free[0] < 0
    assert free[1] > 1
    assert jackknife(0.1, 0.1, left_out, (0.0, 1.0)).interval == (0.0, 1.0)
    assert jackknife(0.1, 0.1, left_out, (0.0, math.inf)).interval == (0.0, free[1])


def test_equal_replicates_have_no_error() -> None:
    estimate = jackknife(0.5, 0.5, [0.5, 0.5, 0.5, 0.5], (0, 1))
    assert (estimate.se, estimate.bias, estimate.interval) == (0, 0, (0.5, 0.5))


@pytest.mark.parametrize(("successes", "trials"), [(0, 1), (1, 1), (0, 40), (40, 40), (1, 40), (17, 40), (9999, 10000)])
def test_equal_replicates_of_a_proportion_have_the_exact_binomial_interval(successes: int, trials: int) -> None:
    share = successes / trials
    estimate = jackknife(share, share, [share] * 5, (0, 1), trials=trials)
    expected = binomtest(successes, trials).proportion_ci(method="exact")
    assert estimate.interval == pytest.approx((expected.low, expected.high), rel=1e-9)
    assert estimate.se == pytest.approx(0, abs=1e-15)
    assert estimate.bias == pytest.approx(0, abs=1e-15)


def test_a_proportion_of_part_of_the_variants_of_a_sample_counts_as_the_nearest_number_of_samples() -> None:
    estimate = jackknife(0.68, 0.68, [0.68] * 4, (0, 1), trials=10)
    expected = binomtest(7, 10).proportion_ci(method="exact")
    assert estimate.interval == pytest.approx((expected.low, expected.high), rel=1e-9)


def test_replicates_of_a_proportion_that_differ_have_the_interval_of_any_other_value() -> None:
    left_out = [0.5, 0.5, 0.5, 0.501]
    assert jackknife(0.5, 0.5, left_out, (0, 1), trials=40) == jackknife(0.5, 0.5, left_out, (0, 1))


def test_equal_replicates_that_are_no_proportion_keep_an_interval_without_width() -> None:
    assert jackknife(1.0, 1.0, [1.0] * 4, (0, 1)).interval == (1, 1)


def test_two_groups_of_a_proportion_have_no_interval() -> None:
    assert jackknife(1.0, 1.0, [1.0, 1.0], (0, 1), trials=40).interval is None


def test_of_a_mean_is_its_standard_error() -> None:
    values = np.random.default_rng(0).random(7)
    left_out = [float(np.delete(values, index).mean()) for index in range(7)]
    estimate = jackknife(float(values.mean()), float(values.mean()), left_out, (-math.inf, math.inf))
    assert estimate.se == pytest.approx(values.std(ddof=1) / math.sqrt(7), rel=1e-12)
    assert estimate.bias == pytest.approx(0, abs=1e-14)


@pytest.mark.parametrize("count", [2, 3, 4, 9])
def test_leaving_one_out_merges_all_the_others(count: int) -> None:
    grid = draw(count + 5, 3, 4)
    parts = np.array_split(grid, count)
    found = list(leave_one_out([state_of(part) for part in parts]))
    assert len(found) == count
    for position, state in enumerate(found):
        others = state_of(np.concatenate([part for index, part in enumerate(parts) if index != position]))
        assert state is not None
        for kind in measures.get(NV).statistics:
            assert_same(state[kind], others[kind], rtol=1e-11)


def test_leaving_the_only_group_out_leaves_nothing() -> None:
    assert list(leave_one_out([state_of(draw(3, 2, 2))])) == [None]


def test_a_group_without_samples_is_passed_over() -> None:
    one, other = state_of(draw(3, 2, 2)), state_of(draw(4, 2, 2, seed=1))
    without = list(leave_one_out([one, None, other]))
    assert [state and state.samples for state in without] == [4, 7, 3]
    assert list(leave_one_out([one, None])) == [None, one]
