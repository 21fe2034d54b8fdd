"""Seconds by what they were spent on."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TypeVar

K = TypeVar("K")


class Spent(dict[K, float]):
    """Seconds by what they were spent on; what nothing was spent on is not in it."""

    def charge(self, seconds: float, *owners: K) -> None:
        """Divide some seconds evenly between those that they were spent on."""
        for owner in owners:
            self[owner] = self.get(owner, 0.0) + seconds / len(owners)

    def include(self, spent: Iterable[tuple[K, float]]) -> None:
        """Add the items of another one."""
        for owner, seconds in spent:
            self.charge(seconds, owner)
