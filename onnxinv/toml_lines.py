"""On which line of a TOML text each key and each element stands, which `tomllib` does not tell."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator

Place = tuple[str | int, ...]
"""The keys and indices that lead to a value."""

_CLOSINGS = ("\n]", "\n]\n]")
"""What makes a complete statement of the first lines of an array."""

_ENDS = ("]", "}", '"', "'")
"""One of these is on the last line of a statement of several lines."""


def lines_by_place(text: str) -> dict[Place, int]:
    """Return the line, from 1, on which every key, table and element of an array begins.

    Args:
        text: that `tomllib` can read. What cannot be told apart, such as elements on one line, has the same line.
    """
    found: dict[Place, int] = {}
    counts: dict[Place, int] = {}
    table: Place = ()
    statement: list[str] = []
    for number, line in enumerate(text.splitlines(), 1):
        if not statement and not line.strip():
            continue
        statement.append(line)
        first = number - len(statement) + 1
        may_end = len(statement) == 1 or any(end in line for end in _ENDS)
        for closing in ("", *_CLOSINGS) if may_end else _CLOSINGS:
            content = _parsed("\n".join(statement) + closing)
            if content is None:
                continue
            if len(statement) == 1 and line.lstrip().startswith("["):
                table = _enter(content, counts, array=line.lstrip().startswith("[["))
                found.setdefault(table, number)
            else:
                for place in _places(content):
                    found.setdefault((*table, *place), first if len(place) == 1 else number)
            if not closing:
                statement.clear()
            break
    return found


def _parsed(text: str) -> dict[str, object] | None:
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError:
        return None


def _enter(header: object, counts: dict[Place, int], *, array: bool) -> Place:
    """Return the place of a table, counting the tables of arrays.

    Args:
        header: what the header alone stands for.
        counts: index of the last table of every array; brought up to date.
        array: whether the header begins a table of an array.
    """
    keys = []
    while header:
        if isinstance(header, list):
            header = header[0]
            continue
        assert isinstance(header, dict)
        key, header = next(iter(header.items()))
        keys.append(key)
    place: Place = ()
    for position, key in enumerate(keys):
        place = (*place, key)
        if array and position == len(keys) - 1:
            counts[place] = counts.get(place, -1) + 1
        if place in counts:
            place = (*place, counts[place])
    return place


def _places(content: object) -> Iterator[Place]:
    if isinstance(content, dict):
        pairs: list[tuple[str | int, object]] = list(content.items())
    elif isinstance(content, list):
        pairs = list(enumerate(content))
    else:
        return
    for key, value in pairs:
        yield (key,)
        yield from ((key, *place) for place in _places(value))
