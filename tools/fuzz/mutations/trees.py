"""JSON and TOML changed as what they are: any value of a tree for another, texts that only a parser can refuse."""

from __future__ import annotations

import copy
import json
import random
import tomllib
from typing import Any

from tools.fuzz.mutations.values import INTEGERS, TEXTS

_RAW = "@raw@"
"""Stands for a text that no writer writes, until the tree is written."""

_JSON_TEXTS = (
    "9" * 400,
    "9" * 5000,
    "-1e999",
    "NaN",
    "-Infinity",
    "1e-400",
    "[" * 100_000,
    '{"a":' * 100_000,
    "[" * 500 + "]" * 500,
    '"\\ud800"',
    '"\\u0000"',
    '{"format": 1, "format": 2}',
    "0123",
    "[1,]",
    "'a'",
    "//",
    "\ufeff1",
)
_TOML_TEXTS = (
    "9" * 400,
    "9" * 5000,
    "nan",
    "-inf",
    "1e999",
    "[" * 100_000,
    "{a=" * 5000,
    "[" * 50 + "]" * 50,
    '"\\ud800"',
    '"\\u0000"',
    "1979-05-27T07:32:00Z",
    "0xffffffffffffffffffffffff",
    "00:00:00",
    "1\nmodel = 2",
    "{a = 1, a = 2}",
    "{a.b.c.d = 1}",
)

_VALUES = (None, True, False, [], {}, "", 0, -1, 1.5, 1e300, [[]], [None], {"": {}}, "1", [0, 1, 2])

_MANY = 1_000_000


def change_json(content: bytes, chance: random.Random) -> bytes:
    """Return a document with some of its values changed."""
    tree, raw = _changed(json.loads(content), chance, _JSON_TEXTS)
    text = json.dumps(tree).replace(f'"{_RAW}"', raw)
    if chance.random() < 0.05:
        text = "{" + text[1:-1] + "," + text[1:-1] + "}"  # every key twice
    return text.encode("utf-8", "surrogatepass")


def change_toml(content: bytes, chance: random.Random) -> bytes:
    """Return a document with some of its values changed, tables written inline."""
    tree, raw = _changed(tomllib.loads(content.decode()), chance, _TOML_TEXTS)
    if not isinstance(tree, dict):
        return raw.encode()
    lines = [f"{_quoted(key)} = {_toml(value)}" for key, value in tree.items()]
    if chance.random() < 0.05:
        lines *= 2
    return "\n".join(lines).replace(f'"{_RAW}"', raw).encode("utf-8", "surrogatepass")


def _quoted(text: object) -> str:
    return json.dumps(str(text)).replace("\x7f", "\\u007f")


def _toml(value: object) -> str:
    if isinstance(value, dict):
        return "{" + ", ".join(f"{_quoted(key)} = {_toml(each)}" for key, each in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(_toml, value)) + "]"
    if isinstance(value, str):
        return _quoted(value)
    return json.dumps(value, default=str) if value is not None else '"none"'


def _changed(tree: Any, chance: random.Random, texts: tuple[str, ...]) -> tuple[Any, str]:
    """Return a tree with one to three values changed, and the text that stands for `_RAW` in it."""
    for _ in range(chance.choice((1, 1, 1, 2, 3))):
        places = _places(tree)
        if not places:
            break
        holder, key = chance.choice(places)
        kind = chance.randrange(8)
        if kind == 0:
            del holder[key]
        elif kind == 1 and isinstance(holder, dict):
            holder[chance.choice(TEXTS)] = holder.pop(key) if chance.random() < 0.5 else holder[key]
        elif kind == 2 and isinstance(holder, list):
            holder.extend([holder[key]] * chance.choice((1, 3, 1000)))
        elif kind == 3:
            # Of its own, so that nothing comes to hold itself.
            holder[key] = [1] * _MANY if chance.random() < 0.03 else copy.deepcopy(chance.choice(_VALUES))
        elif kind == 4:
            other, elsewhere = chance.choice(places)
            holder[key] = json.loads(json.dumps(other.get(elsewhere) if isinstance(other, dict) else other[elsewhere]))
        elif kind == 5:
            holder[key] = _RAW
        else:
            holder[key] = _other(holder[key], chance)
    return tree, chance.choice(texts)


def _places(tree: Any) -> list[tuple[Any, Any]]:
    """Return every value of a tree, as what holds it and the key in that."""
    found, pending = [], [tree]
    while pending:
        holder = pending.pop()
        keys = list(holder) if isinstance(holder, dict) else range(len(holder))
        found += [(holder, key) for key in keys]
        pending += [holder[key] for key in keys if isinstance(holder[key], dict | list)]
    return found


def _other(value: Any, chance: random.Random) -> Any:
    """Return another value of the same type."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return chance.choice((*INTEGERS, value + 1, value - 1, -value))
    if isinstance(value, float):
        return chance.choice((0.0, -0.0, 1e308, -1e308, 5e-324, -value, value * 1e6, 1.0))
    if isinstance(value, str):
        return chance.choice(TEXTS)
    if isinstance(value, list):
        return value[::-1] if chance.random() < 0.5 else value[: len(value) // 2]
    return {}
