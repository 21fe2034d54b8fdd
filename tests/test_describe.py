"""What is said of a plan, a model and a name is complete and fits the width."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from onnxinv.api import inspect, plan
from onnxinv.describe import describe_model, describe_plan, explain, list_names, wrapped
from onnxinv.errors import UsageError
from tests.networks import DIGITS, SHIPPED


def text_of(shown) -> str:
    text = io.StringIO()
    Console(file=text, width=80, color_system=None).print(shown)
    return text.getvalue()


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


def test_a_plan_tells_how_it_is_cut_up():
    text = text_of(
        describe_plan(plan(SHIPPED[0], DIGITS, "rotation:steps=7", device="cpu", threads=1, samples=9, memory="40MiB"))
    )
    assert "9 samples of" in text
    assert "in 9 groups" in text
    assert "from 4,096 units a layer" in text
    assert "budget 40 MiB" in text
    assert "7: identity, rotation" in text


def test_a_model_tells_its_memory_for_the_transforms_asked_for():
    small, large = (
        text_of(describe_model(inspect(SHIPPED[0], DIGITS, f"rotation:steps={steps}"))) for steps in (2, 64)
    )
    assert "With 2 transforms: " in small
    assert "With 64 transforms: " in large


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
    ]


def test_an_unknown_name_is_refused():
    with pytest.raises(UsageError, match="Nothing is called 'x'"):
        explain("x")
