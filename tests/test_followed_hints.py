"""What the conformance script reads in hints: the options that they name, as arguments."""

from __future__ import annotations

import pytest

from tools.followed_hints import follow


@pytest.mark.parametrize(
    ("hint", "expected"),
    [
        pytest.param("Set it with --set-input sr=VALUE.", {"set_input": ("sr=1",)}, id="a value to choose"),
        pytest.param("Hold it with --set-input h=zeros, or not.", {"set_input": ("h=zeros",)}, id="a value given"),
        pytest.param(
            "Hold one, with --set-input a=VALUE or --set-input b=VALUE.", {"set_input": ("a=1", "b=1")}, id="several"
        ),
        pytest.param("Say --layout NCHW or --layout NHWC.", {"layout": "NCHW"}, id="the first of two layouts"),
        pytest.param("Fix them with --shape x:1,3,8,LENGTH.", {"shape": ("x:1,3,8,4",)}, id="a length to choose"),
        pytest.param(
            "Say it, with --shape u:1,3 (any number), or with --set-input u=VALUE.", {"shape": ("u:1,3",)}, id="or else"
        ),
        pytest.param("Check the preprocessing of the data.", {}, id="no option"),
    ],
)
def test_the_options_that_a_hint_names_are_followed(hint, expected):
    assert follow(hint, {}) == expected


def test_a_later_hint_adds_to_an_earlier_one_and_replaces_what_it_says_of_the_same_input():
    before = {"set_input": ("a=1", "b=1"), "layout": "NCHW"}
    after = follow("Set it with --set-input b=zeros.", before)
    assert after == {"set_input": ("a=1", "b=zeros"), "layout": "NCHW"}
    assert before == {"set_input": ("a=1", "b=1"), "layout": "NCHW"}
