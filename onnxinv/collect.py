"""Keeps the closed states of one subject group by group, as many of them as the plan has memory for."""

from __future__ import annotations

from collections.abc import Sequence

from onnxinv.measures.layer import Collected, spread_subset
from onnxinv.statistics import State, merge_states
from onnxinv.subjects import Subject


class Collector:
    """The closed states of one subject.

    Args:
        subject: whose states they are.
        kept_units: how many units' group states are kept; None for all.
        classes: names of the classes, where samples are taken class by class.
        seed: of the choice of the kept units.
    """

    def __init__(self, subject: Subject, kept_units: int | None, classes: tuple[str, ...], seed: int) -> None:
        self._kept = None if kept_units is None else spread_subset(subject.units, kept_units, seed)
        self._classes = classes
        self._groups: list[list[State | None]] = []
        self._totals: list[State | None] = [None] * max(len(classes), 1)

    def add(self, closed: Sequence[State | None]) -> None:
        """Keep the states of one group, one for each class; None where the group has no sample of the class."""
        kept = self._kept
        if kept is None:
            self._groups.append(list(closed))
            return
        self._groups.append([state and state.take(kept) for state in closed])
        for position, (total, state) in enumerate(zip(self._totals, closed, strict=True)):
            self._totals[position] = total.absorb(state) if total and state else total or state

    def collected(self) -> Collected:
        """Return everything that was kept."""
        if self._kept is None:
            full = [merge_states(each for each in states if each) for states in zip(*self._groups, strict=True)]
        else:
            full = [total for total in self._totals if total]
        return Collected(full, tuple(self._groups), self._kept, self._classes)

    def clear(self) -> None:
        """Forget the states."""
        self._groups, self._totals = [], []
