"""Statistics over networks, against scipy, loops and counting."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import stats

from tools.reproduce import replicates
from tools.reproduce.replicates import apart, distances, hedges, holm, jackknife, pairs, pairwise_spearman

PROFILES = np.random.default_rng(0).normal(size=(5, 7))
OTHERS = np.random.default_rng(1).normal(size=(3, 7))


def root_mean_square(one, other) -> float:
    return math.sqrt(sum((x - y) ** 2 for x, y in zip(one, other, strict=True)) / len(one))


def energy(first, second) -> float:
    """The energy distance of two sets, every profile being at distance 0 from itself."""

    def gap(left, right):
        return sum(root_mean_square(x, y) for x in left for y in right) / (len(left) * len(right))

    return 2 * gap(first, second) - gap(first, first) - gap(second, second)


def counted(first, second) -> float:
    """The share of all divisions of the networks that are at least as far apart as these."""
    both, observed = np.concatenate([first, second]), energy(first, second)
    found = []
    for chosen in itertools.combinations(range(len(both)), len(first)):
        rest = [each for each in range(len(both)) if each not in chosen]
        found.append(energy(both[list(chosen)], both[rest]) >= observed - 1e-12)
    return sum(found) / len(found)


@pytest.mark.parametrize("values", [[1.0, 2.0, 4.0], [0.9, 0.91, 0.95, 0.99, 0.2], list(PROFILES[0])])
def test_the_jackknife_of_a_mean_is_the_t_interval(values):
    told = np.array(values)
    found = jackknife(len(told), lambda rows: float(told[rows].mean()))
    expected = stats.ttest_1samp(told, 0).confidence_interval(0.95)
    assert (found.value, found.low, found.high) == pytest.approx((told.mean(), expected.low, expected.high))
    ours = replicates.mean_correlation(values)
    cut = (found.value, max(found.low, -1), min(found.high, 1))
    assert (ours.value, ours.low, ours.high) == pytest.approx((found.value, *cut[1:]))


def test_the_jackknife_leaves_out_every_replicate_once_and_in_order():
    seen = []
    jackknife(4, lambda rows: float(seen.append(rows.tolist()) or 0.0))
    assert seen == [[0, 1, 2, 3], [1, 2, 3], [0, 2, 3], [0, 1, 3], [0, 1, 2]]


def test_a_statistic_that_is_undefined_for_one_replicate_has_no_interval():
    found = jackknife(4, lambda rows: 1.0 if 2 in rows else math.nan)
    assert found.value == 1
    assert math.isnan(found.low)
    assert math.isnan(found.high)


def test_a_mean_of_equal_values_is_certain():
    assert replicates.mean_correlation([0.25, 0.25, 0.25]) == replicates.Estimate(0.25, 0.25, 0.25)


def test_one_value_alone_says_nothing_of_the_spread():
    assert replicates.mean_correlation([0.25]) == replicates.Estimate(0.25, -1, 1)


def test_a_mean_with_an_undefined_value_is_undefined():
    found = replicates.mean_correlation([0.25, math.nan, 0.5])
    assert all(math.isnan(each) for each in (found.value, found.low, found.high))


def test_an_estimate_reads_as_a_value_with_its_interval():
    assert str(replicates.Estimate(0.12345, -1.5, 2)) == "0.123 [-1.5, 2]"


def test_distances_are_root_mean_squares_over_layers():
    expected = [[root_mean_square(a, b) for b in OTHERS] for a in PROFILES]
    np.testing.assert_allclose(distances(PROFILES, OTHERS), expected, rtol=1e-12)


def test_pairs_are_of_different_profiles_and_each_once():
    expected = [root_mean_square(a, b) for a, b in itertools.combinations(PROFILES, 2)]
    np.testing.assert_allclose(pairs(PROFILES), expected, rtol=1e-12)


@pytest.mark.parametrize(
    "profiles",
    [
        pytest.param(PROFILES, id="no ties"),
        pytest.param(np.round(PROFILES), id="ties in rows"),
        pytest.param(PROFILES[[0, 0, 1]], id="two alike"),
        pytest.param(PROFILES[:2] * [[1], [-1]], id="two only"),
    ],
)
def test_pairwise_spearman_is_the_mean_over_all_pairs(profiles):
    expected = [stats.spearmanr(a, b).statistic for a, b in itertools.combinations(profiles, 2)]
    assert pairwise_spearman(profiles) == pytest.approx(np.mean(expected))


@pytest.mark.parametrize(
    "row", [pytest.param(np.ones(7), id="constant"), pytest.param([math.nan, *range(6)], id="with a gap")]
)
def test_pairwise_spearman_of_a_profile_without_ranks_is_undefined(row):
    assert math.isnan(pairwise_spearman(np.vstack([PROFILES, row])))


@pytest.mark.parametrize(
    ("first", "second"),
    [
        pytest.param(PROFILES[:3], OTHERS, id="three and three"),
        pytest.param(PROFILES, OTHERS, id="five and three"),
        pytest.param(OTHERS[:2], PROFILES, id="two and five"),
        pytest.param(PROFILES, OTHERS + 0.5, id="somewhat apart"),
        pytest.param(PROFILES[:4], 3 * PROFILES[:4], id="wider about the same mean"),
    ],
)
def test_the_permutation_test_counts_all_divisions_of_few_networks(first, second):
    found = apart(first, second)
    assert found.pvalue == pytest.approx(counted(first, second))
    within = [root_mean_square(*two) for group in (first, second) for two in itertools.combinations(group, 2)]
    assert found.within == pytest.approx(np.percentile(within, 95))
    assert found.between == pytest.approx(np.mean([root_mean_square(a, b) for a in first for b in second]))
    assert found.ratio == pytest.approx(found.between / found.within)


@pytest.mark.parametrize(
    ("first", "second", "least"),
    [
        pytest.param(4, 4, 2 / math.comb(8, 4), id="four and four, and the same two sets by their other names"),
        pytest.param(8, 4, 1 / math.comb(12, 4), id="eight and four"),
        pytest.param(8, 8, 2 / math.comb(16, 8), id="eight and eight"),
    ],
)
def test_sets_that_are_plainly_apart_have_the_least_pvalue_possible(first, second, least):
    random = np.random.default_rng(2)
    found = apart(random.normal(size=(first, 6)), 20 + random.normal(size=(second, 6)))
    assert found.pvalue == pytest.approx(least)
    assert found.ratio > 1


def test_more_divisions_than_can_be_enumerated_are_sampled_alike_every_time():
    random = np.random.default_rng(3)
    one, other = random.normal(size=(16, 4)), 5 + random.normal(size=(16, 4))
    assert apart(one, other).pvalue == pytest.approx(1 / (replicates.ENUMERATED + 1))
    assert apart(one, other[:12]) == apart(one, other[:12])


def test_the_halves_of_one_set_are_not_apart():
    """A valid test of equal sets calls one in twenty different; none of these twelve pairs is clearly so."""
    found = [apart(*np.random.default_rng(seed).normal(size=(2, 4, 6))) for seed in range(12)]
    assert sum(each.pvalue < 0.05 for each in found) <= 2
    assert all(each.between <= each.within for each in found)


def test_sets_that_are_the_same_are_not_apart():
    found = apart(PROFILES, PROFILES)
    assert found.pvalue > 0.9
    assert found.between < found.within


def test_a_gap_in_a_profile_leaves_nothing_to_compare():
    gap = PROFILES.copy()
    gap[1, 2] = math.nan
    found = apart(OTHERS, gap)
    assert all(math.isnan(each) for each in (found.between, found.within, found.pvalue, found.ratio))


def test_sets_without_spread_are_infinitely_apart_or_not_at_all():
    zeros, ones = np.zeros((4, 3)), np.ones((4, 3))
    assert apart(zeros, ones).ratio == math.inf
    assert math.isnan(apart(zeros, zeros).ratio)
    assert apart(zeros, zeros).pvalue == 1


def test_holm_corrects_as_by_hand():
    """0.01 x 4, 0.02 x 3, 0.03 x 2; then 0.04 x 1, which may not be below the one before it."""
    assert holm([0.04, 0.01, 0.03, 0.02]) == pytest.approx([0.06, 0.04, 0.06, 0.06])
    assert holm([0.5, 0.6]) == [1.0, 1.0]
    assert holm([0.05]) == [0.05]


@given(st.lists(st.floats(0, 1), min_size=1, max_size=8))
def test_holm_keeps_the_order_and_only_ever_raises_a_pvalue(pvalues):
    corrected = holm(pvalues)
    assert all(before <= after <= 1 for before, after in zip(pvalues, corrected, strict=True))
    assert min(corrected) == pytest.approx(min(1, min(pvalues) * len(pvalues)))
    ranked = [after for _, after in sorted(zip(pvalues, corrected, strict=True))]
    assert ranked == sorted(ranked)


def test_hedges_is_the_corrected_difference_in_deviations():
    """Means 2 and 5, variances 1 and 4 of 3 and 4 networks: 5 degrees of freedom, pooled (2 x 1 + 3 x 4) / 5."""
    low = np.array([[1.0], [2.0], [3.0]])
    high = 5 + 2 * np.array([[-math.sqrt(1.5)], [0], [0], [math.sqrt(1.5)]])
    expected = -3 / math.sqrt(14 / 5) * (1 - 3 / 19)
    assert hedges(low, high)[0] == pytest.approx(expected)
    assert hedges(high, low)[0] == pytest.approx(-expected)


def test_hedges_where_nothing_varies_is_infinite_or_undefined():
    ones, twos = np.ones((3, 2)), np.array([[1.0, 2.0]] * 3)
    found = hedges(ones, twos)
    assert math.isnan(found[0])
    assert found[1] == -math.inf
