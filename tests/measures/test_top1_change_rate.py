"""Top-1 change rate and the change of the top probability against their definitions."""

from __future__ import annotations

import numpy as np
import pytest

from onnxinv.measures import measures
from tests.measures.states import state_of
from tests.measures.test_classification import units_of, values_of
from tests.statistics.test_predictions import draw

NAME, CHANGE = "top1-change-rate", "top1-probability-change"


@pytest.mark.parametrize("seed", range(3))
def test_are_the_share_of_changed_classes_and_the_mean_absolute_change_of_the_top_probability(seed: int) -> None:
    grid, reference, _ = draw(20, 6, 5, seed)
    changed, moved = np.zeros(6), np.zeros(6)
    for i in range(20):
        before = reference[i].tolist()
        for j in range(6):
            after = grid[i, j].tolist()
            changed[j] += (after.index(max(after)) != before.index(max(before))) / 20
            moved[j] += abs(max(after) - max(before)) / 20
    built = measures.build(NAME)
    found = built.compute(state_of(grid, built, reference=reference), units_of(grid))
    for key, expected in ((NAME, changed), (CHANGE, moved)):
        assert found[key].values[0] == pytest.approx(expected.mean(), rel=1e-12)
        profile = found[key].profile
        assert profile is not None
        assert profile[:, 0] == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize("seed", range(3))
def test_is_what_top1_consistency_leaves_of_1(seed: int) -> None:
    grid, reference, _ = draw(13, 7, 4, seed)
    consistency = values_of("top1-consistency", grid, reference)["top1-consistency"]
    assert values_of(NAME, grid, reference)[NAME] == pytest.approx(1 - consistency, rel=1e-14)


def test_gains_and_losses_of_probability_do_not_cancel() -> None:
    grid = np.array([[[0.9, 0.1], [0.5, 0.5]]])
    found = values_of(NAME, grid, np.array([[0.7, 0.3]]))
    assert found == {NAME: 0, CHANGE: pytest.approx(0.2, rel=1e-14)}


def test_the_probability_of_another_top_class_is_no_change_of_its_own() -> None:
    assert values_of(NAME, np.array([[[0.25, 0.75]]]), np.array([[0.75, 0.25]])) == {NAME: 1, CHANGE: 0}
