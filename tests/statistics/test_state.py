"""A layer's state does to all its statistics what is done to it."""

from __future__ import annotations

import numpy as np
import pytest

from onnxinv.statistics import ColumnMoments, Extent, RowMoments, State, merge_states
from tests.statistics.grid import assert_same, draw, feed, split_rows, whole_samples

KINDS = (RowMoments, ColumnMoments)


def state_of(grid: np.ndarray, pieces: object = None) -> State:
    return feed(State.empty(KINDS, Extent.plain(grid.shape[1], grid.shape[2])), grid, pieces)


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("pieces", [None, whole_samples(6, 4, 4), split_rows(6, (0, 2, 4))])
def test_holds_what_each_statistic_alone_would_hold(kind: type, pieces: object) -> None:
    grid = draw(6, 4, 5)
    assert_same(state_of(grid, pieces)[kind], feed(kind.empty(Extent.plain(4, 5)), grid, pieces), rtol=0)


@pytest.mark.parametrize("kind", KINDS)
def test_merged_states_hold_all_samples(kind: type) -> None:
    grid = draw(11, 4, 5, offset=10)
    merged = merge_states(state_of(part) for part in np.split(grid, [1, 6, 8]))
    assert_same(merged[kind], state_of(grid)[kind], rtol=1e-11)


def test_one_state_merges_to_itself() -> None:
    alone = state_of(draw(3, 2, 2))
    assert merge_states([alone])[RowMoments] is alone[RowMoments]


@pytest.mark.parametrize("kind", KINDS)
def test_taking_units_and_merging_can_be_exchanged(kind: type) -> None:
    parts = [state_of(part) for part in np.split(draw(9, 3, 6), [4])]
    units = np.array([4, 1])
    taken_first = merge_states(part.take(units) for part in parts)
    assert_same(taken_first[kind], merge_states(parts).take(units)[kind], rtol=0)
