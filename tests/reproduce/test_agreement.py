"""How far values are from others is told channel by channel, and what has no relative difference is counted."""

from __future__ import annotations

import numpy as np
import pytest

from tools.peer.agreement import agreement

LAYERS = {"0000": "conv", "0001": "fc"}


def compared(ours: list[float], theirs: list[float]) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Return the values of two layers, the second of which is the same on both sides."""
    same = np.array([1.0, 2.0])
    return {"nv/0000": np.array(ours), "nv/0001": same}, {"nv/0000": np.array(theirs), "nv/0001": same}


def test_differences_are_relative_and_the_largest_has_a_place() -> None:
    found = agreement(LAYERS, *compared([1.0, 100.0, 4.0], [1.5, 101.0, 4.0]), ["nv"])
    assert (found.channels, found.zero, found.disputed) == (5, 0, 0)
    assert (found.largest, found.where, found.median) == (0.5, "conv, channel 0", 0.0)


def test_values_that_are_equal_differ_by_nothing_be_they_zero_or_infinite() -> None:
    found = agreement(LAYERS, *compared([0.0, np.inf, np.nan], [0.0, np.inf, np.nan]), ["nv"])
    assert (found.zero, found.disputed, found.largest) == (1, 0, 0.0)


@pytest.mark.parametrize(
    ("ours", "theirs"),
    [
        pytest.param(0.0, 1e-9, id="zero only here"),
        pytest.param(1e-9, 0.0, id="zero only there"),
        pytest.param(1.0, np.inf, id="infinite only there"),
        pytest.param(np.inf, 1.0, id="infinite only here"),
        pytest.param(1.0, np.nan, id="not a number only there"),
    ],
)
def test_what_is_zero_or_not_finite_on_one_side_only_is_disputed(ours: float, theirs: float) -> None:
    found = agreement(LAYERS, *compared([1.0, ours], [1.0, theirs]), ["nv"])
    assert (found.disputed, found.largest, found.where) == (1, np.inf, "conv, channel 1")


def test_layers_of_other_sizes_are_not_compared() -> None:
    with pytest.raises(ValueError, match="nv/0000"):
        agreement(LAYERS, *compared([1.0], [1.0, 2.0]), ["nv"])
