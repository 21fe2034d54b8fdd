"""Walks the plan: chunk by chunk, group by group, block by block, from samples to finished values."""

from __future__ import annotations

import math
import os
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from time import perf_counter
from typing import Any

import numpy as np
import numpy.typing as npt
from threadpoolctl import threadpool_limits

from onnxinv.collect import Collector
from onnxinv.errors import ModelError
from onnxinv.landing import Landing
from onnxinv.measured import Finished, Found, Measured
from onnxinv.measures import Measure, Values
from onnxinv.measures.dispersion import count_faint
from onnxinv.measures.jackknife import half_width
from onnxinv.measures.layer import measure_layer
from onnxinv.measures.summary import summarize_nothing
from onnxinv.model.layers import Layer
from onnxinv.model.rewrite import expose
from onnxinv.model.widen import widened
from onnxinv.plan import LEAST_GROUPS_TO_STOP, Plan
from onnxinv.reduce import Part, Raw, Reducer, Windows
from onnxinv.result import MeasureSummary
from onnxinv.runtime import Session
from onnxinv.schedule import BlockPlan, blocks
from onnxinv.spent import Spent
from onnxinv.statistics import State, Statistic, merge_states
from onnxinv.subjects import Subject
from onnxinv.views.aligned import MapSize

Progress = Callable[[int], None]
"""Called after each block with the number of variants that it ran."""

Making = Future[dict[str, npt.NDArray[Any]]]
"""The feeds of a block, by name of the input, while they are made."""

Enough = Callable[[Measured], bool]
"""Called with what is measured so far; whether that is enough."""

_NEXT_LOOK = 1.25
"""How many times more groups are measured from one look at what they say to the next."""

INFERENCE, FEEDS = "inference", "transforms"
"""What the time is called that the runtime takes, and that it waits for inputs."""


def measure(plan: Plan, progress: Progress = lambda done: None, enough: Enough | None = None) -> Measured:
    """Run the plan.

    Args:
        plan: what to do; of a single chunk where it may end early.
        progress: is told of every block.
        enough: ends the run before all samples are measured; asked from the fourth group on, less and less often.

    Layers are reduced in threads; a matrix product that started threads of its own there would only be in their way.

    Raises:
        ModelError: the runtime fails on a block.
        DataError: a sample cannot be read or does not fit.
    """
    # Non-finite activations end as nan and are counted; numpy would warn of each.
    with threadpool_limits(limits=1, user_api="blas"), np.errstate(all="ignore"):
        return _measure(plan, progress, enough)


def _measure(plan: Plan, progress: Progress, enough: Enough | None) -> Measured:
    found: list[Finished] = []
    outputs: Found = {}
    walks: list[_Walk] = []
    seconds = 0.0
    for number, layers in enumerate(plan.layout.chunks):
        walk = _Walk(plan, layers, progress, with_output=number == 0)
        start = perf_counter()
        walk.run(enough)
        finished, of_classes = walk.finish()
        seconds += perf_counter() - start
        found += finished
        outputs = {**outputs, **of_classes}
        walks.append(walk)
    return _measured(plan, walks, found, outputs, seconds)


def _measured(
    plan: Plan, walks: Sequence[_Walk], found: Sequence[Finished], outputs: Found, seconds: float
) -> Measured:
    samples = np.sort(np.concatenate([part for group in plan.groups[: walks[0].groups] for part in group]))
    spent: Spent[Measure | str] = Spent()
    for walk in walks:
        spent.include(walk.spent.items())
    return Measured(
        tuple(found),
        outputs,
        samples,
        walks[0].groups,
        sum(walk.inferences for walk in walks),
        plan.feeds.digest([int(index) for index in samples]),
        tuple(walks[0].session.providers),
        seconds,
        spent,
    )


class _Walk:
    """One pass over the samples for a chunk of layers.

    Args:
        plan: the plan.
        layers: the chunk.
        progress: is told of every block.
        with_output: whether the class output is measured with it.
    """

    def __init__(self, plan: Plan, layers: Sequence[Layer], progress: Progress, *, with_output: bool) -> None:
        self._plan = plan
        self._layers = layers
        self._progress = progress
        self._subjects = plan.subjects.of(layers, with_output=with_output)
        self._tensors = list({subject.layer.name: subject.layer for subject in self._subjects}.values())
        self._place = {layer.name: place for place, layer in enumerate(self._tensors)}
        drawn = {layer.name: layer.drawn.units for layer in self._tensors if layer.drawn}
        exposed = expose(plan.model.proto, list(self._place), drawn)
        self._outputs = [exposed.outputs[name] for name in self._place]
        self.session = Session(
            widened(exposed.proto).SerializeToString(),
            plan.device,
            threads=plan.config.threads,
            optimize=plan.probe.optimize,
            folder=plan.model.path.parent,
        )
        self._landing = Landing(self.session, self._outputs, self._tensors)
        self._single = plan.config.reduce == "auto"
        kept = plan.layout.kept_units
        self._collectors = [Collector(each, kept, plan.classes, plan.config.seed) for each in self._subjects]
        self.spent: Spent[Measure | str] = Spent()
        self.inferences = 0
        self.groups = 0

    def run(self, enough: Enough | None) -> None:
        """Measure all groups, or as many as the precision that was asked for, or `enough`, takes."""
        next_look = LEAST_GROUPS_TO_STOP
        with ThreadPoolExecutor(1) as ahead, Reducer(self._plan.config.threads, single=self._single) as reducer:
            before = self._first_pass(reducer, ahead)
            for group in self._plan.groups:
                closed = [self._measure_part(samples, before, reducer, ahead) for samples in group]
                for collector, states in zip(self._collectors, zip(*closed, strict=True), strict=True):
                    collector.add(states)
                self.groups += 1
                if self._is_precise():
                    break
                if enough is not None and self._looks(next_look):
                    next_look = math.ceil(self.groups * _NEXT_LOOK)
                    if enough(_measured(self._plan, [self], *self.finish(last=False), 0.0)):
                        break
            self.spent.include(reducer.spent().items())

    def _looks(self, next_look: int) -> bool:
        """Whether it is asked now if what is measured is enough: also where that is all that was asked for."""
        due = self.groups >= next_look or self.groups == self._plan.asked_groups
        return due and self.groups < len(self._plan.groups)

    def finish(self, *, last: bool = True) -> tuple[list[Finished], Found]:
        """Return what was found of the layers, in order, and of the class output.

        Args:
            last: whether nothing more is measured, and the states can be forgotten.
        """
        with ThreadPoolExecutor(self._plan.config.threads or os.cpu_count()) as pool:
            done = list(pool.map(lambda place: self._finish_subject(place, last=last), range(len(self._subjects))))
        of_layers: dict[int, dict[str, tuple[Values, MeasureSummary]]] = {layer.index: {} for layer in self._layers}
        floors: dict[MapSize | None, dict[str, tuple[Values, MeasureSummary]]] = {}
        outputs: Found = {}
        faint: Counter[int] = Counter()
        for subject, (found, count, spent) in zip(self._subjects, done, strict=True):
            self.spent.include(spent.items())
            if subject.role == "output":
                outputs = found
            elif subject.role == "floor":
                floors.setdefault(subject.map_size, {}).update(found)
            else:
                of_layers[subject.layer.index].update(found)
                faint[subject.layer.index] += count
        for subject in self._subjects:
            if subject.role == "layer" and subject.map_size:
                self._add_floors(subject, of_layers[subject.layer.index], floors.get(subject.map_size, {}))
        return [
            Finished(self._in_order(layer, of_layers[layer.index]), faint[layer.index]) for layer in self._layers
        ], outputs

    def _first_pass(self, reducer: Reducer, ahead: ThreadPoolExecutor) -> list[Mapping[type[Statistic], Statistic]]:
        """Run the untransformed samples where a statistic must know them beforehand; return these by subject."""
        plan, count = self._plan, len(self._plan.samples)
        wanting = [each for each in self._subjects if each.untransformed]
        states = [State.empty(each.untransformed, each.extent(1, count)) for each in wanting]
        places = [self._place[each.layer.name] for each in wanting]
        if wanting:
            samples = np.concatenate([part for group in plan.groups for part in group])
            for block, tensors in self._run(blocks(samples, 1, plan.layout.batch), plan.untransformed, ahead):
                raw = [tensors[place] for place in places]
                reducer.reduce(wanting, raw, states, Part(slice(0, 1), None, block.first, beforehand=True))
        with np.errstate(all="ignore"):
            for state in states:
                state.close(count)
        known = dict(zip(wanting, states, strict=True))
        return [{kind: known[each][kind] for kind in each.untransformed} for each in self._subjects]

    def _measure_part(
        self,
        samples: npt.NDArray[np.int64],
        before: Sequence[Mapping[type[Statistic], Statistic]],
        reducer: Reducer,
        ahead: ThreadPoolExecutor,
    ) -> list[State | None]:
        """Return the closed state of every subject for the samples of one group and class."""
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
        first_window = True
        for block, tensors in self._run(blocks(samples, plan.columns, plan.layout.batch, window), 0, ahead):
            run = slice(block.columns.start, min(block.columns.stop, transforms))
            if run.start < run.stop:
                self._reduce(reducer, streamed, dict(enumerate(tensors)), states, Part(run, None, block.first))
            whole = windows.add([tensors[place] for place in sorted(wanted)], block) if wanted else None
            if whole is not None:
                known = dict(zip(sorted(wanted), whole, strict=True))
                labels = None if plan.labels is None else plan.labels[block.window]
                part = Part(slice(0, transforms), plan.untransformed, first_window, labels)
                self._reduce(reducer, collected, known, states, part)
                first_window = False
        with np.errstate(all="ignore"):  # non-finite activations end as nan and are counted
            for state in states:
                state.close(len(samples))
        return list(states)

    def _reduce(
        self,
        reducer: Reducer,
        positions: Sequence[int],
        tensors: Mapping[int, Raw],
        states: Sequence[State],
        part: Part,
    ) -> None:
        subjects = [self._subjects[position] for position in positions]
        raw = [tensors[self._place[subject.layer.name]] for subject in subjects]
        reducer.reduce(subjects, raw, [states[position] for position in positions], part)

    def _run(
        self, planned: Iterator[BlockPlan], column: int, ahead: ThreadPoolExecutor
    ) -> Iterator[tuple[BlockPlan, list[Raw]]]:
        """Yield the blocks with what they expose, (samples, columns, *shape) of every tensor.

        Args:
            planned: the blocks.
            column: the first variant that they are about.
            ahead: makes the inputs of the next block while this one is at work.
        """
        for block, making in _one_ahead(planned, lambda block: ahead.submit(self._feed, block, column)):
            start = perf_counter()
            feed = making.result()
            fed = perf_counter()
            raw = self._landing.run(feed)
            self.spent.charge(fed - start, FEEDS)
            self.spent.charge(perf_counter() - fed, INFERENCE)
            samples, columns = len(block.samples), block.columns.stop - block.columns.start
            # A model of fixed batch size was fed more than is counted.
            rows = samples * columns
            fronts = [layer.batch.to_front(tensor)[:rows] for layer, tensor in zip(self._tensors, raw, strict=True)]
            for layer, front in zip(self._tensors, fronts, strict=True):
                if len(front) != rows or front.size != rows * layer.units:
                    raise ModelError(
                        f"'{layer.label}' has another shape in a batch of {len(next(iter(feed.values())))} than in a "
                        "small one.",
                        "Choose another --batch, or leave it out with --layers.",
                    )
            yield (
                block,
                [
                    front.reshape(samples, columns, *layer.shape)
                    for layer, front in zip(self._tensors, fronts, strict=True)
                ],
            )
            self.inferences += samples * columns
            self._progress(samples * columns)

    def _feed(self, block: BlockPlan, column: int) -> dict[str, npt.NDArray[Any]]:
        columns = slice(block.columns.start + column, block.columns.stop + column)
        return self._plan.feeds.batch([int(index) for index in block.samples], columns, self._plan.probe.fixed_batch)

    def _is_precise(self) -> bool:
        """Whether the precision that was asked for is reached in every layer that has an interval."""
        wanted, decisive = self._plan.config.precision, self._plan.decisive
        if wanted is None or decisive is None or self.groups < LEAST_GROUPS_TO_STOP:
            return False
        for parts in zip(*self._plan.groups[: self.groups], strict=True):
            sizes = [len(part) for part in parts]
            if sum(sizes) - max(sizes) < decisive.samples_needed:
                return False  # a class has no interval yet
        for subject, collector in zip(self._subjects, self._collectors, strict=True):
            if subject.role == "floor" or decisive not in subject.measures:
                continue
            for _, summary in measure_layer([decisive], collector.collected(), subject.units).values():
                if summary.se is not None and half_width(summary.se, self.groups) > wanted:
                    return False
        return True

    @np.errstate(all="ignore")  # in its own thread, which does not have that of `measure`
    def _finish_subject(self, position: int, *, last: bool) -> tuple[Found, int, Spent[Measure]]:
        subject, collector = self._subjects[position], self._collectors[position]
        spent: Spent[Measure] = Spent()
        collected = collector.collected()
        if last:
            collector.clear()  # finished layers keep results only
        found = measure_layer(subject.measures, collected, subject.units, spent)
        plain = subject.role == "layer" and subject.map_size is None
        faint = count_faint(merge_states(collected.full), subject.units) if plain else 0
        return found, faint, spent

    def _add_floors(self, subject: Subject, found: dict[str, tuple[Values, MeasureSummary]], floors: Found) -> None:
        for measure in subject.measures:
            for key in measure.result_keys():
                if key in floors:
                    values, summary = found[key]
                    found[key] = values, summary.model_copy(update={"floor": floors[key][1].mean})

    def _in_order(self, layer: Layer, found: Found) -> Found:
        """Return the measures of a layer in the order asked for, with the reasons of those that it lacks."""
        ordered: dict[str, tuple[Values, MeasureSummary]] = {}
        for measure in self._plan.measures:
            reason = self._plan.subjects.lacking.get((layer.index, measure))
            if reason is not None:
                nothing = Values(np.zeros(0), np.zeros(0, dtype=np.bool_)), summarize_nothing(reason)
                ordered |= dict.fromkeys(measure.result_keys(), nothing)
            elif measure.scope != "output":
                ordered |= {key: found[key] for key in measure.result_keys()}
        return ordered


def _one_ahead(planned: Iterator[BlockPlan], make: Callable[[BlockPlan], Making]) -> Iterator[tuple[BlockPlan, Making]]:
    """Yield the blocks with their feeds; those of the next block are made while this one is at work."""
    pending: tuple[BlockPlan, Making] | None = None
    for block in planned:
        making = make(block)
        if pending:
            yield pending
        pending = block, making
    if pending:
        yield pending
