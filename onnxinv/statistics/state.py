"""The statistics of one layer over one set of samples, merged and cut together."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable
from functools import reduce
from typing import Self, TypeVar

import numpy as np
import numpy.typing as npt

from onnxinv.statistics.statistic import Array, Block, Statistic

S = TypeVar("S", bound=Statistic)


class State:
    """One statistic of each kind that the measures need, for one layer."""

    def __init__(self, statistics: Iterable[Statistic]) -> None:
        self._statistics = {type(statistic): statistic for statistic in statistics}
        self._derived: dict[Hashable, Array] = {}

    @classmethod
    def empty(cls, kinds: Iterable[type[Statistic]], transforms: int, units: int) -> Self:
        """Return the state of no samples."""
        return cls(kind.empty(transforms, units) for kind in kinds)

    def __getitem__(self, kind: type[S]) -> S:
        """Return the statistic of one kind."""
        statistic = self._statistics[kind]
        assert isinstance(statistic, kind)
        return statistic

    def derive(self, key: Hashable, compute: Callable[[], Array]) -> Array:
        """Return an array that several measures derive from the closed state, computed once.

        Args:
            key: what it is, with everything it depends on beside the state.
            compute: computes it.
        """
        if key not in self._derived:
            self._derived[key] = compute()
        return self._derived[key]

    def update(self, block: Block) -> None:
        """Account for a block in every statistic."""
        for statistic in self._statistics.values():
            statistic.update(block)

    def close(self, samples: int) -> None:
        """Finish the group of that many samples."""
        for statistic in self._statistics.values():
            statistic.close(samples)

    def merge(self, other: Self) -> Self:
        """Return the state of both sets of samples."""
        return type(self)(mine.merge(other._statistics[kind]) for kind, mine in self._statistics.items())

    def take(self, units: npt.NDArray[np.intp] | slice) -> Self:
        """Return the state of some of the units."""
        return type(self)(statistic.take(units) for statistic in self._statistics.values())


def merge_states(states: Iterable[State]) -> State:
    """Return the state of all the sets of samples together."""
    return reduce(State.merge, states)
