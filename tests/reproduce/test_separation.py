"""When sets of profiles count as apart: both conditions, either, or neither."""

from __future__ import annotations

import math

import numpy as np
import pytest

from tools.reproduce import separation
from tools.reproduce.replicates import Apart

FAR, NEAR = (2.0, 1.0), (0.5, 1.0)
GAP = Apart(math.nan, math.nan, math.nan)


@pytest.mark.parametrize(
    ("found", "status"),
    [
        pytest.param([Apart(*FAR, 0.01), Apart(*FAR, 0.024)], "holds", id="all are far and significant"),
        pytest.param([Apart(*FAR, 0.01), Apart(*NEAR, 0.9)], "does not hold", id="one is neither"),
        pytest.param([Apart(*FAR, 0.01), Apart(*FAR, 0.9)], "cannot be decided", id="one is far alone"),
        pytest.param([Apart(*FAR, 0.01), Apart(*NEAR, 0.01)], "cannot be decided", id="one is significant alone"),
        pytest.param([Apart(*FAR, 0.03), Apart(*FAR, 0.03)], "cannot be decided", id="none is after Holm's correction"),
        pytest.param([Apart(1.0, 1.0, 0.01)], "cannot be decided", id="as far as seeds is not above"),
        pytest.param([Apart(*FAR, 0.05)], "cannot be decided", id="the level itself is not below"),
        pytest.param([Apart(*FAR, 0.01), GAP], "cannot be decided", id="one has a gap"),
        pytest.param([GAP, Apart(*NEAR, 0.9)], "does not hold", id="one has a gap and one is neither"),
    ],
)
def test_pairs_decide_together(monkeypatch, found, status):
    given = iter(found)
    monkeypatch.setattr(separation, "apart", lambda a, b: next(given))
    others = {f"set {place}": np.zeros((2, 3)) for place in range(len(found))}
    assert separation.separation_from(np.zeros((2, 3)), others)[0] == status


def test_every_two_sets_are_a_pair():
    sets = [place + np.random.default_rng(place).normal(size=(4, 3)) for place in range(4)]
    _, sentence, table = separation.separation("abcd", sets)
    assert [row[0] for row in table.rows] == ["a / b", "a / c", "a / d", "b / c", "b / d", "c / d"]
    assert "of 6 pairs are apart" in sentence


def test_the_sentence_tells_the_least_ratio_and_the_largest_corrected_pvalue(monkeypatch):
    given = iter([Apart(3.0, 1.0, 0.01), Apart(4.0, 2.0, 0.02)])
    monkeypatch.setattr(separation, "apart", lambda a, b: next(given))
    _, sentence, table = separation.separation_from(np.zeros((2, 3)), {"x": np.ones((2, 3)), "y": np.ones((2, 3))})
    assert sentence.startswith("2 of 2 pairs are apart: distances are at least 2 times")
    assert sentence.endswith("p-value is 0.02.")
    assert table.rows == [("x", "3", "1", "3", "0.02"), ("y", "4", "2", "2", "0.02")]


def test_sets_without_any_spread_can_be_told_apart():
    status, _, table = separation.separation_from(np.zeros((4, 3)), {"ones": np.ones((4, 3))})
    assert status == "holds"
    assert table.rows[0][3] == "inf"
