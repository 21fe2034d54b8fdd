"""A strict reader of the part of the Graphviz language that graphs of layers are written in."""

from __future__ import annotations

import re
from collections.abc import Iterator

TOKEN = re.compile(r'\s*(?:(?P<text>"(?:[^"\\]|\\.)*")|(?P<word>[A-Za-z_][A-Za-z_0-9]*)|(?P<sign>->|[{}\[\]=;,]))')
ESCAPES = {"\\\\": "\\", '\\"': '"', "\\n": "\n"}

Attributes = dict[str, str]


def parse_dot(text: str) -> tuple[dict[str, Attributes], list[tuple[str, str]]]:
    """Return the attributes of every node and the arrows; anything else than the language fails."""
    tokens = [*_tokens(text)]
    assert tokens[0] == "digraph"
    assert tokens[2] == "{"
    assert tokens[-1] == "}"
    nodes: dict[str, Attributes] = {}
    edges: list[tuple[str, str]] = []
    statement: list[str] = []
    for token in tokens[3:-1]:
        if token != ";":
            statement.append(token)
            continue
        _read(statement, nodes, edges)
        statement = []
    assert statement == []
    return nodes, edges


def _tokens(text: str) -> Iterator[str]:
    text, place = text.rstrip(), 0
    while place < len(text):
        found = TOKEN.match(text, place)
        assert found is not None, text[place : place + 40]
        place = found.end()
        yield found["text"] or found["word"] or found["sign"]


def _read(statement: list[str], nodes: dict[str, Attributes], edges: list[tuple[str, str]]) -> None:
    match statement:
        case [first, "->", second]:
            edges.append((first, second))
        case ["label", "=", _] | ["node", "[", *_, "]"]:
            pass
        case [name, "[", *inner, "]"]:
            assert name not in nodes
            nodes[name] = {}
            while inner:
                key, sign, value, *inner = inner
                assert sign == "="
                nodes[name][key] = _unquoted(value)
                assert inner[:1] in ([], [","])
                inner = inner[1:]
        case _:
            raise AssertionError(statement)


def _unquoted(text: str) -> str:
    assert text[0] == text[-1] == '"'
    return re.sub(r"\\.", lambda match: ESCAPES[match[0]], text[1:-1], flags=re.DOTALL)
