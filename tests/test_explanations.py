"""What is said of a registered name is complete and fits the width."""

from __future__ import annotations

import pytest

from onnxinv.errors import UsageError
from onnxinv.explanations import explain, list_names, wrapped


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("a\nb", "a b", id="a line that goes on is joined"),
        pytest.param("a.\nb", "a.\nb", id="a sentence that ended ends its line"),
        pytest.param("a\n\nb", "a\n\nb", id="paragraphs stay apart"),
        pytest.param("a\n  b\n  c", "a\n  b\n  c", id="indented lines stay lines"),
        pytest.param("x" * 50 + "\n" + "y" * 50, "x" * 50 + "\n" + "y" * 50, id="what does not fit is broken"),
        pytest.param(
            "  k  " + "x" * 50 + " " + "y" * 50,
            "  k  " + "x" * 50 + "\n    " + "y" * 50,
            id="the rest of an indented line hangs",
        ),
    ],
)
def test_text_is_wrapped(text, expected):
    assert wrapped(text) == expected


def test_a_measure_tells_its_rules():
    text = explain("normalized-variance")
    assert "normalized-variance: 0 to inf; lower is more invariant." in text
    assert "Interval: delete-a-group jackknife." in text


def test_kinds_are_listed():
    assert [line.split(":")[0] for line in list_names().split("\n\n")] == [
        "measures",
        "transforms",
        "data sources",
        "formats",
        "comparison formats",
        "check formats",
    ]


def test_an_unknown_name_is_refused():
    with pytest.raises(UsageError, match="Nothing is called 'x'"):
        explain("x")
