"""Seconds add up, and are divided evenly between those that they were spent on."""

from __future__ import annotations

from onnxinv.spent import Spent


def test_seconds_are_divided_evenly() -> None:
    spent: Spent[str] = Spent()
    spent.charge(3, "a", "b", "c", "d")
    assert spent == dict.fromkeys("abcd", 0.75)


def test_seconds_add_up() -> None:
    spent: Spent[str] = Spent()
    spent.charge(1, "a")
    spent.charge(4, "a", "b")
    spent.include({"b": 8.0, "c": 16.0}.items())
    assert spent == {"a": 3, "b": 10, "c": 16}
