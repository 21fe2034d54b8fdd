"""Measures one group of samples at a time: from samples to closed statistics, block by block."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from time import perf_counter

import numpy as np
import numpy.typing as npt

from onnxinv.errors import ModelError
from onnxinv.landing import Landing, Raw
from onnxinv.measures import Measure
from onnxinv.model.layers import Layer
from onnxinv.plan import Plan
from onnxinv.reduce import Part, Reducer, Windows
from onnxinv.runtime import Session
from onnxinv.schedule import BlockPlan, blocks
from onnxinv.spent import Spent
from onnxinv.statistics import State, Statistic
from onnxinv.subjects import Subject

INFERENCE, FEEDS = "inference", "transforms"
"""What the time is called that the runtime takes, and that it waits for inputs."""


class Stopped(Exception):  # noqa: N818  # no error: nobody wants the rest any more
    """The work was given up before it was done."""


class Desk:
    """A worker's own arrays and threads.

    Args:
        plan: what to do.
        subjects: what is looked at.
        tensors: the layers behind them, each once.
        session: exposes them; shared with other desks.
        outputs: names of what it exposes, in the order of `tensors`.
        threads: that reduce layers; 1 for none but the worker's own.
        ran: is told of every block how many variants it ran.
        stop: ends the work before the next block.
    """

    def __init__(
        self,
        plan: Plan,
        subjects: Sequence[Subject],
        tensors: Sequence[Layer],
        session: Session,
        outputs: Sequence[str],
        threads: int,
        ran: Callable[[int], None],
        stop: threading.Event,
    ) -> None:
        self._plan = plan
        self._subjects = subjects
        self._tensors = tensors
        self._place = {layer.name: place for place, layer in enumerate(tensors)}
        self._landing = Landing(session, outputs, tensors)
        self._single = plan.config.reduce == "auto"
        self._reducer = Reducer(threads, single=self._single)
        self._ran = ran
        self._stop = stop
        self._spent: Spent[Measure | str] = Spent()

    def close(self) -> None:
        """Stop its threads."""
        self._reducer.close()

    def spent(self) -> Spent[Measure | str]:
        """Return the seconds spent on inference, on transforms and on each measure."""
        spent: Spent[Measure | str] = Spent(self._spent)
        spent.include(self._reducer.spent().items())
        return spent

    # Non-finite activations end as nan and are counted; numpy would warn of each.
    @np.errstate(all="ignore")
    def measure(
        self, samples: npt.NDArray[np.int64], before: Sequence[Mapping[type[Statistic], Statistic]]
    ) -> list[State | None]:
        """Return the closed state of every subject for the samples of one group and class.

        Args:
            samples: which; where there are none, there is no state.
            before: for each subject, the statistics of the untransformed samples that it asked for.

        Raises:
            ModelError: the runtime fails on a block.
            DataError: a sample cannot be read or does not fit.
            Stopped: nobody wants to know any more.
        """
        plan = self._plan
        if not len(samples):
            return [None] * len(self._subjects)
        transforms = len(plan.transforms)
        states = [
            State.empty(each.kinds, each.extent(transforms, len(plan.samples), first, single=self._single))
            for each, first in zip(self._subjects, before, strict=True)
        ]
        streamed = [position for position, each in enumerate(self._subjects) if not each.window]
        collected = [position for position, each in enumerate(self._subjects) if each.window]
        # Layers that nobody wants whole are not collected.
        wanted = {self._place[self._subjects[position].layer.name] for position in collected}
        windows = Windows(len(wanted), plan.columns)
        window = max((self._subjects[position].window for position in collected), default=0)
        in_windows = 0
        for block, tensors in self._run(blocks(samples, plan.columns, plan.layout.batch, window), 0):
            run = slice(block.columns.start, min(block.columns.stop, transforms))
            if run.start < run.stop:
                self._reduce(streamed, dict(enumerate(tensors)), states, Part(run, None, block.before))
            whole = windows.add([tensors[place] for place in sorted(wanted)], block) if wanted else None
            if whole is not None:
                known = dict(zip(sorted(wanted), whole, strict=True))
                labels = None if plan.labels is None else plan.labels[block.window]
                part = Part(slice(0, transforms), plan.untransformed, in_windows, labels)
                self._reduce(collected, known, states, part)
                in_windows += len(block.window)
        for state in states:
            state.close(len(samples))
        return list(states)

    @np.errstate(all="ignore")
    def measure_untransformed(self, samples: npt.NDArray[np.int64], subjects: Sequence[Subject]) -> list[State]:
        """Return, for each of these subjects, the closed statistics that it wants of the untransformed samples.

        Raises:
            ModelError: the runtime fails on a block.
            DataError: a sample cannot be read or does not fit.
            Stopped: nobody wants to know any more.
        """
        states = [State.empty(each.untransformed, each.extent(1, len(self._plan.samples))) for each in subjects]
        places = [self._place[each.layer.name] for each in subjects]
        for block, tensors in self._run(blocks(samples, 1, self._plan.layout.batch), self._plan.untransformed):
            raw = [tensors[place] for place in places]
            self._reducer.reduce(subjects, raw, states, Part(slice(0, 1), None, block.before, beforehand=True))
        for state in states:
            state.close(len(samples))
        return states

    def _reduce(
        self, positions: Sequence[int], tensors: Mapping[int, Raw], states: Sequence[State], part: Part
    ) -> None:
        subjects = [self._subjects[position] for position in positions]
        raw = [tensors[self._place[subject.layer.name]] for subject in subjects]
        self._reducer.reduce(subjects, raw, [states[position] for position in positions], part)

    def _run(self, planned: Iterator[BlockPlan], column: int) -> Iterator[tuple[BlockPlan, list[Raw]]]:
        """Yield the blocks with what they expose, (samples, columns, *shape) of every tensor.

        Args:
            planned: the blocks.
            column: the first variant that they are about.
        """
        plan = self._plan
        for block in planned:
            if self._stop.is_set():
                raise Stopped
            start = perf_counter()
            columns = slice(block.columns.start + column, block.columns.stop + column)
            feed = plan.feeds.batch([int(index) for index in block.samples], columns, plan.probe.fixed_batch)
            fed = perf_counter()
            raw = self._landing.run(feed)
            self._spent.charge(fed - start, FEEDS)
            self._spent.charge(perf_counter() - fed, INFERENCE)
            yield block, self._grids(raw, block, len(next(iter(feed.values()))))
            self._ran(len(block.samples) * (block.columns.stop - block.columns.start))

    def _grids(self, raw: Sequence[Raw], block: BlockPlan, batch: int) -> list[Raw]:
        """Return the outputs of a block as (samples, columns, *shape)."""
        samples, columns = len(block.samples), block.columns.stop - block.columns.start
        # A model of fixed batch size was fed more than is counted.
        rows = samples * columns
        grids: list[Raw] = []
        for layer, tensor in zip(self._tensors, raw, strict=True):
            front = layer.batch.to_front(tensor)[:rows]
            if len(front) != rows or front.size != rows * layer.units:
                raise ModelError(
                    f"'{layer.label}' has another shape in a batch of {batch} than in a small one.",
                    "Choose another --batch, or leave it out with --layers.",
                )
            grids.append(front.reshape(samples, columns, *layer.shape))
        return grids
