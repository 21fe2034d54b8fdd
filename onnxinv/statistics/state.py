"""The statistics of one layer over one set of samples, merged and cut together."""

from __future__ import annotations

from collections.abc import Callable, Collection, Hashable, Iterable
from functools import reduce
from time import perf_counter
from typing import Any, Self, TypeVar

import numpy as np
import numpy.typing as npt

from onnxinv.statistics.statistic import Block, Extent, Statistic

S = TypeVar("S", bound=Statistic)
T = TypeVar("T")

Seconds = dict[type[Statistic], float]
"""Time spent by kind of statistic."""


class State:
    """One statistic of each kind that the measures need, for one layer.

    Attributes:
        samples: how many it accounts for; 0 until it is closed.
    """

    def __init__(self, statistics: Iterable[Statistic], samples: int = 0) -> None:
        self.samples = samples
        self._statistics = {type(statistic): statistic for statistic in statistics}
        self._derived: dict[Hashable, Any] = {}

    @classmethod
    def empty(cls, kinds: Iterable[type[Statistic]], extent: Extent) -> Self:
        """Return the state of no samples."""
        return cls(kind.empty(extent) for kind in kinds)

    def __getitem__(self, kind: type[S]) -> S:
        """Return the statistic of one kind."""
        statistic = self._statistics[kind]
        assert isinstance(statistic, kind)
        return statistic

    @property
    def kinds(self) -> tuple[type[Statistic], ...]:
        """The kinds of statistics in it."""
        return tuple(self._statistics)

    def derive(self, key: Hashable, compute: Callable[[], T]) -> T:
        """Return what several measures derive from the closed state, computed once.

        Args:
            key: what it is, with everything it depends on beside the state; of one type each.
            compute: computes it.
        """
        if key not in self._derived:
            self._derived[key] = compute()
        found: T = self._derived[key]
        return found

    def update(self, block: Block, *, whole: bool = False, only: Collection[type[Statistic]] | None = None) -> Seconds:
        """Account for a block in every statistic that takes it.

        Args:
            block: the block.
            whole: whether it holds the whole layer in its own type, rather than a slice in float64.
            only: the kinds that are meant; None for all.

        Returns:
            How long each kind took.
        """
        seconds: Seconds = {}
        for kind, statistic in self._statistics.items():
            if kind.whole == whole and (only is None or kind in only):
                start = perf_counter()
                statistic.update(block)
                seconds[kind] = perf_counter() - start
        return seconds

    def close(self, samples: int) -> None:
        """Finish the group of that many samples."""
        self.samples = samples
        for statistic in self._statistics.values():
            statistic.close(samples)

    def merge(self, other: Self) -> Self:
        """Return the state of both sets of samples."""
        return type(self)(
            (mine.merge(other._statistics[kind]) for kind, mine in self._statistics.items()),
            self.samples + other.samples,
        )

    def absorb(self, other: Self) -> Self:
        """Return the state of both sets of samples; neither this one nor what it was made of is to be used besides."""
        return type(self)(
            (mine.absorb(other._statistics[kind]) for kind, mine in self._statistics.items()),
            self.samples + other.samples,
        )

    def take(self, units: npt.NDArray[np.intp] | slice) -> Self:
        """Return the state of some of the units."""
        return type(self)((statistic.take(units) for statistic in self._statistics.values()), self.samples)

    def only(self, kinds: Collection[type[Statistic]]) -> Self:
        """Return the state without the statistics of other kinds."""
        return type(self)((each for kind, each in self._statistics.items() if kind in kinds), self.samples)


def merge_states(states: Iterable[State]) -> State:
    """Return the state of all the sets of samples together."""
    return reduce(State.merge, states)
