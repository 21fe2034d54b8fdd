"""A picture on the page, and how many of them there is room for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TypeVar

import numpy as np

T = TypeVar("T")

_MARKUP = 120
"""Characters around a picture."""


@dataclass(frozen=True)
class Picture:
    """A picture on the page.

    Attributes:
        address: its content.
        alt: what it shows, in words.
        caption: what stands beside it.
    """

    address: str
    alt: str
    caption: str

    @property
    def size(self) -> int:
        """Characters that it takes on the page."""
        return _MARKUP + len(self.address) + len(self.alt) + len(self.caption)


@dataclass(frozen=True)
class LayerPictured:
    """The pictures of a layer."""

    label: str
    pictures: tuple[Picture, ...]

    @property
    def size(self) -> int:
        """Characters that they take on the page."""
        return len(self.label) + sum(each.size for each in self.pictures)


Shown = TypeVar("Shown", Picture, LayerPictured)


def fitting(room: int, levels: Sequence[T], make: Callable[[T], Sequence[Shown]]) -> Sequence[Shown]:
    """Return what is made at the first level that fits; else, of the last level, evenly chosen ones that do.

    Args:
        room: characters that there are.
        levels: from much to little.
        make: makes the pictures of a level.
    """
    made: Sequence[Shown] = ()
    for level in levels:
        made = make(level)
        if sum(each.size for each in made) <= room:
            return made
    count = int(len(made) * room / max(1, sum(each.size for each in made)))
    while sum(each.size for each in evenly(made, count)) > room:
        count -= 1
    return evenly(made, count)


def evenly(items: Sequence[T], count: int) -> Sequence[T]:
    """Return at most so many items, evenly chosen, the first and the last among them where they are several."""
    if len(items) <= count:
        return items
    return [items[int(place)] for place in np.linspace(0, len(items) - 1, max(0, count)).round()]
