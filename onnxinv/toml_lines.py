"""On which line of a TOML text each key and each element stands, which `tomllib` does not tell."""

from __future__ import annotations

import re
import tomllib
from bisect import bisect_right
from contextlib import suppress

Place = tuple[str | int, ...]
"""The keys and indices that lead to a value."""

# Only \n ends a line of TOML: \x0b, \u2028 and the like, at which Python splits lines too, may stand in comments.
_BLANK = re.compile(r"[ \t]*")
_BLANK_LINES = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_STRING = re.compile(
    r'"""(?:[^\\]|\\.)*?""""{0,2}'
    r"|'''.*?''''{0,2}"
    r'|"(?:[^"\\]|\\.)*"'
    r"|'[^']*'",
    re.DOTALL,
)
_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
_BARE_VALUE = re.compile(r"[^,\]}#\n]*")


def lines_by_place(text: str) -> dict[Place, int]:
    """Return the line, from 1, on which every key, table and element of an array begins.

    Args:
        text: that `tomllib` can read. Of what is nested as deeply as it can just read, the innermost may be missing.
    """
    scan = _Scan(text)
    with suppress(RecursionError):
        scan.document()
    return scan.found


class _Scan:
    """Goes through a text once; every method begins where the one before ended."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.found: dict[Place, int] = {}
        self._at = 0
        self._breaks = [each.start() for each in re.finditer("\n", text)]
        self._last: dict[Place, int] = {}

    def document(self) -> None:
        """Go through all statements."""
        table: Place = ()
        while self._next(_BLANK_LINES) < len(self.text):
            if self._takes("[["):
                table = self._header(array=True)
                self._takes("]]")
            elif self._takes("["):
                table = self._header(array=False)
                self._takes("]")
            else:
                self._pair(table)

    def _header(self, *, array: bool) -> Place:
        """Return the place of a table, counting the tables of arrays."""
        line = self._line
        place: Place = ()
        *outer, name = self._keys()
        for key in outer:
            place = self._inside((*place, key), line)
        place = (*place, name)
        if array:
            self._last[place] = self._last.get(place, -1) + 1
            self.found.setdefault(place, line)
            place = (*place, self._last[place])
        self.found[place] = line
        return place

    def _inside(self, place: Place, line: int) -> Place:
        """Return the place of what holds a table: of an array it is the last element."""
        self.found.setdefault(place, line)
        return (*place, self._last[place]) if place in self._last else place

    def _pair(self, table: Place) -> None:
        """Go through `key = value`, where the key may be dotted."""
        line = self._line
        place = table
        for key in self._keys():
            place = (*place, key)
            self.found.setdefault(place, line)
        self._takes("=")
        self._next(_BLANK)
        self._value(place)

    def _keys(self) -> list[str]:
        keys = []
        while True:
            self._next(_BLANK)
            bare = _BARE_KEY.match(self.text, self._at)
            if bare is not None:
                self._at = bare.end()
                keys.append(bare[0])
            else:
                start = self._at
                self._next(_STRING)
                keys.append(tomllib.loads(f"key = {self.text[start : self._at]}")["key"])
            self._next(_BLANK)
            if not self._takes("."):
                return keys

    def _value(self, place: Place) -> None:
        if self._takes("["):
            self._elements(place)
        elif self._takes("{"):
            while self._next(_BLANK_LINES) < len(self.text) and not self._takes("}"):
                self._pair(place)
                self._next(_BLANK_LINES)
                self._takes(",")
        elif _STRING.match(self.text, self._at):
            self._next(_STRING)
        else:
            self._next(_BARE_VALUE)

    def _elements(self, place: Place) -> None:
        index = 0
        while self._next(_BLANK_LINES) < len(self.text) and not self._takes("]"):
            self.found[(*place, index)] = self._line
            self._value((*place, index))
            self._next(_BLANK_LINES)
            self._takes(",")
            index += 1

    @property
    def _line(self) -> int:
        return bisect_right(self._breaks, self._at - 1) + 1

    def _next(self, pattern: re.Pattern[str]) -> int:
        """Go over what a pattern fits, and return where that ends."""
        match = pattern.match(self.text, self._at)
        self._at = match.end() if match else len(self.text)
        return self._at

    def _takes(self, mark: str) -> bool:
        """Go over a mark if it comes next; return whether it does."""
        taken = self.text.startswith(mark, self._at)
        self._at += len(mark) if taken else 0
        return taken
