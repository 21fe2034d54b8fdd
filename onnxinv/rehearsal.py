"""Foretells how long a plan takes: its own steps, timed on a few variants."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import replace
from time import perf_counter

import numpy as np

from onnxinv.engine import measure
from onnxinv.plan import Plan

_FEW = 8
"""Variants of a block at first, while it is not known how slow the model is."""

_BLOCKS = 3
"""Blocks that are run at each desk; the first one warms up and is not timed."""

_PATIENCE = 0.3
"""Seconds after which no further block is begun, once one was timed."""


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
    batch = plan.probe.fixed_batch or min(full, _FEW)
    start = perf_counter()
    seconds = _rehearse(plan, batch)
    while batch < full:  # variants of a small model take less the more of them are run at once
        batch = min(full, 4 * batch)
        if perf_counter() - start + _BLOCKS * batch * seconds > _PATIENCE:
            break
        seconds = _rehearse(plan, batch)
    return seconds


def _rehearse(plan: Plan, batch: int) -> float:
    count = -(-_BLOCKS * batch // plan.columns)
    desks = plan.layout.desks
    total = desks * count * (plan.columns + plan.first_pass)
    # Where there are fewer samples than that, they take turns.
    samples = np.resize(np.concatenate([part for group in plan.groups for part in group]), desks * count)
    groups = tuple((part,) for part in np.split(samples, desks))
    short = replace(plan, samples=samples, groups=groups, layout=replace(plan.layout, batch=batch))
    ends: list[float] = []
    done: list[int] = []

    def advance(more: int) -> None:
        ends.append(perf_counter())
        done.append(more)
        if sum(done) >= total or (len(ends) > desks and ends[-1] - ends[desks - 1] > _PATIENCE):
            raise _EnoughError

    with suppress(_EnoughError):
        measure(short, advance)
    return (ends[-1] - ends[desks - 1]) / sum(done[desks:])
