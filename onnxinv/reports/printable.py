"""Names that come from a model, made harmless for terminals and text files."""

from __future__ import annotations

import unicodedata
from collections.abc import Callable

Quote = Callable[[str], str]
"""Makes a name from a model harmless in a format."""


def printable(text: str, longest: int = 200) -> str:
    """Return text without control characters, line breaks and direction marks, cut in the middle where too long."""
    if len(text) > 4 * longest:  # more than is shown, however long it is
        text = text[: 2 * longest] + text[-2 * longest :]
    clean = "".join(
        character if unicodedata.category(character)[0] not in "CZ" or character == " " else _escaped(character)
        for character in text
    )
    return shorten(clean, longest)


def shorten(text: str, longest: int) -> str:
    """Return text of at most `longest` characters: the middle gives way, since names differ at their ends."""
    if len(text) <= longest:
        return text
    head = (longest - 1) // 3
    return f"{text[:head]}…{text[len(text) - (longest - 1 - head) :]}"


def _escaped(character: str) -> str:
    return f"\\u{ord(character):04x}" if ord(character) > 255 else f"\\x{ord(character):02x}"
