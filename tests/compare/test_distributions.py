"""Channel values of two layers: as distributions, and one by one."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest
from scipy import stats

from onnxinv.activations import Agreement
from onnxinv.distributions import ks_pvalue, largest_difference, quantiles

ALIKE = Agreement(0.0, None)
EMPTY = np.empty(0)


def array(*values: float) -> np.ndarray:
    return np.array(values, dtype=np.float64)


def test_the_p_value_of_kolmogorov_and_smirnov_counts_every_order_of_the_values():
    """Of the C(7, 3) orders of three and four values without ties, those as far apart as the ones found."""

    def distance(places: set[int]) -> float:
        steps = np.cumsum([1 / 3 if place in places else -1 / 4 for place in range(7)])
        return float(np.abs(steps).max())

    a, b = array(1, 2, 3.5), array(3, 4, 5, 6)
    every = [distance(set(places)) for places in combinations(range(7), 3)]
    found = distance({0, 1, 3})
    assert ks_pvalue(a, b) == pytest.approx(np.mean(np.array(every) >= found - 1e-9), rel=1e-9)


def test_the_p_value_of_many_channels_is_that_of_scipy():
    rng = np.random.default_rng(0)
    a, b = rng.normal(0, 1, 700), rng.normal(0.2, 1, 900)
    assert ks_pvalue(a, b) == stats.ks_2samp(a, b).pvalue
    assert ks_pvalue(a, b) < 0.01 < ks_pvalue(a, rng.normal(0, 1, 900))


def test_equal_distributions_have_a_p_value_of_1():
    assert ks_pvalue(array(1, 2, 3), array(3, 1, 2)) == 1.0


@pytest.mark.parametrize(("a", "b"), [(EMPTY, array(1)), (array(1), EMPTY), (EMPTY, EMPTY)])
def test_no_values_have_no_p_value(a, b):
    assert ks_pvalue(a, b) is None


def test_quantiles_are_interpolated_between_the_sorted_values():
    assert quantiles(array(*range(20, -1, -1))) == pytest.approx((1.0, 10.0, 19.0))
    assert quantiles(array(3, 1)) == pytest.approx((1.1, 2.0, 2.9))
    assert quantiles(array(7)) == (7.0, 7.0, 7.0)


def test_no_values_have_no_quantiles():
    assert quantiles(EMPTY) == (None, None, None)


def test_the_largest_difference_is_in_means_of_the_first():
    assert largest_difference(array(1, 2, 3), array(1, 2.5, 2.9), ALIKE) == pytest.approx(0.25)
    assert largest_difference(array(-1, -2, -3), array(-1, -2.5, -3), ALIKE) == pytest.approx(0.25)


def test_reordered_channels_are_held_against_their_own():
    order = np.array([2, 0, 1])
    a = array(1, 2, 3)
    b = np.empty(3)
    b[order] = a
    assert largest_difference(a, b, Agreement(0.0, order)) == 0.0
    assert largest_difference(a, b, ALIKE) == pytest.approx(1.0)


def test_one_value_of_a_layer_needs_no_order():
    assert largest_difference(array(2), array(2.5), Agreement(0.0, np.array([1, 0]))) == pytest.approx(0.25)


@pytest.mark.parametrize("value", [np.nan, np.inf, -np.inf])
def test_channels_that_are_not_finite_agree_where_they_are_the_same(value):
    assert largest_difference(array(1, value, 3), array(1, value, 3), ALIKE) == 0.0
    assert largest_difference(array(1, value, 3), array(1, value, 5), ALIKE) == pytest.approx(1.0)
    assert largest_difference(array(1, value, 3), array(value, 1, 3), ALIKE) is None
    assert largest_difference(array(1, value, 3), array(1, 2, 3), ALIKE) is None


def test_other_infinities_do_not_agree():
    assert largest_difference(array(1, np.inf), array(1, -np.inf), ALIKE) is None
    assert largest_difference(array(1, np.inf), array(1, np.nan), ALIKE) is None


def test_layers_without_a_finite_value_agree_where_they_are_the_same():
    assert largest_difference(array(np.nan, np.inf), array(np.nan, np.inf), ALIKE) == 0.0
    assert largest_difference(EMPTY, EMPTY, ALIKE) == 0.0


def test_against_zeros_no_difference_has_a_size():
    assert largest_difference(array(0, 0), array(0, 0), ALIKE) == 0.0
    assert largest_difference(array(0, 0), array(0, 1), ALIKE) is None


@pytest.mark.parametrize(
    ("a", "b", "agreed"),
    [
        pytest.param(array(1, 2), array(1, 2), None, id="nothing says that channels match"),
        pytest.param(array(1, 2), array(1, 2, 3), ALIKE, id="other channels"),
        pytest.param(np.ones((2, 2)), np.ones((2, 2)), ALIKE, id="one value a unit"),
    ],
)
def test_channels_that_do_not_match_have_no_difference(a, b, agreed):
    assert largest_difference(a, b, agreed) is None
