"""Distances between vectors against extended precision, and their exact zeros."""

from __future__ import annotations

import math

import numpy as np
import pytest

from onnxinv.statistics.vector_distances import both_distances, distances_to_points, rounding_distance
from onnxinv.statistics.vector_pieces import squared_lengths


def by_force(one: np.ndarray, other: np.ndarray) -> tuple[float, float]:
    a, b = one.astype(np.longdouble), other.astype(np.longdouble)
    cosine = np.square(a / np.sqrt(a @ a) - b / np.sqrt(b @ b)).sum() / 2  # 1 - cos without its cancellation
    return float(cosine), float(np.sqrt(((a - b) ** 2).sum()))


def between(one: np.ndarray, other: np.ndarray) -> np.ndarray:
    return both_distances(squared_lengths(one - other), squared_lengths(one), squared_lengths(other))


@pytest.mark.parametrize(("rows", "columns", "units"), [(1, 1, 1), (3, 4, 10), (2, 5, 9000), (2, 70, 2100)])
@pytest.mark.parametrize("offset", [0, 100])
def test_equal_their_definitions(rows: int, columns: int, units: int, offset: float) -> None:
    random = np.random.default_rng(0)
    vectors = (random.standard_normal((rows, columns, units)) + offset).astype(np.float32)
    points = [(random.standard_normal((rows, units)) + offset).astype(np.float32) for _ in range(2)]
    found, squares = distances_to_points(vectors, points)
    assert found.shape == (2, 2, rows, columns)
    np.testing.assert_allclose(squares, np.square(vectors.astype(np.float64)).sum(axis=2), rtol=1e-12)
    for position, table in enumerate(points):
        for row in range(rows):
            for column in range(min(columns, 6)):
                cosine, euclidean = by_force(vectors[row, column], table[row])
                assert found[0, position, row, column] == pytest.approx(cosine, rel=1e-9, abs=1e-15)
                assert found[1, position, row, column] == pytest.approx(euclidean, rel=1e-12)


def test_vectors_that_hardly_differ_lose_no_digits() -> None:
    one = np.random.default_rng(0).standard_normal(500) + 3
    other = one + 1e-7 * np.random.default_rng(1).standard_normal(500)
    cosine, euclidean = by_force(one, other)
    assert cosine < 1e-14
    np.testing.assert_allclose(between(one, other), [cosine, euclidean], rtol=1e-6)
    np.testing.assert_allclose(between(one, other)[1], euclidean, rtol=1e-12)


@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_equal_vectors_are_at_no_distance_at_all(dtype: str) -> None:
    vectors = np.random.default_rng(0).standard_normal((2, 1, 5001)).astype(dtype).repeat(7, axis=1)
    assert not distances_to_points(vectors, [vectors[:, 3]])[0].any()


def test_the_cosine_of_opposite_vectors_is_2_and_of_orthogonal_ones_1() -> None:
    east, north = np.array([3.0, 0.0]), np.array([0.0, 5.0])
    assert between(east, -2 * east)[0] == 2
    assert between(east, north)[0] == pytest.approx(1, rel=1e-15)
    assert between(east, 7 * east)[0] == 0


def test_the_cosine_of_parallel_vectors_is_0_within_rounding_and_never_below() -> None:
    one = np.random.default_rng(0).standard_normal((500, 40))
    found = between(one, one * np.random.default_rng(1).uniform(0.2, 3, (500, 1)))[0]
    assert (found >= 0).all()
    assert found.max() < 1e-15
    assert (between(one, -one)[0] <= 2).all()


def test_a_zero_vector_is_at_cosine_0_from_itself_and_1_from_any_other() -> None:
    zero, other = np.zeros(3), np.array([0.0, 2.0, 0.0])
    assert between(zero, zero).tolist() == [0, 0]
    assert between(zero, other).tolist() == [1, 2]
    assert between(other, zero).tolist() == [1, 2]


@pytest.mark.filterwarnings("ignore:invalid value:RuntimeWarning")
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf], ids=str)
def test_no_distance_to_a_vector_that_is_not_finite_is_a_finite_number(bad: float) -> None:
    for other in (np.array([1.0, 2.0]), np.array([0.0, 0.0]), np.array([bad, 1.0])):
        for found in (between(np.array([bad, 1.0]), other), between(other, np.array([bad, 1.0]))):
            assert math.isnan(found[0])
            assert not np.isfinite(found[1])


@pytest.mark.parametrize("distance", ["cosine", "euclidean"])
def test_what_rounding_alone_does_is_within_its_limit(distance: str) -> None:
    resolution = 4 * 2.0**-23
    exact = np.random.default_rng(0).uniform(1, 2, (1, 300))
    rounded = (exact * (1 + resolution * np.random.default_rng(1).choice([-1, 1], exact.shape)))[:, None]
    found = dict(zip(("cosine", "euclidean"), distances_to_points(rounded, [exact])[0].ravel(), strict=True))
    limit = rounding_distance(distance, np.square(exact).sum(), resolution)
    assert 0.9 * limit < found[distance] <= limit * (1 + 1e-6)
