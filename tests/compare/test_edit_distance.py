"""The pairing is the cheapest of all that keep the order, where runs that are left out cost less than pieces."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from onnxinv.edit_distance import pair_up

OPEN, EXTEND = 0.3, 0.15


def cost_of(pairs, costs):
    """Return what a pairing costs: its pairs, and for every run left out on either side its opening and the rest."""
    total = sum(costs[pair] for pair in pairs)
    for (row, column), (next_row, next_column) in itertools.pairwise([(-1, -1), *pairs, costs.shape]):
        for run in (next_row - row - 1, next_column - column - 1):
            total += OPEN + EXTEND * (run - 1) if run else 0.0
    return total


def all_pairings(shape):
    first, second = shape
    for count in range(min(shape) + 1):
        for rows in itertools.combinations(range(first), count):
            for columns in itertools.combinations(range(second), count):
                yield list(zip(rows, columns, strict=True))


@given(
    st.tuples(st.integers(0, 5), st.integers(0, 5)).flatmap(
        lambda shape: arrays(np.float64, shape, elements=st.floats(-0.5, 1.0) | st.just(np.inf))
    )
)
def test_no_pairing_that_keeps_the_order_is_cheaper(costs):
    pairs = pair_up(costs)
    assert pairs in list(all_pairings(costs.shape))
    assert cost_of(pairs, costs) == pytest.approx(min(cost_of(each, costs) for each in all_pairings(costs.shape)))


@given(
    st.tuples(st.integers(0, 12), st.integers(0, 12)).flatmap(
        lambda shape: arrays(np.float64, shape, elements=st.floats(-0.5, 1.0) | st.just(np.inf))
    )
)
def test_the_sides_can_change_places_at_no_cost(costs):
    pairs, turned = pair_up(costs), pair_up(costs.T)
    assert cost_of(pairs, costs) == pytest.approx(cost_of(turned, costs.T))


@pytest.mark.parametrize("shape", [(0, 0), (0, 4), (4, 0)])
def test_nothing_is_paired_with_an_empty_side(shape):
    assert pair_up(np.zeros(shape)) == []


def test_what_cannot_be_paired_is_not():
    assert pair_up(np.full((3, 4), np.inf)) == []


@pytest.mark.parametrize(
    ("cost", "pairs"),
    [
        pytest.param(0.0, [(0, 0)], id="free"),
        pytest.param(2 * OPEN - 0.01, [(0, 0)], id="cheaper than leaving out both"),
        pytest.param(2 * OPEN + 0.01, [], id="dearer than leaving out both"),
        pytest.param(-1.0, [(0, 0)], id="spoken for"),
    ],
)
def test_a_pair_must_be_cheaper_than_leaving_out_both_of_its_elements(cost, pairs):
    assert pair_up(np.array([[cost]])) == pairs


def test_equal_sequences_are_paired_one_by_one():
    costs = np.where(np.eye(5), 0.0, 0.2)
    assert pair_up(costs) == [(place, place) for place in range(5)]


@pytest.mark.parametrize("start", range(5))
def test_an_inserted_run_stays_together(start):
    a, b = list("wxyz"), list("wxyz")
    b[start:start] = "123"
    costs = np.array([[0.0 if one == other else np.inf for other in b] for one in a])
    assert [(a[row], b[column]) for row, column in pair_up(costs)] == [(each, each) for each in "wxyz"]


def test_one_long_run_is_left_out_rather_than_two_short_ones():
    pairs = pair_up(np.zeros((2, 4)))
    left = sorted(set(range(4)) - {column for _, column in pairs})
    assert left[1] == left[0] + 1


def test_does_not_change_the_costs():
    costs = np.array([[0.1, np.inf], [0.2, 0.3]])
    before = costs.copy()
    pair_up(costs)
    np.testing.assert_array_equal(costs, before)
