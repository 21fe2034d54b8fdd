"""Pairwise consistency against a plain count over pairs."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pytest

from onnxinv.measures import measures
from tests.measures.states import state_of
from tests.measures.test_classification import units_of
from tests.statistics.test_predictions import draw


def consistency(grid: np.ndarray, reference: np.ndarray | None = None) -> float:
    built = measures.build("pairwise-consistency")
    known = grid[:, 0] if reference is None else reference
    return float(
        built.compute(state_of(grid, built, reference=known), units_of(grid))["pairwise-consistency"].values[0]
    )


@pytest.mark.parametrize(("transforms", "classes"), [(2, 2), (3, 5), (6, 3), (9, 8)])
def test_is_the_share_of_pairs_of_transforms_with_the_same_class(transforms: int, classes: int) -> None:
    grid, reference, _ = draw(20, transforms, classes, seed=transforms)
    top = grid.argmax(axis=2).tolist()
    pairs = [top[i][j] == top[i][k] for i in range(20) for j, k in combinations(range(transforms), 2)]
    assert consistency(grid, reference) == pytest.approx(sum(pairs) / len(pairs), rel=1e-14)
    assert 0 < sum(pairs) < len(pairs)


def test_does_not_ask_what_the_untransformed_sample_was() -> None:
    grid = np.array([[[0.9, 0.1], [0.8, 0.2]]])
    assert consistency(grid, np.array([[0.3, 0.7]])) == 1


def test_is_0_where_every_transform_gives_another_class() -> None:
    assert consistency(np.eye(3)[None]) == 0


def test_of_one_transform_is_nan() -> None:
    assert np.isnan(consistency(draw(5, 1, 3)[0]))
