"""Keeps the closed states of one subject group by group, as many of them as the plan has memory for."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import numpy.typing as npt

from onnxinv.measures.layer import Collected, spread_subset
from onnxinv.statistics import State, merge_states
from onnxinv.subjects import Subject

Parts = Sequence[State | None]
"""The state of each class of samples, just one unless they are taken class by class."""


class Collector:
    """The closed states of one subject.

    Args:
        subject: whose states they are.
        kept_units: how many units' group states are kept; None for all.
        classes: names of the classes, where samples are taken class by class.
        seed: of the choice of the kept units.
        joined: whether all units may be summed apart from the kept ones, over several groups together.

    Attributes:
        subject: whose states they are.
        looked: what is summed group by group: the kept units where all are summed apart from them.
        joined: whether they are.
    """

    def __init__(
        self, subject: Subject, kept_units: int | None, classes: tuple[str, ...], seed: int, *, joined: bool = False
    ) -> None:
        self.subject = self.looked = subject
        self._kept = None if kept_units is None else spread_subset(subject.units, kept_units, seed)
        self.joined = False
        if joined and self._kept is not None and subject.is_joinable:
            self.joined, self.looked = True, subject.of_some(self._kept)
        self._classes = classes
        self._groups: list[list[State | None]] = []
        self._totals: list[State | None] = [None] * max(len(classes), 1)

    def begin_group(self) -> None:
        """Let what is added from here on belong to the next group."""
        self._groups.append([None] * len(self._totals))

    def add(self, place: int, closed: State) -> None:
        """Keep what is known of some samples of a group; the state is not to be used any more.

        Args:
            place: which class they are of; 0 unless samples are taken class by class.
            closed: their state, of what is looked at.
        """
        if self._kept is None or self.joined:
            _absorb(self._groups[-1], place, closed)
        else:
            _absorb(self._groups[-1], place, closed.take(self._kept))
            _absorb(self._totals, place, closed)

    def add_joined(self, closed: State) -> None:
        """Keep what is known of all units over some groups; the state is not to be used any more."""
        _absorb(self._totals, 0, closed)

    @property
    def kept(self) -> npt.NDArray[np.intp] | None:
        """Indices of the units whose group states are kept; None for all."""
        return self._kept

    @property
    def closed(self) -> Parts:
        """The states of the group that was added last."""
        return self._groups[-1]

    @property
    def totals(self) -> Parts | None:
        """The states of all groups so far; None where those of the groups tell them."""
        return None if self._kept is None else self._totals

    def restore(self, groups: Sequence[Parts], totals: Parts | None) -> None:
        """Take up what another collector of the same subject kept.

        Args:
            groups: its groups' states.
            totals: its totals.
        """
        self._groups = [list(states) for states in groups]
        if totals is not None:
            self._totals = list(totals)

    def collected(self) -> Collected:
        """Return everything that was kept."""
        if self._kept is None:
            full = [merge_states(each for each in states if each) for states in zip(*self._groups, strict=True)]
        else:
            full = [total for total in self._totals if total]
        return Collected(full, tuple(self._groups), self._kept, self._classes)

    def clear(self) -> None:
        """Forget the states."""
        self._groups, self._totals = [], [None] * len(self._totals)


def _absorb(states: list[State | None], place: int, more: State) -> None:
    state = states[place]
    states[place] = state.absorb(more) if state else more
