"""Pieces of vectors cover a table once, in float64, whatever its shape."""

from __future__ import annotations

import numpy as np
import pytest

from onnxinv.statistics.vector_pieces import pieces, squared_lengths

SHAPES = [
    pytest.param((1, 1, 1), id="one activation"),
    pytest.param((16, 16, 10), id="a small layer"),
    pytest.param((3, 5, 9001), id="units in several runs"),
    pytest.param((7, 90, 2500), id="rows and units in several runs"),
    pytest.param((2, 700, 600), id="a single row is more than a piece"),
]


def table(shape: tuple[int, ...], dtype: str = "float32") -> np.ndarray:
    return np.random.default_rng(0).standard_normal(shape).astype(dtype)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("dtype", ["float16", "float32", "float64"])
def test_hold_every_activation_once(shape: tuple[int, int, int], dtype: str) -> None:
    vectors = table(shape, dtype)
    found = np.full(shape, np.nan)
    for piece in pieces(vectors):
        assert np.isnan(found[piece.rows, :, piece.units]).all()
        assert piece.values.dtype == np.float64
        assert piece.scratch.shape == piece.values.shape
        assert piece.point.shape == (len(piece.values), piece.values.shape[2])
        found[piece.rows, :, piece.units] = piece.values
    np.testing.assert_array_equal(found, vectors)


@pytest.mark.parametrize("shape", SHAPES)
def test_all_rows_of_a_run_of_units_come_before_the_next_run(shape: tuple[int, int, int]) -> None:
    order = [(piece.units.start, piece.rows.start) for piece in pieces(table(shape))]
    assert order == sorted(order)


@pytest.mark.parametrize("shape", SHAPES)
def test_what_is_written_into_one_part_leaves_the_others_and_the_table(shape: tuple[int, int, int]) -> None:
    vectors = table(shape)
    for piece in pieces(vectors):
        expected = piece.values.copy()
        piece.scratch[...] = 1
        piece.point[...] = 2
        np.testing.assert_array_equal(piece.values, expected)
        assert (piece.scratch == 1).all()
        piece.values[...] = 3
        assert (piece.point == 2).all()
    np.testing.assert_array_equal(vectors, table(shape))


def test_two_tables_can_be_cut_at_the_same_time() -> None:
    one, other = table((4, 3, 5000)), -table((4, 3, 5000))
    for first, second in zip(pieces(one), pieces(other), strict=True):
        np.testing.assert_array_equal(first.values, one[first.rows, :, first.units])
        np.testing.assert_array_equal(second.values, other[second.rows, :, second.units])


def test_a_table_need_not_be_contiguous() -> None:
    vectors = table((6, 4, 3000))
    turned = vectors.transpose(1, 0, 2)[::2]
    found = np.concatenate([piece.values.ravel() for piece in pieces(turned)])
    assert np.sort(found).tolist() == np.sort(vectors[:, ::2].ravel()).tolist()


def test_squared_lengths_are_sums_of_squares_over_the_last_axis() -> None:
    vectors = table((3, 4, 77), "float64")
    np.testing.assert_allclose(squared_lengths(vectors), (vectors**2).sum(axis=-1), rtol=1e-13)
