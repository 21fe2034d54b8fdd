"""Rows that hardly vary are kept, merged and cut with their units."""

from __future__ import annotations

import numpy as np

from onnxinv.statistics.faint_rows import FaintRows


def rows(*pairs: tuple[int, float]) -> FaintRows:
    return FaintRows.gathered([(np.array([unit]), np.array([std])) for unit, std in pairs], units=10)


def test_they_are_sorted_whatever_the_order_of_arrival() -> None:
    found = rows((3, 2e-9), (1, 5e-9), (3, 1e-9))
    assert found.unit.tolist() == [1, 3, 3]
    assert found.std.tolist() == [5e-9, 1e-9, 2e-9]


def test_merging_keeps_the_rows_of_both() -> None:
    merged = rows((3, 2e-9)).merge(rows((1, 1e-9)), units=10)
    assert list(zip(merged.unit.tolist(), merged.std.tolist(), strict=True)) == [(1, 1e-9), (3, 2e-9)]


def test_taking_units_renumbers_the_rows() -> None:
    found = rows((1, 1e-9), (3, 2e-9), (7, 3e-9))
    assert found.take(slice(2, 8), 10).unit.tolist() == [1, 5]
    assert found.take(np.array([7, 1]), 10).std.tolist() == [1e-9, 3e-9]
    assert found.take(np.array([7, 1]), 10).unit.tolist() == [1, 0]


def test_only_rows_within_the_limit_of_their_unit_are_summed() -> None:
    total, squares = rows((0, 1.0), (0, 2.0), (1, 2.0)).sums_up_to(np.array([1.5, 3.0, 9.0]))
    assert total.tolist() == [1, 2, 0]
    assert squares.tolist() == [1, 4, 0]


def test_a_layer_with_too_many_keeps_none_and_says_so_also_after_merging() -> None:
    many = FaintRows.most(10) + 1
    full = FaintRows.gathered([(np.zeros(many, dtype=np.intp), np.ones(many))], units=10)
    assert not full.complete
    assert full.unit.size == 0
    assert not rows((1, 1e-9)).merge(full, units=10).complete
