"""Walks the plan: chunk by chunk, group by group, block by block, from samples to finished values."""

from __future__ import annotations

import math
import os
from collections.abc import Callable, Sequence
from contextlib import nullcontext
from time import perf_counter

import numpy as np
from threadpoolctl import threadpool_limits

from onnxinv.carried import Carried, CarriedPart
from onnxinv.checkpoint import Checkpoint
from onnxinv.collect import Collector
from onnxinv.desks import Desks, Progress
from onnxinv.errors import OutputError
from onnxinv.finishing import finish
from onnxinv.measured import Finished, Found, Measured
from onnxinv.measures import Measure, Values
from onnxinv.measures.jackknife import half_width
from onnxinv.measures.layer import Collected, measure_layer
from onnxinv.measures.summary import summarize_nothing
from onnxinv.model.layers import Layer
from onnxinv.plan import LEAST_GROUPS_TO_STOP, Plan
from onnxinv.result import MeasureSummary
from onnxinv.schedule import Piece, stretches
from onnxinv.sketch import sketch_all
from onnxinv.spent import Spent
from onnxinv.statistics import State
from onnxinv.statistics.spare_arrays import slab
from onnxinv.untransformed import first_pass

Enough = Callable[[Measured], bool]
"""Called with what is measured so far; whether that is enough."""

_NEXT_LOOK = 1.25
"""How many times more groups are measured from one look at what they say to the next."""


def measure(
    plan: Plan,
    progress: Progress = lambda done: None,
    enough: Enough | None = None,
    checkpoint: Checkpoint | None = None,
) -> Measured:
    """Run the plan.

    Args:
        plan: what to do; of a single chunk where it may end early.
        progress: is told of every block.
        enough: ends the run before all samples are measured; asked from the fourth group on, less and less often.
        checkpoint: where closed groups are kept; those that it holds are not measured again.

    Layers are reduced in threads; a matrix product that started threads of its own there would only be in their way.

    Raises:
        ModelError: the runtime fails on a block.
        DataError: a sample cannot be read or does not fit.
        OutputError: a closed group cannot be kept, or one that was kept is of other samples.
    """
    # Non-finite activations end as nan and are counted; numpy would warn of each.
    with threadpool_limits(limits=1, user_api="blas"), np.errstate(all="ignore"):
        return _measure(plan, progress, enough, checkpoint)


def _measure(plan: Plan, progress: Progress, enough: Enough | None, checkpoint: Checkpoint | None) -> Measured:
    found: list[Finished] = []
    outputs: Found = {}
    walks: list[_Walk] = []
    seconds = 0.0
    carried = Carried(plan) if plan.layout.carries else None
    memory = plan.layout.memory
    with slab(memory.state + memory.activations) if len(plan.layout.chunks) > 1 else nullcontext():
        for number in range(len(plan.layout.chunks)):
            walk = _Walk(plan, progress, number, checkpoint)
            walk.run(enough, carried)
            finished, of_classes = walk.finish()
            seconds += walk.seconds
            found += finished
            outputs = {**outputs, **of_classes}
            walks.append(walk)
    return _measured(plan, walks, found, outputs, seconds)


def rehearse(plan: Plan, number: int, carried: Carried, progress: Progress) -> None:
    """Run the blocks of a chunk, and forget what they say.

    Args:
        plan: what to do.
        number: of the chunk; those before it were run.
        carried: what they have left.
        progress: is told of every block.

    Raises:
        ModelError: the runtime fails on a block.
        DataError: a sample cannot be read or does not fit.
    """
    with threadpool_limits(limits=1, user_api="blas"), np.errstate(all="ignore"):
        _Walk(plan, progress, number).run(carried=carried)


def _measured(
    plan: Plan, walks: Sequence[_Walk], found: Sequence[Finished], outputs: Found, seconds: float
) -> Measured:
    accounted = [plan.groups[group] for group in plan.own_groups[: walks[0].groups]]
    samples = np.sort(np.concatenate([part for group in accounted for part in group]))
    spent: Spent[Measure | str] = Spent()
    for walk in walks:
        spent.include(walk.spent.items())
    return Measured(
        tuple(found),
        outputs,
        samples,
        walks[0].groups,
        sum(walk.inferences for walk in walks[: plan.layout.passes]),
        plan.feeds.digest([int(index) for index in samples]),
        tuple(walks[0].providers),
        min(walk.batch for walk in walks),
        seconds,
        spent,
    )


class _Walk:
    """One pass over the samples for a chunk of layers.

    Args:
        plan: the plan.
        progress: is told of every block.
        number: of the chunk.
        checkpoint: where closed groups are kept.

    Attributes:
        spent: seconds that all threads spent on inference, on transforms and on each measure.
        providers: what the session ran on.
        groups: how many were accounted for.
        batch: least variants in a run of the model.
    """

    def __init__(self, plan: Plan, progress: Progress, number: int, checkpoint: Checkpoint | None = None) -> None:
        self._plan = plan
        self._layers = plan.layout.chunks[number]
        self._number = number
        self._checkpoint = checkpoint
        self._subjects = plan.subjects_of(number)
        self._sketches = sketch_all(self._subjects)
        self._progress = progress
        self._started = perf_counter()
        kept = plan.layout.kept_units
        joined = plan.layout.joined
        self._collectors = [
            Collector(each, kept, plan.classes, plan.config.seed, joined=joined) for each in self._subjects
        ]
        self.spent: Spent[Measure | str] = Spent()
        self.providers: list[str] = []
        self.groups = 0
        self.batch = plan.layout.batch
        self._before = 0.0
        self._ended = True
        self._first = any(each.untransformed for each in self._subjects)

    @property
    def inferences(self) -> int:
        """How many variants were run for what is accounted for; a group begun too early is not."""
        counted = sum(len(self._samples_of(group)) for group in self._plan.own_groups[: self.groups])
        before = sum(len(part) for group in self._plan.groups for part in group) if self._first else 0
        return counted * self._plan.columns + before

    def run(self, enough: Enough | None = None, carried: Carried | None = None) -> None:
        """Measure all groups, or as many as the precision that was asked for, or `enough`, takes.

        Groups are measured at the same time, and accounted for in their order: what is found does not depend on which
        was ready first, or on how many were.

        Args:
            enough: see `measure`.
            carried: what chunks leave to later ones; None where each begins with the model's inputs.
        """
        if self._restore():
            return
        with carried.part(self._number) if carried else nullcontext() as part:
            if self._subjects or (part and part.link.left):
                self._run(enough, part)
            else:  # no measure applies to any of the layers
                self.groups, self.providers = len(self._plan.own_groups), self._planned_providers
                self._progress(self.inferences)

    def _run(self, enough: Enough | None, part: CarriedPart | None) -> None:
        next_look = LEAST_GROUPS_TO_STOP
        looked = [each.looked for each in self._collectors]
        joined = [each for each in self._collectors if each.joined]
        # Not kept: the next chunk needs the memory of this one's session and arrays.
        with Desks(self._plan, looked, [each.subject for each in joined], self._progress, part) as desks:
            self.providers = desks.providers
            before = first_pass(self._plan, self._subjects, desks)
            every = stretches(self._plan.groups, joined=self._plan.layout.joined)
            left = set(self._plan.own_groups[self.groups :])
            cut = [stretch for stretch in every if {piece.group for piece in stretch} <= left]
            measured = desks.map(lambda desk, stretch: desk.measure(stretch, before), cut)
            for stretch, found in zip(cut, measured, strict=True):
                for piece, closed in zip(stretch, found.pieces, strict=True):
                    self._add(piece, closed)
                for collector, state in zip(joined, found.joined, strict=True):
                    collector.add_joined(state)
                if not stretch[-1].last:
                    continue
                self._keep(stretch[-1].group)
                if self._is_precise():
                    break
                if enough is not None and self._looks(next_look):
                    next_look = math.ceil(self.groups * _NEXT_LOOK)
                    if enough(_measured(self._plan, [self], *self.finish(last=False), 0.0)):
                        break
        self.spent.include(desks.spent.items())
        self.batch = desks.batch

    @property
    def seconds(self) -> float:
        """How long it has taken so far, earlier runs of it included."""
        return self._before + perf_counter() - self._started

    def _restore(self) -> bool:
        """Take up the groups that are closed already; return whether nothing is left to be measured."""
        entries = self._checkpoint.entries(self._number) if self._checkpoint else ()
        if not entries or self._checkpoint is None:
            return False
        subjects, places = len(self._subjects), max(len(self._plan.classes), 1)
        groups = []
        for expected, entry in zip(self._plan.own_groups, entries, strict=False):
            samples = self._samples_of(expected)
            if entry.group != expected or self._plan.feeds.digest(samples) != entry.samples:
                raise OutputError(
                    f"The samples of group {expected + 1} are not those whose states are in "
                    f"'{self._checkpoint.folder}'.",
                    "Take the data as it was, or remove the folder and measure again.",
                )
            groups.append(self._checkpoint.groups(entry, subjects, places, self._plan.code))
            self._progress(len(samples) * self._plan.columns)
        totals = self._checkpoint.totals(entries[-1], subjects, places, self._plan.code)
        for place, collector in enumerate(self._collectors):
            collector.restore([each[place] for each in groups], totals[place] if totals else None)
        self.groups = len(entries)
        self._before = entries[-1].seconds
        self.providers = self._planned_providers
        return self.groups == len(self._plan.own_groups) or self._is_precise()

    @property
    def _planned_providers(self) -> list[str]:
        return [each if isinstance(each, str) else each[0] for each in self._plan.device.providers]

    def _keep(self, group: int) -> None:
        """Write the group that was closed last."""
        if self._checkpoint is None:
            return
        totals = [each.totals for each in self._collectors]
        if not self._checkpoint.entries(self._number):
            self._checkpoint.describe(self._number, self._sketches, [each.kept for each in self._collectors])
        samples = self._samples_of(group)
        self._checkpoint.keep(
            self._number,
            group,
            [each.closed for each in self._collectors],
            None if all(each is None for each in totals) else [each or () for each in totals],
            samples={index: self._plan.feeds.digest_of(index) for index in samples},
            digest=self._plan.feeds.digest(samples),
            seconds=self.seconds,
        )

    def _samples_of(self, group: int) -> list[int]:
        return [int(index) for part in self._plan.groups[group] for index in part]

    def _add(self, piece: Piece, closed: Sequence[State]) -> None:
        for collector, state in zip(self._collectors, closed, strict=True):
            if self._ended:
                collector.begin_group()
            collector.add(piece.place, state)
        self._ended = piece.last
        self.groups += piece.last

    def _looks(self, next_look: int) -> bool:
        """Whether it is asked now if what is measured is enough: also where that is all that was asked for."""
        due = self.groups >= next_look or self.groups == self._plan.asked_groups
        return due and self.groups < len(self._plan.own_groups)

    def finish(self, *, last: bool = True) -> tuple[list[Finished], Found]:
        """Return what was found of the layers, in order, and of the class output.

        Args:
            last: whether nothing more is measured, and the states can be forgotten.
        """

        def collected(place: int) -> Collected:
            found = self._collectors[place].collected()
            if last:
                self._collectors[place].clear()  # finished layers keep results only
            return found

        done = finish(self._sketches, collected, self._plan.config.threads or os.cpu_count() or 1)
        self.spent.include(done.spent.items())
        return [
            Finished(self._in_order(layer, done.layers.get(layer.index, {})), done.faint[layer.index])
            for layer in self._layers
        ], done.outputs

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
