"""Values and comments as they are written in TOML, whatever characters they hold."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from pathlib import Path

from onnxinv.errors import UsageError

_SHORT = {'"': '\\"', "\\": "\\\\", "\n": "\\n", "\t": "\\t", "\r": "\\r"}


def toml_value(value: object) -> str:
    """Return a text, path, number, truth value, list or table of them on one line.

    Raises:
        UsageError: a text holds what UTF-8 has no character for, such as a file name in another encoding.
    """
    if isinstance(value, (str, Path)):
        return '"' + "".join(map(_character, str(value))) + '"'
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, (int, float)):
        return repr(value)
    if isinstance(value, Mapping):
        inner = ", ".join(f"{_key(key)} = {toml_value(each)}" for key, each in value.items())
        return f"{{ {inner} }}"
    assert isinstance(value, Sequence), "nothing else is written"
    return f"[{', '.join(map(toml_value, value))}]"


def _key(key: str) -> str:
    return key if re.fullmatch(r"[A-Za-z0-9_-]+", key) else toml_value(key)


def _character(character: str) -> str:
    """Return a character of a text in double quotes.

    What is invisible or breaks lines somewhere is spelt out, so that an editor shows what is there.
    """
    if character in _SHORT:
        return _SHORT[character]
    category = unicodedata.category(character)
    if category == "Cs":
        raise UsageError(
            f"The name with {character!r} cannot be written: TOML is UTF-8, and that is no character of it.",
            "Rename the file.",
        )
    if character == " " or category[0] not in "CZ":
        return character
    return f"\\u{ord(character):04x}" if ord(character) < 1 << 16 else f"\\U{ord(character):08x}"
