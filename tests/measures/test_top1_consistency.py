"""Top-1 consistency against a plain count."""

from __future__ import annotations

import numpy as np
import pytest

from onnxinv.measures import measures
from tests.measures.states import state_of
from tests.measures.test_classification import units_of
from tests.statistics.test_predictions import draw


def consistency(grid: np.ndarray, reference: np.ndarray) -> tuple[float, list[float]]:
    built = measures.build("top1-consistency")
    found = built.compute(state_of(grid, built, reference=reference), units_of(grid))["top1-consistency"]
    assert found.profile is not None
    return float(found.values[0]), found.profile[:, 0].tolist()


@pytest.mark.parametrize("seed", range(3))
def test_is_the_share_of_variants_that_keep_their_class(seed: int) -> None:
    grid, reference, _ = draw(20, 6, 5, seed)
    kept = [[max(range(5), key=grid[i, j].tolist().__getitem__) for j in range(6)] for i in range(20)]
    before = [max(range(5), key=reference[i].tolist().__getitem__) for i in range(20)]
    expected = [sum(kept[i][j] == before[i] for i in range(20)) / 20 for j in range(6)]
    value, profile = consistency(grid, reference)
    assert profile == expected
    assert value == pytest.approx(sum(expected) / 6, rel=1e-14)
    assert 0 < value < 1


def test_is_1_where_the_probabilities_change_and_the_class_does_not() -> None:
    grid = np.array([[[0.9, 0.1], [0.6, 0.4]], [[0.3, 0.7], [0.1, 0.9]]])
    assert consistency(grid, np.array([[0.8, 0.2], [0.4, 0.6]])) == (1, [1, 1])


def test_compares_with_the_untransformed_sample_though_it_is_no_transform_of_the_set() -> None:
    grid = np.array([[[0.9, 0.1], [0.8, 0.2]]])
    assert consistency(grid, np.array([[0.3, 0.7]])) == (0, [0, 0])
