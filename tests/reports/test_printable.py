"""Names from a model are harmless once they went through `printable`."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onnxinv.reports.printable import printable, shorten


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("conv1", "conv1", id="a plain name stays"),
        pytest.param("a b", "a b", id="a blank stays"),
        pytest.param("größe/畳", "größe/畳", id="letters of any script stay"),
        pytest.param("\x1b[31m", "\\x1b[31m", id="an escape is spelt out"),
        pytest.param("a\nb\r\t", "a\\x0ab\\x0d\\x09", id="line breaks and tabs are spelt out"),
        pytest.param("\u202eabc", "\\u202eabc", id="a direction mark is spelt out"),
        pytest.param("\u2028", "\\u2028", id="a line separator is spelt out"),
        pytest.param("\udcff", "\\udcff", id="half a surrogate is spelt out"),
    ],
)
def test_what_is_not_printable_is_spelt_out(text, expected):
    assert printable(text) == expected


@given(st.text(max_size=400), st.integers(1, 60))
def test_is_printable_and_never_longer_than_allowed(text, longest):
    found = printable(text, longest)
    assert found.isprintable()
    assert len(found) <= longest


@given(st.text(alphabet="ab", min_size=5), st.integers(5, 50))
def test_both_ends_of_a_long_name_are_kept(text, longest):
    found = shorten(text, longest)
    head, cut, tail = found.partition("…")
    assert text.startswith(head)
    assert text.endswith(tail)
    assert bool(cut) == (len(text) > longest)


def test_both_ends_of_a_name_of_a_million_characters_are_kept():
    found = printable("begin" + "\n" * 1_000_000 + "end", 30)
    assert found.startswith("begin")
    assert found.endswith("end")
