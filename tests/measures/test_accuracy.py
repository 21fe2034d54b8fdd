"""Accuracy and worst-case accuracy against plain counts."""

from __future__ import annotations

import numpy as np
import pytest

from onnxinv.measures import measures
from tests.measures.states import state_of
from tests.measures.test_classification import units_of, values_of
from tests.statistics.test_predictions import draw

NAME, WORST = "accuracy", "worst-case-accuracy"


@pytest.mark.parametrize("seed", range(3))
def test_are_the_share_of_right_variants_and_of_samples_right_under_every_transform(seed: int) -> None:
    grid, reference, labels = draw(20, 4, 5, seed)
    right = [[grid[i, j].tolist().index(grid[i, j].max()) == labels[i] for j in range(4)] for i in range(20)]
    expected = [sum(right[i][j] for i in range(20)) / 20 for j in range(4)]
    built = measures.build(NAME)
    found = built.compute(state_of(grid, built, reference=reference, labels=labels), units_of(grid))
    profile = found[NAME].profile
    assert profile is not None
    assert profile[:, 0].tolist() == expected
    assert found[NAME].values[0] == pytest.approx(sum(expected) / 4, rel=1e-14)
    assert found[WORST].values[0] == sum(all(row) for row in right) / 20
    assert 0 < found[WORST].values[0] < min(expected)


def test_the_worst_case_may_be_0_under_transforms_that_are_each_right_half_of_the_time() -> None:
    grid = np.array([[[0.9, 0.1], [0.1, 0.9]], [[0.1, 0.9], [0.9, 0.1]]])
    assert values_of(NAME, grid, grid[:, 0], np.array([0, 0])) == {NAME: 0.5, WORST: 0}


def test_the_untransformed_sample_counts_only_as_a_transform_of_the_set() -> None:
    grid = np.array([[[0.1, 0.9]]])
    assert values_of(NAME, grid, np.array([[0.9, 0.1]]), np.array([1])) == {NAME: 1, WORST: 1}


def test_without_labels_there_is_none() -> None:
    grid, reference, _ = draw(4, 3, 2)
    assert np.isnan(list(values_of(NAME, grid, reference).values())).all()
