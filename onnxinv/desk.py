"""Measures some samples at a time: from samples to closed statistics, block by block."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from time import perf_counter

import numpy as np
import numpy.typing as npt

from onnxinv.carried import CarriedPart
from onnxinv.errors import MemoryExhaustedError, ModelError
from onnxinv.landing import Landing, Raw
from onnxinv.measures import Measure
from onnxinv.model.layers import Layer
from onnxinv.plan import Plan
from onnxinv.reduce import Part, Reducer, Windows
from onnxinv.schedule import BlockPlan, Piece, blocks
from onnxinv.spare import Spare
from onnxinv.spent import Spent
from onnxinv.statistics import State, Statistic
from onnxinv.statistics.column_moments import ColumnMoments
from onnxinv.statistics.single_sums import Summed
from onnxinv.subjects import Subject
from onnxinv.summing import Summing

INFERENCE, FEEDS = "inference", "transforms"
"""What the time is called that the runtime takes, and that it waits for inputs."""


class StoppedError(Exception):
    """The work was given up before it was done."""


Feed = Mapping[str, Raw]


@dataclass(frozen=True)
class _Ran:
    """A block, and what came of it.

    Attributes:
        plan: which samples and columns.
        feed: what was run.
        tensors: (samples, columns, *shape) activations, by place of the layer.
        summed: the sums of the layers that are not among them, by tensor name.
    """

    plan: BlockPlan
    feed: Feed
    tensors: Mapping[int, Raw]
    summed: Mapping[str, Summed] = field(default_factory=dict)


@dataclass(frozen=True)
class Closed:
    """The closed states of a stretch.

    Attributes:
        pieces: for each of its pieces, that of every subject.
        joined: of all pieces together, of the subjects that are looked at so.
    """

    pieces: list[list[State]]
    joined: list[State]


class Desk:
    """A worker's own arrays and threads.

    Args:
        plan: what to do.
        subjects: what is looked at, group by group.
        joined: what is looked at besides, over several groups together.
        tensors: the layers behind them, each once.
        work: runs the model; it hands out all of them, or sums some of them.
        spare: hands out those that are not to be had from `work`; shared with other desks.
        threads: that reduce layers; 1 for none but the worker's own.
        ran: is told of every block how many variants it ran.
        stop: ends the work before the next block.
        part: what other chunks leave to this one and it to them; None where nothing is.

    Attributes:
        batch: variants in one run of the model; fewer than planned once memory did not do for them.
    """

    def __init__(
        self,
        plan: Plan,
        subjects: Sequence[Subject],
        joined: Sequence[Subject],
        tensors: Sequence[Layer],
        work: Landing | Summing,
        spare: Spare,
        threads: int,
        ran: Callable[[int], None],
        stop: threading.Event,
        part: CarriedPart | None = None,
    ) -> None:
        self.batch = plan.layout.batch
        self._plan = plan
        self._subjects = subjects
        self._joined = joined
        self._tensors = tensors
        self._place = {layer.name: place for place, layer in enumerate(tensors)}
        self._work = work
        self._spare = spare
        pushed = work.layers if isinstance(work, Summing) else frozenset()
        self._raw_layers = [layer for layer in tensors if layer.name not in pushed]
        self._pushed = [position for position, each in enumerate(subjects) if each.layer.name in pushed]
        self._single = plan.config.reduce != "host"
        self._reducer = Reducer(threads, single=self._single, code=plan.code)
        self._ran = ran
        self._stop = stop
        self._part = part
        self._told = 0
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
    def measure(self, stretch: Sequence[Piece], before: Sequence[Mapping[type[Statistic], Statistic]]) -> Closed:
        """Return what is known of some samples.

        Args:
            stretch: which samples.
            before: for each subject, the statistics of the untransformed samples that it asked for.

        Raises:
            ModelError: the runtime fails on a block, also on the smallest where memory is short.
            DataError: a sample cannot be read or does not fit.
            StoppedError: nobody wants to know any more.
        """
        while True:
            self._told = 0
            try:
                return self._measure(stretch, before)
            except (MemoryError, MemoryExhaustedError):
                if not self._halve_batch():
                    raise
                self._ran(-self._told)

    def _measure(self, stretch: Sequence[Piece], before: Sequence[Mapping[type[Statistic], Statistic]]) -> Closed:
        joined, done, pieces = [self._open(each) for each in self._joined], 0, []
        for piece in stretch:
            pieces.append(self._measure_piece(piece.samples, before, joined, done))
            done += len(piece.samples)
        for state in joined:
            state.close(done)
        return Closed(pieces, joined)

    def _halve_batch(self) -> bool:
        """Go on with half as many variants in a run; return whether that is possible."""
        least = len(self._plan.transforms) if isinstance(self._work, Summing) else 1
        if self._plan.probe.fixed_batch or self.batch // 2 < least:
            return False
        self.batch //= 2
        self._work.forget()
        return True

    def _open(self, subject: Subject, first: Mapping[type[Statistic], Statistic] | None = None) -> State:
        plan = self._plan
        return State.empty(
            subject.kinds, subject.extent(len(plan.transforms), len(plan.samples), first, single=self._single)
        )

    def _measure_piece(
        self,
        samples: npt.NDArray[np.int64],
        before: Sequence[Mapping[type[Statistic], Statistic]],
        joined: Sequence[State],
        done: int,
    ) -> list[State]:
        """Return the closed state of every subject for some samples of one group and class.

        Args:
            samples: which.
            before: as for `measure`.
            joined: the open states of the subjects that are looked at over several groups; they take the samples too.
            done: how many samples are in them.
        """
        plan = self._plan
        transforms = len(plan.transforms)
        states = [self._open(each, first) for each, first in zip(self._subjects, before, strict=True)]
        streamed = [position for position, each in enumerate(self._subjects) if not each.window]
        collected = [position for position, each in enumerate(self._subjects) if each.window]
        # Layers that nobody wants whole are not collected.
        wanted = {self._place[self._subjects[position].layer.name] for position in collected}
        windows = Windows(len(wanted), plan.columns)
        window = max((self._subjects[position].window for position in collected), default=0)
        in_windows = 0
        for ran in self._run(blocks(samples, plan.columns, self.batch, window), 0, self._measured):
            block, tensors = ran.plan, ran.tensors
            run = slice(block.columns.start, min(block.columns.stop, transforms))
            if run.start < run.stop:
                part = Part(run, None, block.before)
                there = tensors if not ran.summed else {**tensors, **self._add_sums(ran, states, part)}
                self._reduce(
                    [each for each in streamed if self._place[self._subjects[each].layer.name] in there],
                    there,
                    states,
                    part,
                )
                self._feed_back(there, states, part)
                if joined:
                    raw = [tensors[self._place[each.layer.name]] for each in self._joined]
                    self._reducer.reduce(self._joined, raw, joined, replace(part, before=done + block.before))
            whole = windows.add([tensors[place] for place in sorted(wanted)], block) if wanted else None
            if whole is not None:
                known = dict(zip(sorted(wanted), whole, strict=True))
                labels = None if plan.labels is None else plan.labels[block.window]
                part = Part(slice(0, transforms), plan.untransformed, in_windows, labels)
                self._reduce(collected, known, states, part)
                in_windows += len(block.window)
        for state in states:
            state.close(len(samples))
        return states

    @np.errstate(all="ignore")
    def measure_untransformed(self, samples: npt.NDArray[np.int64], subjects: Sequence[Subject]) -> list[State]:
        """Return, for each of these subjects, the closed statistics that it wants of the untransformed samples.

        Raises:
            ModelError: the runtime fails on a block.
            DataError: a sample cannot be read or does not fit.
            StoppedError: nobody wants to know any more.
        """
        states = [State.empty(each.untransformed, each.extent(1, len(self._plan.samples))) for each in subjects]
        places = [self._place[each.layer.name] for each in subjects]
        planned = blocks(samples, 1, self.batch)
        layers = list({each.layer.name: each.layer for each in subjects}.values())
        for ran in self._run(planned, self._plan.untransformed, lambda feed, block: self._exposed(feed, block, layers)):
            raw = [ran.tensors[place] for place in places]
            self._reducer.reduce(subjects, raw, states, Part(slice(0, 1), None, ran.plan.before, beforehand=True))
        for state in states:
            state.close(len(samples))
        return states

    def _reduce(
        self, positions: Sequence[int], tensors: Mapping[int, Raw], states: Sequence[State], part: Part
    ) -> None:
        subjects = [self._subjects[position] for position in positions]
        raw = [tensors[self._place[subject.layer.name]] for subject in subjects]
        self._reducer.reduce(subjects, raw, [states[position] for position in positions], part)

    def _add_sums(self, ran: _Ran, states: Sequence[State], part: Part) -> Mapping[int, Raw]:
        """Account for the sums of a block; return the activations of the layers whose sums float32 does not hold."""
        subjects = [self._subjects[position] for position in self._pushed]
        summed = [ran.summed[each.layer.name] for each in subjects]
        held = self._reducer.add_sums(subjects, summed, [states[position] for position in self._pushed], part)
        lost = [each.layer for each, is_held in zip(subjects, held, strict=True) if not is_held]
        if not lost:
            return {}
        start = perf_counter()
        tensors = self._exposed(ran.feed, ran.plan, lost).tensors
        self._spent.charge(perf_counter() - start, INFERENCE)
        return tensors

    def _feed_back(self, reduced: Mapping[int, Raw], states: Sequence[State], part: Part) -> None:
        """Where a group began with activations, have the graph go on with the pivots that they gave."""
        if part.before or not isinstance(self._work, Summing):
            return
        for position in self._pushed:
            name = self._subjects[position].layer.name
            if self._place[name] in reduced:
                self._work.begin(name, states[position][ColumnMoments].pivot)

    def _measured(self, feed: Feed, block: BlockPlan) -> _Ran:
        """Run a block in the session at work."""
        if isinstance(self._work, Landing):
            raw = self._work.run(feed, self._there(block), self._reducer.map)
            return _Ran(block, feed, self._grids(raw, self._tensors, feed, block))
        try:
            handed = self._work.run(feed, len(block.samples), first=block.before == 0)
        except ModelError:
            # A layer of another shape than in a small batch cannot be summed: seen as it is, it is called by its name.
            self._exposed(feed, block, [self._subjects[position].layer for position in self._pushed])
            raise
        return _Ran(block, feed, self._grids(handed.raw, self._raw_layers, feed, block), handed.summed)

    def _exposed(self, feed: Feed, block: BlockPlan, layers: Sequence[Layer]) -> _Ran:
        """Run a block for the activations of some layers, whether they are summed or not."""
        if isinstance(self._work, Landing):
            return self._measured(feed, block)
        raw = self._spare.run(feed, [layer.name for layer in layers])
        return _Ran(block, feed, self._grids(raw, layers, feed, block))

    def _run(self, planned: Iterator[BlockPlan], column: int, run: Callable[[Feed, BlockPlan], _Ran]) -> Iterator[_Ran]:
        """Yield what comes of the blocks.

        Args:
            planned: the blocks.
            column: the first variant that they are about.
            run: runs a block.
        """
        for block in planned:
            if self._stop.is_set():
                raise StoppedError
            start = perf_counter()
            columns = slice(block.columns.start + column, block.columns.stop + column)
            feed = self._feed(block, columns)
            fed = perf_counter()
            ran = run(feed, block)
            self._spent.charge(fed - start, FEEDS)
            self._spent.charge(perf_counter() - fed, INFERENCE)
            yield ran
            variants = len(block.samples) * (block.columns.stop - block.columns.start)
            self._told += variants
            self._ran(variants)

    def _feed(self, block: BlockPlan, columns: slice) -> Feed:
        """Return what a block is fed: what earlier chunks have left of it, and what is made of its samples."""
        part = self._part
        given = {layer.name: part.carried.rows(layer.name, block) for layer in part.link.given} if part else {}
        if part and not part.link.inputs:
            return given
        plan = self._plan
        made = plan.feeds.batch([int(index) for index in block.samples], columns, plan.probe.fixed_batch)
        return {**given, **{name: array for name, array in made.items() if part is None or name in part.link.inputs}}

    def _there(self, block: BlockPlan) -> dict[int, Raw]:
        """Return, by place of the layer, where the activations go that later chunks need."""
        part = self._part
        return (
            {self._place[layer.name]: part.carried.rows(layer.name, block) for layer in part.link.left} if part else {}
        )

    def _grids(self, raw: Sequence[Raw], layers: Sequence[Layer], feed: Feed, block: BlockPlan) -> dict[int, Raw]:
        """Return the outputs of a block as (samples, columns, *shape), by place of the layer."""
        samples, columns = len(block.samples), block.columns.stop - block.columns.start
        # A model of fixed batch size was fed more than is counted.
        rows = samples * columns
        grids: dict[int, Raw] = {}
        for layer, tensor in zip(layers, raw, strict=True):
            front = layer.batch.to_front(tensor)[:rows]
            if len(front) != rows or front.size != rows * layer.units:
                batch = len(next(iter(feed.values())))
                raise ModelError(
                    f"'{layer.label}' has another shape in a batch of {batch} than in a small one.",
                    "Choose another --batch, or leave it out with --layers.",
                )
            grids[self._place[layer.name]] = front.reshape(samples, columns, *layer.shape)
        return grids
