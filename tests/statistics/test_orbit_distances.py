"""Orbit distances against a brute force, and their exact zeros."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from onnxinv.statistics import Extent
from onnxinv.statistics.orbit_distances import OrbitDistances
from tests.statistics.grid import Grid, assert_same, draw, feed, whole_samples


def distances(grid: Grid, together: int = 16) -> OrbitDistances:
    empty = OrbitDistances.empty(Extent.plain(grid.shape[1], grid.shape[2]))
    return feed(empty, grid, whole_samples(len(grid), grid.shape[1], together))


def by_force(grid: Grid) -> np.ndarray:
    """Return the (2, transforms) sums over samples of cosine and euclidean distances to the centroid."""
    total = np.zeros((2, grid.shape[1]), dtype=np.longdouble)
    for orbit in grid.astype(np.longdouble):
        centroid = sum(orbit) / len(orbit)
        for j, variant in enumerate(orbit):
            one, other = (vector / np.sqrt((vector * vector).sum()) for vector in (variant, centroid))
            total[0, j] += ((one - other) ** 2).sum() / 2
            total[1, j] += np.sqrt(((variant - centroid) ** 2).sum())
    return total.astype(float)


def assert_by_force(found: OrbitDistances, grid: Grid, rtol: float) -> None:
    assert found.count == len(grid)
    np.testing.assert_allclose(found.total, by_force(grid), rtol=rtol)
    np.testing.assert_allclose(found.squares, np.square(grid.astype(np.float64)).sum(axis=(0, 2)), rtol=1e-12)


@given(
    samples=st.integers(1, 9),
    transforms=st.integers(2, 6),
    units=st.integers(2, 9),
    seed=st.integers(0, 999),
    dtype=st.sampled_from(["float32", "float64"]),
)
@settings(max_examples=50)
def test_equal_their_definition(samples: int, transforms: int, units: int, seed: int, dtype: str) -> None:
    grid = draw(samples, transforms, units, seed=seed).astype(dtype)
    assert_by_force(distances(grid), grid, rtol=1e-9)


@pytest.mark.parametrize("shape", [(5, 3, 9000), (3, 90, 2500)], ids=str)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_equal_their_definition_on_layers_of_several_pieces(shape: tuple[int, int, int], dtype: str) -> None:
    grid = draw(*shape).astype(dtype)
    assert_by_force(distances(grid), grid, rtol=1e-11)


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_survive_a_mean_far_above_the_deviation(dtype: str) -> None:
    grid = draw(5, 4, 300, offset=1e4).astype(dtype)
    found, expected = distances(grid), by_force(grid)
    np.testing.assert_allclose(found.total[1], expected[1], rtol=1e-11)
    np.testing.assert_allclose(found.total[0], expected[0], rtol=1e-6)  # 1 - cos is 1e-8 there


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
@pytest.mark.parametrize("transforms", [1, 2, 3, 7, 16])
def test_of_equal_variants_are_exactly_zero(dtype: str, transforms: int) -> None:
    vectors = (draw(6, 1, 3000).astype(np.float64) * np.pi).astype(dtype)
    assert not distances(vectors.repeat(transforms, axis=1)).total.any()


@pytest.mark.parametrize("together", range(1, 8))
def test_do_not_depend_on_how_many_samples_come_together(together: int) -> None:
    grid = draw(7, 3, 20)
    assert_same(distances(grid, together), distances(grid), rtol=1e-13)


def test_the_order_of_samples_and_transforms_changes_nothing() -> None:
    grid = draw(7, 5, 20)
    found, turned = distances(grid), distances(grid[::-1, ::-1])
    np.testing.assert_allclose(turned.total[:, ::-1], found.total, rtol=1e-12)


def test_merged_groups_in_any_order_equal_one_run() -> None:
    grid = draw(12, 3, 9)
    parts = [distances(part) for part in np.split(grid, [1, 4, 6])]
    for a, b, c, d in permutations(parts):
        assert_same(a.merge(b).merge(c.merge(d)), distances(grid), rtol=1e-12)


def test_are_of_the_layer_whichever_units_are_taken() -> None:
    found = distances(draw(4, 2, 9))
    assert found.take(slice(0, 3)) is found


@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf], ids=str)
@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_non_finite_activation_spoils_all_transforms(bad: float, dtype: str) -> None:
    grid = draw(5, 3, 7).astype(dtype)
    grid[2, 1, 3] = bad
    assert not np.isfinite(distances(grid).total).any()
