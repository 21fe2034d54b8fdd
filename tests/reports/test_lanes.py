"""Rows have lanes in which a line can be drawn to what follows them, and few of them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onnxinv.reports.page.lanes import lanes


@pytest.mark.parametrize(
    ("after", "expected"),
    [
        pytest.param([], [], id="nothing -> nothing"),
        pytest.param([[], [0], [1], [2]], [0, 0, 0, 0], id="a chain -> one lane"),
        pytest.param(
            [[], [0], [1], [0, 2]], [0, 1, 1, 0], id="a residual block -> the shortcut stays, the block beside"
        ),
        pytest.param([[], [0], [0], [0], [1, 2, 3]], [0, 1, 2, 0, 0], id="three branches -> three lanes"),
        pytest.param([[], [], [0, 1]], [0, 1, 0], id="two inputs -> two lanes that meet"),
        pytest.param([[], [0], [0], [2]], [0, 1, 0, 0], id="a dead end -> a lane that is free again"),
        pytest.param([[], [], []], [0, 0, 0], id="nothing follows -> one lane"),
        pytest.param([[], [0], [1], [2, 1], [3, 0]], [0, 1, 2, 1, 0], id="a U -> one lane a level"),
    ],
)
def test_lanes(after, expected):
    assert lanes(after) == expected


@st.composite
def graphs(draw: st.DrawFn) -> list[list[int]]:
    rows = draw(st.integers(1, 25))
    return [sorted(draw(st.sets(st.integers(0, row - 1), max_size=4))) if row else [] for row in range(rows)]


@given(graphs())
def test_no_row_stands_in_the_way_of_a_line(after):
    found = lanes(after)
    for row, before in enumerate(after):
        for other in before:
            between = [found[place] for place in range(other + 1, row)]
            assert found[other] not in between


@given(graphs())
def test_no_lane_stays_empty(after):
    found = lanes(after)
    assert set(found) == set(range(max(found) + 1))
    lines = [sum(other < row < last for other, last in _lines(after)) for row in range(len(after))]
    assert max(found) <= max(lines)


def _lines(after: list[list[int]]) -> list[tuple[int, int]]:
    return [(row, max([row, *(at for at, before in enumerate(after) if row in before)])) for row in range(len(after))]
