"""Evenly spaced values without rounding noise."""

from __future__ import annotations

import numpy as np
import pytest

from onnxinv.transforms.levels import angles_of, angles_within, evenly, short


@pytest.mark.parametrize(
    ("low", "high", "steps"),
    [
        pytest.param(0.0, 0.15, 7, id="from zero"),
        pytest.param(0.6, 1.4, 9, id="around one"),
        pytest.param(-45.0, 45.0, 8, id="around zero"),
        pytest.param(3.0, 4.0, 1, id="a single step is the low end"),
    ],
)
def test_values_are_those_of_linspace(low: float, high: float, steps: int) -> None:
    np.testing.assert_allclose(evenly(low, high, steps), np.linspace(low, high, steps), rtol=0, atol=1e-12)


def test_values_carry_no_rounding_noise() -> None:
    assert evenly(0, 0.15, 7) == [0.0, 0.025, 0.05, 0.075, 0.1, 0.125, 0.15]


@pytest.mark.parametrize("degrees", [pytest.param(d, id=f"{d} degrees") for d in (0.1, 7.7, 90.0, 359.9)])
@pytest.mark.parametrize("steps", [pytest.param(n, id=f"{n} steps") for n in (1, 3, 7, 49)])
def test_an_odd_number_of_angles_has_zero_in_the_middle(degrees: float, steps: int) -> None:
    angles = angles_within(degrees, steps)
    assert steps == 1 or angles[steps // 2] == 0
    assert steps == 1 or angles == [-angle for angle in reversed(angles)]


def test_angles_of_the_whole_circle_begin_at_zero_and_others_lie_around_it() -> None:
    assert angles_of(360, 4) == [0, 90, 180, 270]
    assert angles_of(90, 3) == [-45, 0, 45]


@pytest.mark.parametrize(
    ("value", "text"),
    [
        pytest.param(22.5, "22.5", id="fractions keep their digits"),
        pytest.param(90.0, "90", id="whole numbers have no point"),
        pytest.param(360 / 7, "51.4286", id="long numbers are cut to six digits"),
        pytest.param(-0.025, "-0.025", id="the sign stays"),
    ],
)
def test_numbers_in_names_are_short(value: float, text: str) -> None:
    assert short(value) == text
