"""Measures single groups of a plan with sessions that stay: what a worker of a cluster does."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack

import numpy as np
from threadpoolctl import threadpool_limits

from onnxinv.collect import Collector, Parts
from onnxinv.desks import Desks
from onnxinv.plan import Plan
from onnxinv.schedule import stretches
from onnxinv.untransformed import first_pass


class Station:
    """One chunk of layers of a plan.

    Args:
        plan: with one desk, not joined.
        chunk: number of the chunk.
    """

    def __init__(self, plan: Plan, chunk: int) -> None:
        self._plan = plan
        self._open = ExitStack()
        self._subjects = plan.subjects.of(plan.layout.chunks[chunk], with_output=chunk == 0)
        self._desks = self._open.enter_context(Desks(plan, self._subjects, [], lambda ran: None))
        with threadpool_limits(limits=1, user_api="blas"), np.errstate(all="ignore"):
            self._before = first_pass(plan, self._subjects, self._desks)

    def measure(self, group: int) -> tuple[Sequence[Parts], Sequence[Parts | None]]:
        """Return the states of a group by subject: of the units whose group states are kept, and of all units.

        The second is None where these are all.
        """
        plan = self._plan
        collectors = [
            Collector(each, plan.layout.kept_units, plan.classes, plan.config.seed) for each in self._subjects
        ]
        for each in collectors:
            each.begin_group()
        pieces = [
            piece for stretch in stretches(plan.groups, joined=False) for piece in stretch if piece.group == group
        ]
        with threadpool_limits(limits=1, user_api="blas"), np.errstate(all="ignore"):
            measured = self._desks.map(lambda desk, piece: desk.measure((piece,), self._before), pieces)
            for piece, found in zip(pieces, measured, strict=True):
                for collector, state in zip(collectors, found.pieces[0], strict=True):
                    collector.add(piece.place, state)
        return [each.closed for each in collectors], [each.totals for each in collectors]

    def close(self) -> None:
        """Let go of the session and its memory."""
        self._open.close()
