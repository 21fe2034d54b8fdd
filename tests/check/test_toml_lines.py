"""The line of every key, table and element of a TOML text is found."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Sequence
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from onnxinv.toml_lines import lines_by_place


def held(content: Any, place: Sequence[str | int]) -> Any:
    """Return what stands at a place of a parsed document; fails where nothing does."""
    for key in place:
        content = content[key]
    return content


@pytest.mark.parametrize(
    ("text", "places"),
    [
        pytest.param("a = 1\n\n# c\nb = 2", {("a",): 1, ("b",): 4}, id="keys"),
        pytest.param("a.b = 1\na.c = 2", {("a",): 1, ("a", "b"): 1, ("a", "c"): 2}, id="dotted keys"),
        pytest.param("'x.y' = 1\n\"\\u00e9\" = 2", {("x.y",): 1, ("é",): 2}, id="quoted keys"),
        pytest.param(
            "[a]\nx = 1\n[a.b]\ny = 1", {("a",): 1, ("a", "x"): 2, ("a", "b"): 3, ("a", "b", "y"): 4}, id="tables"
        ),
        pytest.param(
            "[tool.other]\n[tool.onnxinv]\n[tool]\n",
            {("tool",): 3, ("tool", "other"): 1, ("tool", "onnxinv"): 2},
            id="a table that stands below its own tables",
        ),
        pytest.param(
            "[[r]]\n[[r.l]]\nm = 1\n[[r.l]]\n[r.t]\nk = 1\n[[r]]\n[[r.l]]\nm = 2",
            {
                ("r",): 1,
                ("r", 0): 1,
                ("r", 0, "l"): 2,
                ("r", 0, "l", 0): 2,
                ("r", 0, "l", 0, "m"): 3,
                ("r", 0, "l", 1): 4,
                ("r", 0, "t"): 5,
                ("r", 0, "t", "k"): 6,
                ("r", 1): 7,
                ("r", 1, "l"): 8,
                ("r", 1, "l", 0): 8,
                ("r", 1, "l", 0, "m"): 9,
            },
            id="arrays of tables in arrays of tables",
        ),
        pytest.param(
            "a = [ # ] [[no]]\n  1,\n\n  # c\n  [2,\n3], ]\nb = 1",
            {("a",): 1, ("a", 0): 2, ("a", 1): 5, ("a", 1, 0): 5, ("a", 1, 1): 6, ("b",): 7},
            id="an array over lines with comments",
        ),
        pytest.param(
            "a = [{x = 1, 'y.z' = {w = '}'}},\n{}]\nb = 2",
            {
                ("a",): 1,
                ("a", 0): 1,
                ("a", 0, "x"): 1,
                ("a", 0, "y.z"): 1,
                ("a", 0, "y.z", "w"): 1,
                ("a", 1): 2,
                ("b",): 3,
            },
            id="inline tables",
        ),
        pytest.param('a = """\n[b]\nc = 1\\"""\n"""""\nd = 1', {("a",): 1, ("d",): 5}, id="a text over lines"),
        pytest.param("a = '''\nb = 1\n'''''\nd = 1", {("a",): 1, ("d",): 4}, id="a literal text over lines"),
        pytest.param("a = 1979-05-27 07:32:00 # c\nb = inf", {("a",): 1, ("b",): 2}, id="a date with a blank"),
        pytest.param(
            "a = 1\r\n[b]\r\nc = [\r\n1]\r\n", {("a",): 1, ("b",): 2, ("b", "c"): 3, ("b", "c", 0): 4}, id="CRLF"
        ),
        pytest.param(
            "a = '\u2028\x85' # \u2029\nb = 1", {("a",): 1, ("b",): 2}, id="what ends a line of text, but none of TOML"
        ),
        pytest.param("", {}, id="nothing"),
    ],
)
def test_every_place_has_its_line(text, places):
    tomllib.loads(text)
    assert lines_by_place(text) == places


def test_what_is_nested_deeply_has_at_least_the_line_of_its_key():
    text = "a = 1\nb = " + "[" * 300 + "]" * 300
    tomllib.loads(text)
    assert lines_by_place(text)[("b",)] == 2


words = st.text(st.characters(codec="utf-8", exclude_characters="\x7f"), min_size=1, max_size=6)
scalars = st.one_of(words, st.integers(-9, 9), st.booleans())
values = st.recursive(
    scalars,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(words, inner, max_size=3)),
    max_leaves=6,
)
gaps = st.sampled_from(["", "\n", "\n\n", " # c ] } ''' \"\n", "\r\n"])


def quoted(text: str) -> str:
    """Return a key or text as TOML writes it; JSON writes it in the same way."""
    return json.dumps(text, ensure_ascii=False).replace("\x7f", "\\u007f")


@st.composite
def written(draw: st.DrawFn, value: object) -> str:
    """Draw a way to write a value, with line breaks where TOML allows them."""
    if isinstance(value, list):
        parts = [draw(gaps) + draw(written(each)) + draw(gaps) for each in value]
        return f"[{','.join(parts)}{draw(gaps)}]"
    if isinstance(value, dict):
        return "{" + ", ".join(f"{quoted(key)} = {draw(written(each))}" for key, each in value.items()) + "}"
    if isinstance(value, bool):
        return str(value).lower()
    return quoted(value) if isinstance(value, str) else str(value)


def places_of(value: object) -> list[tuple[str | int, ...]]:
    """Return the places of everything within a value."""
    if isinstance(value, dict):
        pairs: list[tuple[str | int, object]] = list(value.items())
    else:
        pairs = list(enumerate(value)) if isinstance(value, list) else []
    return [place for key, inner in pairs for place in ((key,), *((key, *deeper) for deeper in places_of(inner)))]


@st.composite
def documents(draw: st.DrawFn) -> str:
    """Draw a document of statements, tables and arrays of tables, nested once."""
    pairs = st.dictionaries(words, values, max_size=3)

    def body() -> str:
        lines = [f"{quoted(key)} = {draw(written(value))}" for key, value in draw(pairs).items()]
        return "".join(line + draw(st.sampled_from(["\n", "\n\n", " # c\n", "\r\n"])) for line in lines)

    text = body()
    used = set(tomllib.loads(text))
    for name in draw(st.lists(words.filter(lambda word: word not in used), max_size=2, unique=True)):
        for _ in range(draw(st.integers(1, 2))):
            text += f"[[ {quoted(name)} ]]\n{body()}"
            inner = next(word for word in ("l", "m", "n", "o") if f'"{word}" =' not in text)
            text += f"[[{quoted(name)}.{inner}]]\n{body()}" * draw(st.integers(0, 1))
    return text


@given(documents())
def test_what_is_found_is_just_what_the_document_holds_on_lines_that_begin_it(text):
    content = tomllib.loads(text)
    found = lines_by_place(text)
    assert set(found) == set(places_of(content))
    lines = text.split("\n")
    for place, number in found.items():
        held(content, place)
        line = lines[number - 1]
        if isinstance(place[-1], str):
            assert quoted(place[-1]) in line or place[-1] in line
        elif isinstance(value := held(content, place), str):
            assert quoted(value) in line
        elif isinstance(value, bool | int):
            assert str(value).lower() in line
        else:
            assert "[" in line or "{" in line
