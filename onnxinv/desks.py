"""Where groups of samples are measured at the same time: one session, and a desk for each that works with it."""

from __future__ import annotations

import os
import threading
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from queue import SimpleQueue
from types import TracebackType
from typing import Self, TypeVar

import onnx

from onnxinv.carried import CarriedPart
from onnxinv.desk import Desk
from onnxinv.landing import Landing
from onnxinv.measures import Measure
from onnxinv.model.cut import behind
from onnxinv.model.layers import Layer
from onnxinv.model.pushdown import push_down
from onnxinv.model.rewrite import Exposed, expose
from onnxinv.model.widen import widened
from onnxinv.plan import Plan
from onnxinv.runtime import Session
from onnxinv.spare import Exposing, Spare
from onnxinv.spent import Spent
from onnxinv.statistics.spare_arrays import forget_arrays
from onnxinv.subjects import Subject
from onnxinv.summing import Summing

Progress = Callable[[int], None]
"""Called after each block with the number of variants that it ran."""

T = TypeVar("T")
R = TypeVar("R")


class Desks:
    """The desks of a chunk of layers; use it as a context manager, once: afterwards they are gone, with their memory.

    A run of the model on some cores and the reduction of another on the others wait for each other less than both do
    on all cores, one after the other.

    Args:
        plan: what to do; says how many desks there are.
        subjects: what is looked at, group by group.
        joined: what is looked at besides, over several groups together.
        progress: is told of every block.
        part: what other chunks leave to this one and it to them; None where nothing is.

    Attributes:
        providers: what the session runs on that they share.
        spare: hands out what that one does not.
        spent: seconds that all threads spent on inference, on transforms and on each measure; known at the end.
        batch: least variants in a run of the model, which memory may have made fewer than planned; known at the end.
    """

    def __init__(
        self,
        plan: Plan,
        subjects: Sequence[Subject],
        joined: Sequence[Subject],
        progress: Progress,
        part: CarriedPart | None = None,
    ) -> None:
        left = part.link.left if part else ()
        tensors = list({layer.name: layer for layer in (*(each.layer for each in subjects), *left)}.values())
        count = plan.layout.desks
        threads = max(1, (plan.config.threads or os.cpu_count() or 1) // count)
        session, at_work = _sessions(plan, tensors, threads, part)
        self.providers = session.providers
        self.batch = plan.layout.batch
        self.spent: Spent[Measure | str] = Spent()
        named = {layer.name: layer for layer in tensors}
        self.spare = Spare(lambda names: _exposing(plan, [named[name] for name in names], threads))
        self._stop = threading.Event()
        self._desks = [
            Desk(plan, subjects, joined, tensors, at_work(), self.spare, threads, self._ran, self._stop, part)
            for _ in range(count)
        ]
        self._free: SimpleQueue[Desk] = SimpleQueue()
        for desk in self._desks:
            self._free.put(desk)
        self._pool = ThreadPoolExecutor(count)
        self._progress = progress
        self._telling = threading.Lock()

    def __enter__(self) -> Self:
        """Return the desks."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop what is still at work."""
        self._stop.set()
        self._pool.shutdown(cancel_futures=True)
        for desk in self._desks:
            self.spent.include(desk.spent().items())
            self.batch = min(self.batch, desk.batch)
            desk.close()
        # They know these desks as these know them, and what is large must not wait for the garbage collector.
        self._desks.clear()
        self._free = SimpleQueue()
        forget_arrays()

    def map(self, work: Callable[[Desk, T], R], items: Sequence[T]) -> Iterator[R]:
        """Yield what comes of each item, in order; as many are at work at a time as there are desks.

        Args:
            work: done at a desk.
            items: what it is done with.
        """
        waiting: deque[Future[R]] = deque()
        for item in items:
            waiting.append(self._pool.submit(self._at_a_desk, work, item))
            if len(waiting) == len(self._desks):
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()

    def _at_a_desk(self, work: Callable[[Desk, T], R], item: T) -> R:
        desk = self._free.get()
        try:
            return work(desk, item)
        finally:
            self._free.put(desk)

    def _ran(self, variants: int) -> None:
        with self._telling:
            self._progress(variants)


def _sessions(
    plan: Plan, tensors: Sequence[Layer], threads: int, part: CarriedPart | None
) -> tuple[Session, Callable[[], Landing | Summing]]:
    """Return the session that the desks share, and what makes that by which each of them runs it."""
    exposed = _expose(plan, tensors)
    summed = [layer for layer in tensors if layer.name in plan.pushed]
    if not summed:
        model = behind(exposed.proto, part.link.declared()) if part else exposed.proto
        # Runs of a few variants each share the cores better than threads within one of them.
        lanes = threads if plan.layout.at_once < plan.layout.batch else 1
        session = _session(plan, model, threads // lanes)
        outputs = [exposed.outputs[layer.name] for layer in tensors]
        batched = {*plan.feeds.batch_axes, *(layer.name for layer in (part.link.given if part else ()))}
        return session, lambda: Landing(session, outputs, tensors, batched, plan.layout.at_once, lanes)
    pushed = push_down(exposed, summed, len(plan.transforms))
    others = [layer for layer in tensors if layer.name in pushed.outputs]
    session = _session(plan, pushed.proto, threads)
    return session, lambda: Summing(session, pushed, others)


def _expose(plan: Plan, tensors: Sequence[Layer]) -> Exposed:
    drawn = {layer.name: layer.drawn.units for layer in tensors if layer.drawn}
    return expose(plan.model.proto, [layer.name for layer in tensors], drawn)


def _exposing(plan: Plan, tensors: Sequence[Layer], threads: int) -> Exposing:
    exposed = _expose(plan, tensors)
    return Exposing(_session(plan, exposed.proto, threads), exposed.outputs)


def _session(plan: Plan, model: onnx.ModelProto, threads: int) -> Session:
    return Session(
        widened(model).SerializeToString(),
        plan.device,
        threads=threads,
        optimize=plan.probe.optimize,
        folder=plan.model.path.parent,
    )
