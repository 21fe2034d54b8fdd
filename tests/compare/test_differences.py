"""Differences of two values: interval, p-value, verdict, and the verdict over several layers."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from onnxinv.differences import Change, Known, change, judge, known, overall
from onnxinv.result import OutputValue
from tests.reports.results import summary

GROUPS = 7


def mean_of(sums: np.ndarray, counts: np.ndarray) -> Known:
    """Return the square of a mean, which is biased, as a result knows it: from the groups' sums and counts."""
    value = (sums.sum() / counts.sum()) ** 2
    left = ((sums.sum() - sums) / (counts.sum() - counts)) ** 2
    groups = len(sums)
    se = math.sqrt((groups - 1) / groups * ((left - left.mean()) ** 2).sum())
    return Known(float(value), se, float((groups - 1) * (left.mean() - value)), tuple(left.tolist()))


def pair_of(groups: int = GROUPS, other: int = GROUPS, seed: int = 0) -> tuple[Known, Known]:
    rng = np.random.default_rng(seed)
    common = rng.normal(5, 1, groups)
    first = mean_of(common * 10, np.full(groups, 10))
    later = common * 10 if groups == other else rng.normal(50, 10, other)
    return first, mean_of(later + rng.normal(1, 0.5, other), np.full(other, 10))


def test_a_paired_interval_is_that_of_the_jackknife_of_the_differences():
    first, second = pair_of()
    found = change(first, second, paired=True)
    differences = np.array(second.replicates) - np.array(first.replicates)
    plain = second.value - first.value
    se = math.sqrt((GROUPS - 1) / GROUPS * ((differences - differences.mean()) ** 2).sum())
    middle = plain - (GROUPS - 1) * (differences.mean() - plain)
    half = stats.t.ppf(0.975, GROUPS - 1) * se
    assert found.difference == plain
    assert found.interval == pytest.approx((middle - half, middle + half), rel=1e-9)
    assert found.p == pytest.approx(2 * stats.t.sf(abs(middle) / se, GROUPS - 1), rel=1e-9)


def test_an_unpaired_interval_adds_the_variances_and_takes_the_fewer_degrees_of_freedom():
    first, second = pair_of(9, 5)
    found = change(first, second, paired=False)
    middle = (second.value - second.bias) - (first.value - first.bias)
    se = math.sqrt(first.se**2 + second.se**2)
    half = stats.t.ppf(0.975, 4) * se
    assert found.interval == pytest.approx((middle - half, middle + half), rel=1e-12)
    assert found.p == pytest.approx(2 * stats.t.sf(abs(middle) / se, 4), rel=1e-9)


def test_what_the_samples_do_to_both_cancels_only_where_groups_are_paired():
    first, second = pair_of()
    (low, high), (lowest, highest) = (change(first, second, paired=paired).interval for paired in (True, False))
    assert high - low < (highest - lowest) / 2


@given(st.integers(3, 12), st.integers(0, 1000), st.booleans())
def test_the_p_value_is_under_5_percent_exactly_where_the_interval_excludes_0(groups, seed, paired):
    first, second = pair_of(groups, groups, seed)
    found = change(first, second, paired=paired)
    assert (found.p < 0.05) == (found.interval[0] > 0 or found.interval[1] < 0)


@given(st.integers(3, 12), st.integers(0, 1000), st.booleans())
def test_the_other_way_round_a_difference_has_the_other_sign(groups, seed, paired):
    first, second = pair_of(groups, groups, seed)
    one, other = change(first, second, paired=paired), change(second, first, paired=paired)
    assert other.difference == -one.difference
    assert other.interval == pytest.approx((-one.interval[1], -one.interval[0]), rel=1e-9, abs=1e-12)
    assert other.p == pytest.approx(one.p, rel=1e-6, abs=1e-12)


def test_equal_values_differ_by_nothing_for_sure():
    first, _ = pair_of()
    assert change(first, first, paired=True) == Change(0.0, (0.0, 0.0), 1.0)


def test_values_that_differ_by_as_much_in_every_group_differ_for_sure():
    first = Known(1.0, 0.1, 0.0, (0.9, 1.0, 1.1))
    second = Known(1.5, 0.1, 0.0, (1.4, 1.5, 1.6))
    found = change(first, second, paired=True)
    assert found.interval == pytest.approx((0.5, 0.5))
    assert found.p < 1e-6


NOTHING = Known(None, None, None, ())
PLAIN = Known(2.0, None, None, ())
FULL = Known(3.0, 0.1, 0.0, (2.9, 3.0, 3.1))


@pytest.mark.parametrize("paired", [True, False])
@pytest.mark.parametrize(
    ("first", "second", "difference"),
    [
        pytest.param(NOTHING, FULL, None, id="the first has no value"),
        pytest.param(FULL, NOTHING, None, id="the second has no value"),
        pytest.param(PLAIN, FULL, 1.0, id="the first has no uncertainty"),
        pytest.param(FULL, PLAIN, -1.0, id="the second has no uncertainty"),
        pytest.param(Known(2.0, None, None, (1.0, 2.0)), FULL, 1.0, id="two groups against three"),
        pytest.param(Known(2.0, 0.1, 0.0, ()), Known(3.0, 0.1, 0.0, ()), 1.0, id="replicates were lost"),
        pytest.param(Known(2.0, 0.1, 0.0, (2.0,)), Known(3.0, 0.1, 0.0, (3.0,)), 1.0, id="a single group"),
    ],
)
def test_without_uncertainty_there_is_a_difference_without_interval(first, second, difference, paired):
    assert change(first, second, paired=paired) == Change(difference, None, None)


def test_groups_that_do_not_match_are_not_paired():
    first, second = pair_of(9, 5)
    assert change(first, second, paired=True).interval is None


def test_what_is_known_of_a_layer_is_the_mean_over_its_channels():
    found = summary(0.5).model_copy(update={"loo": {"mean": [0.4, 0.6], "median": [9.0], "p95": None}})
    assert known(found) == Known(0.5, 0.025, 0.0, (0.4, 0.6))
    assert known(summary(None, half=None)).replicates == ()


def test_what_is_known_of_a_class_output_is_its_value():
    output = OutputValue(value=0.9, se=0.1, bias=0.01, ci=(0.8, 1.0), loo=[0.9, 0.8], profile=None)
    assert known(output) == Known(0.9, 0.1, 0.01, (0.9, 0.8), share=True)


ONE = Known(1.0, None, None, ())
LESS = Known(0.5, None, None, ())


@pytest.mark.parametrize(
    ("interval", "lower", "higher"),
    [
        pytest.param((-0.6, -0.4), "better", "worse", id="below 0"),
        pytest.param((0.4, 0.6), "worse", "better", id="above 0"),
        pytest.param((-0.4, 0.4), "uncertain", "uncertain", id="on both sides of 0"),
        pytest.param((0.0, 0.5), "uncertain", "uncertain", id="from 0 on"),
        pytest.param((-0.5, 0.0), "uncertain", "uncertain", id="up to 0"),
        pytest.param((-0.125, 0.125), "same", "same", id="as wide as the margin"),
        pytest.param((0.0625, 0.125), "same", "same", id="above 0 and in the margin"),
        pytest.param((-0.125, -0.0625), "same", "same", id="below 0 and in the margin"),
        pytest.param((-0.13, 0.1), "uncertain", "uncertain", id="beyond the margin below"),
        pytest.param((0.0625, 0.13), "worse", "better", id="beyond the margin above"),
    ],
)
def test_a_verdict_follows_from_interval_direction_and_margin(interval, lower, higher):
    found = Change(-0.5, interval, 0.5)
    for first, second in ((ONE, LESS), (LESS, ONE)):  # the margin is relative to the larger
        assert judge(first, second, found, "lower", 0.125) == lower
        assert judge(first, second, found, "higher", 0.125) == higher


def test_the_margin_is_relative_to_the_larger_size_of_negative_values_too():
    first, second = Known(-8.0, None, None, ()), Known(-7.5, None, None, ())
    assert judge(first, second, Change(0.5, (0.25, 0.75), 0.0), "lower", 0.1) == "same"
    assert judge(first, second, Change(0.5, (0.25, 0.75), 0.0), "lower", 0.05) == "worse"


def test_a_measure_without_direction_has_no_verdict():
    assert judge(ONE, LESS, Change(-0.5, (-0.6, -0.4), 0.0), "neither", 0.1) is None
    assert judge(NOTHING, LESS, Change(None, None, None), "neither", 0.1) is None


@pytest.mark.parametrize("direction", ["lower", "higher"])
def test_without_a_value_nothing_is_certain(direction):
    assert judge(NOTHING, NOTHING, Change(None, None, None), direction, 1.0) == "uncertain"


@pytest.mark.parametrize("direction", ["lower", "higher"])
@pytest.mark.parametrize(
    ("first", "second", "verdict"),
    [
        pytest.param(1.0, 1.0, "same", id="equal"),
        pytest.param(0.0, 0.0, "same", id="both 0"),
        pytest.param(1.0, 1.0 + 5e-7, "same", id="equal up to rounding"),
        pytest.param(1.0, 1.00001, "uncertain", id="within the margin"),
        pytest.param(0.0, 1e-9, "uncertain", id="nothing against little"),
        pytest.param(1.0, 100.0, "uncertain", id="a hundredfold"),
    ],
)
def test_without_interval_only_equal_values_are_the_same(first, second, verdict, direction):
    sides = Known(first, None, None, ()), Known(second, None, None, ())
    assert judge(*sides, change(*sides, paired=True), direction, 0.1) == verdict


@pytest.mark.parametrize(
    ("verdicts", "p_values", "expected"),
    [
        pytest.param(["same", "same"], [1.0, 0.001], "same", id="all the same"),
        pytest.param(["same", "uncertain"], [1.0, 0.5], "uncertain", id="one uncertain"),
        pytest.param(["same", "better"], [1.0, 0.001], "better", id="one better"),
        pytest.param(["uncertain", "worse"], [0.3, 0.001], "worse", id="one worse"),
        pytest.param(["better", "worse"], [0.001, 0.001], "mixed", id="better and worse"),
        pytest.param(["better", "worse"], [0.001, 0.04], "mixed", id="the last of two needs no correction"),
        pytest.param(["better", "worse", "same"], [0.001, 0.04, 1.0], "better", id="the worse does not survive"),
        pytest.param(["better", "better"], [0.04, 0.03], "uncertain", id="neither survives"),
        pytest.param(["better"], [0.05], "better", id="exactly 5 percent"),
        pytest.param(["uncertain"], [None], "uncertain", id="without p-value"),
        pytest.param(["same"], [None], "same", id="numerically the same"),
        pytest.param(["better", "uncertain"], [0.04, None], "better", id="what has no p-value is not tested"),
        pytest.param([], [], "uncertain", id="no pair at all"),
    ],
)
def test_the_verdict_over_layers_rests_on_what_survives_the_correction(verdicts, p_values, expected):
    for order in itertools.permutations(range(len(verdicts))):
        assert overall([verdicts[place] for place in order], [p_values[place] for place in order]) == expected


@given(st.lists(st.sampled_from([0.0, 0.004, 0.006, 0.011, 0.013, 0.018, 0.024, 0.026, 0.04, 0.2, 1.0]), max_size=6))
def test_a_difference_survives_where_every_set_of_hypotheses_with_it_is_rejected_by_bonferroni(p_values):
    """Holm's procedure is the closed test of Bonferroni tests (Marcus, Peritz and Gabriel 1976)."""
    places = range(len(p_values))
    subsets = [set(some) for size in range(1, 7) for some in itertools.combinations(places, size)]
    rejected = [all(min(p_values[each] for each in some) <= 0.05 / len(some) for some in subsets if place in some)
                for place in places]  # fmt: skip
    for place in places:
        verdicts = ["better" if each == place else "uncertain" for each in places]
        assert overall(verdicts, p_values) == ("better" if rejected[place] else "uncertain")
