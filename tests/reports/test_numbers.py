"""A number beside a bound is written with the digits that tell on which side of it the number lies."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onnxinv.reports.numbers import number, numbers_beside

finite = st.floats(allow_nan=False, allow_infinity=False)


@given(finite, finite, st.booleans())
def test_a_number_reads_on_the_side_of_the_bound_on_which_it_lies(bound, value, exact):
    shown, (text,) = numbers_beside(bound, [value], exact=exact)
    assert (float(text) > float(shown), float(text) < float(shown)) == (value > bound, value < bound)


@given(st.integers(0, 10**6).map(lambda millionths: millionths / 10**6), finite)
def test_a_bound_reads_as_it_was_written(bound, value):
    assert float(numbers_beside(bound, [value], exact=True)[0]) == bound


@pytest.mark.parametrize(
    ("bound", "values", "expected"),
    [
        pytest.param(0.35, [0.884, 0.871, 0.897], ("0.350", ["0.884", "0.871", "0.897"]), id="far apart: as ever"),
        pytest.param(0.35, [0.35004], ("0.35000", ["0.35004"]), id="as close as the fifth digit"),
        pytest.param(0.35, [0.35], ("0.350", ["0.350"]), id="equal: alike"),
        pytest.param(0.3549, [0.3551], ("0.3549", ["0.355"]), id="a written bound keeps its digits"),
        pytest.param(0.3549, [0.35488], ("0.35490", ["0.35488"]), id="rounding must not change sides"),
        pytest.param(0.35, [0.36, 0.3502, 0.37], ("0.3500", ["0.3600", "0.3502", "0.3700"]), id="an end counts too"),
        pytest.param(0.35, [0.36, 0.35 + 1e-12, 0.37], ("0.350", ["0.360", "0.350", "0.370"]), id="but not for ever"),
    ],
)  # fmt: skip
def test_as_many_digits_as_it_takes(bound, values, expected):
    assert numbers_beside(bound, values, exact=True) == expected


def test_further_digits_are_added_to_every_notation():
    assert [number(value, 2) for value in (0.5, 250.0, 5e-5, None)] == ["0.50000", "250.000", "5.000e-05", "-"]
