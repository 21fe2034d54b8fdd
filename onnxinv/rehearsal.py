"""Foretells how long a plan takes: its own steps, timed on a few variants."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from time import perf_counter

import numpy as np

from onnxinv.carried import Carried
from onnxinv.engine import measure, rehearse
from onnxinv.plan import Plan

_FEW, _ROW = 8, 16
"""Variants of a block at first, while it is not known how slow the model is; or a row of not more than the second.

Parts of rows are summed in another way.
"""

_TIMED = 2
"""Blocks that are timed at each desk, after those that warm up."""

_PATIENCE = 2.0
"""Seconds after which warming up is over, and after which no further block is begun, once one was timed."""


class _EnoughError(Exception):
    """Ends a rehearsal before anything is finished."""


def seconds_per_inference(plan: Plan) -> float:
    """Return how long one variant takes on this machine, from making it to adding it to the statistics.

    What is done once is left out: making sessions, and finishing values and intervals.

    Raises:
        ModelError: the runtime fails on a block.
        DataError: a sample cannot be read or does not fit.
    """
    full = plan.layout.batch
    batch = plan.probe.fixed_batch or min(full, plan.columns if _FEW < plan.columns <= _ROW else _FEW)
    seconds = _rehearse(plan, batch)
    # Variants of a small model take less the more of them are run at once.
    while batch < min(full, plan.layout.at_once):
        batch = min(full, 4 * batch)
        if plan.layout.desks * (1 + _TIMED) * batch * seconds > _PATIENCE:
            break
        seconds = _rehearse(plan, batch)
    return seconds


class _Watch:
    """Times blocks once those before them have warmed up.

    Args:
        desks: how many blocks are at work at the same time; each of them begins cold.
        warming: variants after which they are warm.
        enough: variants after which it ends the rehearsal.
    """

    def __init__(self, desks: int, warming: int, enough: int) -> None:
        self._desks, self._warming, self._enough = desks, warming, enough
        self._blocks = self._variants = self._warmed = 0
        self._begun = perf_counter()
        self._first = self._warm = self._last = 0.0

    def __call__(self, more: int) -> None:
        """Note that a block of so many variants is done; fewer than none where blocks are run again."""
        self._last = perf_counter()
        self._blocks += 1
        self._variants += more
        if self._blocks == 1:
            self._first = self._last
        if self._warmed:
            impatient = self._last - self._warm > _PATIENCE and self._variants > self._warmed
            if impatient or self._variants >= self._enough:
                raise _EnoughError
        elif self._blocks >= self._desks and (self._variants >= self._warming or self._last - self._first > _PATIENCE):
            self._warm, self._warmed = self._last, self._variants

    def seconds(self) -> float:
        """Return what a variant took; where nothing was left after warming up, with that."""
        if self._variants == self._warmed or not self._warmed:
            return (self._last - self._begun) / self._variants
        return (self._last - self._warm) / (self._variants - self._warmed)


def _rehearse(plan: Plan, batch: int) -> float:
    desks, row = plan.layout.desks, plan.columns + plan.first_pass
    # A whole row touches all that the statistics of a desk keep: memory that is new may be slow to come.
    warming = max(batch, row)
    count = -(-(warming + _TIMED * batch) // row)
    every = np.concatenate([part for group in plan.groups for part in group])
    # Where there are fewer samples than that, they take turns, if nothing is kept of each.
    samples = every[: desks * count] if plan.layout.carries else np.resize(every, desks * count)
    groups = tuple((part,) for part in np.array_split(samples, min(desks, len(samples))))
    short = replace(plan, samples=samples, groups=groups, layout=replace(plan.layout, batch=batch))

    # Chunks that go on from each other are one pass; of others, the first tells what a pass takes.
    carried = Carried(short) if plan.layout.carries else None
    seconds = 0.0
    for chunk in range(len(plan.layout.chunks) // plan.layout.passes):
        watch = _Watch(desks, desks * warming, desks * count * row)
        with suppress(_EnoughError):
            if carried:
                rehearse(short, chunk, carried, watch)
            else:
                measure(short, watch)
        seconds += watch.seconds()
    return seconds
