"""The grammar `name:key=value,...` and the messages about what does not fit it."""

from __future__ import annotations

from typing import Literal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel, ConfigDict, ValidationError

from onnxinv.errors import UsageError
from onnxinv.spec import Spec, build, did_you_mean, explain_validation, parse


class Thing(BaseModel):
    model_config = ConfigDict(extra="forbid")

    steps: int = 3
    mode: Literal["gray", "rgb"] = "gray"
    size: int | tuple[int, int] | None = None


class Needy(BaseModel):
    path: str


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("rotation", Spec("rotation"), id="a name alone"),
        pytest.param("rotation:steps=3", Spec("rotation", {"steps": "3"}), id="one parameter"),
        pytest.param(" a : b = 1 , c = 2 ", Spec("a ", {"b": "1", "c": "2"}), id="blanks around words go"),
        pytest.param("file.py:function", Spec("file.py:function"), id="a function in a file is a name"),
        pytest.param("C:/x.py:f:steps=1", Spec("C:/x.py:f", {"steps": "1"}), id="a path may hold colons"),
        pytest.param("a:b=", Spec("a", {"b": ""}), id="a value may be empty"),
        pytest.param("a:b=c=d", Spec("a", {"b": "c=d"}), id="a value may hold an equals sign"),
    ],
)
def test_is_split(text, expected):
    assert parse(text) == expected


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        pytest.param("", "names nothing", id="nothing"),
        pytest.param("  ", "names nothing", id="blanks"),
        pytest.param(":a=1", "names nothing", id="parameters without a name"),
        pytest.param("a:b=1,c", "'c' in 'a:b=1,c' is not a parameter", id="a key without a value"),
        pytest.param("a:=1,b=2", "is not a parameter", id="a value without a key"),
        pytest.param("a:b=1,b=2", "'b' is given twice", id="a key twice"),
        pytest.param("a:b=1,", "is not a parameter", id="a comma at the end"),
    ],
)
def test_is_refused(text, reason):
    with pytest.raises(UsageError, match=reason):
        parse(text)


WORD = st.text(alphabet="abcxyz019-_.", min_size=1)


@given(WORD, st.dictionaries(WORD, WORD))
def test_what_is_written_is_what_is_read(name, parameters):
    spec = Spec(name, parameters)
    assert parse(str(spec)) == spec


def test_values_become_what_the_parameters_are():
    assert build(Thing, parse("thing:steps=7,mode=rgb")) == Thing(steps=7, mode="rgb")


@pytest.mark.parametrize(
    ("text", "message", "hint"),
    [
        pytest.param("thing:stpes=7", "has no parameter 'stpes'", "Did you mean 'steps'?", id="a misspelt key"),
        pytest.param("thing:steps=x", "steps: Input should be a valid integer", "", id="a word for a number"),
        pytest.param(
            "thing:mode=grey", "mode: Input should be 'gray' or 'rgb'", "Did you mean 'gray'?", id="a misspelt value"
        ),
        pytest.param(
            "thing:size=x", "cannot be used: size: Input should be", "", id="a value that fits no alternative"
        ),
    ],
)
def test_a_parameter_that_does_not_fit_is_explained(text, message, hint):
    with pytest.raises(UsageError) as caught:
        build(Thing, parse(text))
    assert message in caught.value.message
    assert caught.value.hint == hint


def test_a_missing_parameter_is_named():
    with pytest.raises(UsageError, match=r"lacks the parameter 'path'\. Add path=VALUE\."):
        build(Needy, parse("needy"))


def test_a_key_where_there_are_none_is_refused():
    class Bare(BaseModel):
        pass

    with pytest.raises(UsageError, match="'bare' takes no parameters"):
        build(Bare, parse("bare:a=1"))


def test_pydantic_is_not_quoted_on_the_members_of_a_union():
    with pytest.raises(ValidationError) as caught:
        Thing(size="x")
    message, _ = explain_validation("It", caught.value)
    assert message.startswith("It cannot be used: size: ")


@pytest.mark.parametrize(
    ("word", "known", "hint"),
    [
        pytest.param("rotatoin", ["rotation", "scale"], "Did you mean 'rotation'?", id="a close word -> offered"),
        pytest.param("xyz", ["b", "a"], "There is a, b.", id="no close word -> all, sorted"),
        pytest.param("xyz", [], "", id="nothing known -> nothing"),
        pytest.param(
            "!", list("abcdefghijklmnop"), "There is a, b, c, d, e, f, g, h, i, j, k, l, ....", id="many -> some"
        ),
    ],
)
def test_the_closest_words_are_offered(word, known, hint):
    assert did_you_mean(word, known) == hint
