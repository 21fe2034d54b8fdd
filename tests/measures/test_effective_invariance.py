"""Effective invariance against its definition, sample by sample."""

from __future__ import annotations

import math

import numpy as np
import pytest

from onnxinv.measures import measures
from tests.measures.states import state_of
from tests.measures.test_classification import units_of, values_of
from tests.statistics.test_predictions import draw

NAME = "effective-invariance"


@pytest.mark.parametrize("seed", range(3))
def test_is_the_geometric_mean_of_the_top_probabilities_where_the_class_is_kept(seed: int) -> None:
    grid, reference, _ = draw(20, 6, 5, seed)
    expected = np.zeros(6)
    for i in range(20):
        before = reference[i].tolist()
        for j in range(6):
            after = grid[i, j].tolist()
            if after.index(max(after)) == before.index(max(before)):
                expected[j] += math.sqrt(max(after) * max(before)) / 20
    built = measures.build(NAME)
    found = built.compute(state_of(grid, built, reference=reference), units_of(grid))[NAME]
    assert found.values[0] == pytest.approx(expected.mean(), rel=1e-13)
    assert found.profile is not None
    assert found.profile[:, 0] == pytest.approx(expected, rel=1e-13)


def test_of_the_identity_is_the_mean_top_probability() -> None:
    _, reference, _ = draw(9, 1, 4)
    found = values_of(NAME, reference[:, None], reference)[NAME]
    assert found == pytest.approx(reference.max(axis=1).mean(), rel=1e-14)


@pytest.mark.parametrize(("after", "expected"), [([0.64, 0.36], 0.8), ([0.36, 0.64], 0.0), ([1.0, 0.0], 1.0)])
def test_counts_how_sure_the_model_is_only_where_the_class_is_kept(after: list[float], expected: float) -> None:
    found = values_of(NAME, np.array([[after]]), np.array([[1.0, 0.0]]))[NAME]
    assert found == pytest.approx(expected, rel=1e-15)


@pytest.mark.parametrize("seed", range(5))
def test_is_never_above_top1_consistency(seed: int) -> None:
    grid, reference, _ = draw(6, 4, 3, seed)
    consistency = values_of("top1-consistency", grid, reference)["top1-consistency"]
    assert values_of(NAME, grid, reference)[NAME] < consistency
