"""Values and bounds: what is broken, held or uncertain, over families of layers."""

from __future__ import annotations

import itertools
import math

import pytest
from scipy import stats

from onnxinv.bounds import Excess, excess, judge
from onnxinv.differences import Known

CRITICAL = 2.2621571627409915  # 97.5 % of Student's distribution with 9 degrees of freedom
STEPS = (-0.5, 2.2, 2.3, 2.6, 2.72, 2.9, 4.0)
"""Distances in standard errors: around where a family of one, two and three values begins to reject."""


def distances(*values: float) -> list[Excess]:
    """Return values that are so many standard errors beyond their bounds, of ten groups."""
    return [Excess(each, 1.0, 10) for each in values]


def statuses(*values: float, level: float = 0.05) -> list[str]:
    return [each.status for each in judge(distances(*values), 100, level)]


def rejected_by_closed_testing(p_values: tuple[float, ...], alpha: float) -> set[int]:
    """Return what is rejected where each intersection of hypotheses is, by Bonferroni, that holds it."""
    places = range(len(p_values))
    subsets = [each for size in range(1, len(p_values) + 1) for each in itertools.combinations(places, size)]
    kept = {place for each in subsets if min(p_values[i] for i in each) > alpha / len(each) for place in each}
    return set(places) - kept


@pytest.mark.parametrize("size", [1, 2, 3, 4, 5])
def test_what_is_broken_is_what_closed_testing_rejects_on_one_side_at_half_the_level(size):
    seen = set()
    chances = {step: float(stats.t.sf(step, 9)) for step in STEPS}
    for family in itertools.combinations_with_replacement(STEPS, size):
        expected = rejected_by_closed_testing(tuple(chances[step] for step in family), 0.025)
        for order in (family, family[::-1]):
            found = statuses(*order)
            told = {order[place] for place, status in enumerate(found) if status == "broken"}
            assert told == {family[place] for place in expected}, order
            assert found.count("broken") == len(expected)
        seen.add(len(expected))
    assert seen == set(range(size + 1))


@pytest.mark.parametrize(
    ("distance", "expected"),
    [
        pytest.param(-CRITICAL - 1e-6, "held", id="the interval ends below the bound"),
        pytest.param(-CRITICAL + 1e-6, "uncertain", id="it reaches the bound from below"),
        pytest.param(0.0, "uncertain", id="the value is on the bound"),
        pytest.param(CRITICAL - 1e-6, "uncertain", id="it reaches the bound from above"),
        pytest.param(CRITICAL + 1e-6, "broken", id="it begins above the bound"),
    ],
)
def test_one_value_is_judged_by_its_95_percent_interval(distance, expected):
    assert statuses(distance) == [expected]


def test_a_value_is_held_by_its_own_interval_however_many_there_are():
    assert statuses(-CRITICAL - 1e-6, *[-CRITICAL + 1e-6] * 4) == ["held", *["uncertain"] * 4]


def test_a_look_on_the_way_asks_for_more():
    critical = stats.t.ppf(1 - 0.0005, 9)
    assert statuses(critical - 1e-6, level=0.001) == ["uncertain"]
    assert statuses(critical + 1e-6, level=0.001) == ["broken"]
    assert statuses(-critical + 1e-6, level=0.001) == ["uncertain"]
    assert statuses(-critical - 1e-6, level=0.001) == ["held"]


def test_values_without_standard_error_do_not_count_in_the_family():
    exact = [Excess(1.0, None, 0), Excess(1.0, 0.0, 10), Excess(0.0, None, 0), Excess(-1.0, 0.0, 10)]
    found = [each.status for each in judge([*exact, *distances(CRITICAL + 1e-6)], 100)]
    assert found == ["broken", "broken", "held", "held", "broken"]


def test_no_values_have_no_verdicts():
    assert judge([], 100) == []


@pytest.mark.parametrize("distance", [-2.0, -0.7, 0.4, 1.9])
@pytest.mark.parametrize("family", [1, 4])
def test_what_is_uncertain_says_how_many_samples_make_its_interval_end_at_the_bound(distance, family):
    found = judge(distances(distance, *[0.0] * (family - 1)), 100)[0]
    level = 0.05 / family if distance > 0 else 0.05
    half = float(stats.t.ppf(1 - level / 2, 9))
    assert found.samples_needed == math.ceil(100 * (half / distance) ** 2)
    assert found.samples_needed > 100


@pytest.mark.parametrize("lasting", [0.1, 0.3])
def test_more_samples_take_away_only_the_part_of_the_error_that_is_theirs(lasting):
    half = float(stats.t.ppf(0.975, 9))
    (found,) = judge([Excess(-1.0, 1.0, 10, lasting_se=lasting)], 100)
    assert isinstance(found.samples_needed, int)
    of_samples = (1 - lasting**2) * 100 / found.samples_needed
    assert half * math.sqrt(of_samples + lasting**2) == pytest.approx(1.0, rel=0.01)


def test_where_no_number_of_samples_decides_none_is_told():
    (found,) = judge([Excess(-1.0, 1.0, 10, lasting_se=0.5)], 100)
    assert found.samples_needed == "more than 10000"


def test_above_a_hundred_times_the_samples_no_number_is_told():
    edge = CRITICAL / 10
    near, far, on = judge([Excess(-edge * 1.001, 1.0, 10), Excess(-edge * 0.999, 1.0, 10), Excess(0.0, 1.0, 10)], 70)
    assert near.samples_needed == math.ceil(7000 / 1.001**2)
    assert far.samples_needed == on.samples_needed == "more than 7000"


def test_what_is_decided_needs_no_samples():
    assert [each.samples_needed for each in judge(distances(-9.0, 9.0), 100)] == [None, None]


@pytest.mark.parametrize(
    ("below", "value", "expected"),
    [
        pytest.param(True, math.inf, "broken", id="nothing infinite is at most a number"),
        pytest.param(False, math.inf, "held", id="all that is infinite is at least a number"),
    ],
)
def test_an_infinite_value_is_taken_as_it_is(below, value, expected):
    beyond = excess(Known(value, None, None, ()), 0.5, below=below, samples=100)
    assert judge([beyond], 100)[0].status == expected


@pytest.mark.parametrize("below", [True, False])
def test_the_bias_is_taken_off_and_the_sign_says_which_side_is_wrong(below):
    known = Known(0.75, 0.125, 0.125, (0.5, 0.75, 1.0))
    beyond = excess(known, 0.5, below=below, samples=100)
    assert beyond.value == pytest.approx(0.125 if below else -0.125, abs=1e-6)
    assert (beyond.se, beyond.groups) == (0.125, 3)


def test_a_value_on_its_bound_but_for_rounding_is_held():
    for below in (True, False):
        beyond = excess(Known(0.3 + 0.1, None, None, ()), 0.4, below=below, samples=100)
        assert judge([beyond], 100)[0].status == "held"


@pytest.mark.parametrize(
    ("value", "bound", "below", "expected"),
    [
        # Of 20 of 20 samples the 97.5 % end is at 0.025 ** (1 / 20) = 0.83157.
        pytest.param(1.0, 0.8315, False, "held", id="all, and fewer are demanded"),
        pytest.param(1.0, 0.8316, False, "uncertain", id="all, and nearly all are demanded"),
        pytest.param(1.0, 1.0, False, "uncertain", id="all, and all are demanded"),
        pytest.param(1.0, 1.0, True, "held", id="all, and all are allowed"),
        pytest.param(0.0, 0.1685, True, "held", id="none, and some are allowed"),
        pytest.param(0.0, 0.1684, True, "uncertain", id="none, and few are allowed"),
        pytest.param(0.0, 0.1685, False, "broken", id="none, and some are demanded"),
        pytest.param(1.0, 0.8315, True, "broken", id="all, and fewer are allowed"),
    ],
)
def test_a_share_that_all_groups_agree_on_has_the_interval_of_clopper_and_pearson(value, bound, below, expected):
    beyond = excess(Known(value, 0.0, 0.0, (value,) * 5, share=True), bound, below=below, samples=20)
    assert judge([beyond], 20)[0].status == expected


def test_a_share_of_few_groups_has_no_interval():
    beyond = excess(Known(1.0, None, None, (1.0, 1.0), share=True), 0.9, below=False, samples=20)
    assert (beyond.se, beyond.interval) == (None, None)


def test_an_uncertain_share_says_how_many_samples_it_takes():
    beyond = excess(Known(1.0, 0.0, 0.0, (1.0,) * 5, share=True), 0.9, below=False, samples=20)
    half = (1 - 0.025 ** (1 / 20)) / 2
    assert judge([beyond], 20)[0].samples_needed == math.ceil(20 * (half / (0.1 + 1e-6)) ** 2)
