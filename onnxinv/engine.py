"""Walks the plan: chunk by chunk, group by group, block by block, from samples to finished values."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from itertools import pairwise
from time import perf_counter
from typing import Any

import numpy as np
import numpy.typing as npt

from onnxinv.measures import Values
from onnxinv.measures.dispersion import count_faint
from onnxinv.measures.layer import measure_layer, spread_subset
from onnxinv.model.layers import Layer
from onnxinv.model.rewrite import expose
from onnxinv.plan import Plan
from onnxinv.reduce import Reducer
from onnxinv.result import MeasureSummary
from onnxinv.runtime import Session
from onnxinv.statistics import State, merge_states

Progress = Callable[[int], None]
"""Called after each block with the number of variants that it ran."""


@dataclass(frozen=True)
class Finished:
    """What was found of one layer.

    Attributes:
        measures: values and summary by measure key.
        faint: how many units vary so little, beside their size, that rounding blurs what they say.
    """

    measures: Mapping[str, tuple[Values, MeasureSummary]]
    faint: int


@dataclass(frozen=True)
class Measured:
    """What a walk through the plan found.

    Attributes:
        layers: the layers of the plan, in order.
        digest: of the samples that were read.
        providers: what the sessions ran on.
        seconds: from the first block to the last finished value; making sessions is not counted.
    """

    layers: tuple[Finished, ...]
    digest: str
    providers: tuple[str, ...]
    seconds: float


@dataclass(frozen=True)
class BlockPlan:
    """One session run: some samples under a run of transforms."""

    samples: npt.NDArray[np.int64]
    transforms: slice
    first: bool


def measure(plan: Plan, progress: Progress = lambda done: None) -> Measured:
    """Run the plan.

    Raises:
        ModelError: the runtime fails on a block.
        DataError: a sample cannot be read or does not fit.
    """
    found: list[Finished] = []
    providers: tuple[str, ...] = ()
    seconds = 0.0
    for chunk in plan.layout.chunks:
        exposed = expose(plan.model.proto, [layer.name for layer in chunk])
        session = Session(
            exposed.proto.SerializeToString(),
            plan.device,
            threads=plan.config.threads,
            optimize=plan.probe.optimize,
            folder=plan.model.path.parent,
        )
        providers = tuple(session.providers)
        start = perf_counter()
        found += _measure_chunk(plan, chunk, session, [exposed.outputs[layer.name] for layer in chunk], progress)
        seconds += perf_counter() - start
    return Measured(tuple(found), plan.feeds.digest([int(index) for index in plan.samples]), providers, seconds)


def blocks(group: npt.NDArray[np.int64], transforms: int, batch: int) -> Iterator[BlockPlan]:
    """Cut a group into session runs of at most `batch` variants, samples first.

    A run holds whole samples where all transforms of one fit, else part of one sample's transforms.
    """
    if transforms <= batch:
        together = max(1, batch // transforms)
        for start in range(0, len(group), together):
            yield BlockPlan(group[start : start + together], slice(0, transforms), start == 0)
        return
    bounds = [round(part) for part in np.linspace(0, transforms, -(-transforms // batch) + 1)]
    for position in range(len(group)):
        for low, high in pairwise(bounds):
            yield BlockPlan(group[position : position + 1], slice(low, high), position == 0)


def _measure_chunk(
    plan: Plan, chunk: Sequence[Layer], session: Session, outputs: Sequence[str], progress: Progress
) -> list[Finished]:
    units = [plan.units_of(layer) for layer in chunk]
    kept = [
        spread_subset(one, plan.layout.kept_units, plan.config.seed) if plan.layout.kept_units else None
        for one in units
    ]
    group_states: list[list[State]] = [[] for _ in chunk]
    totals: list[State | None] = [None] * len(chunk)
    sizes = [one.channel.size for one in units]
    with ThreadPoolExecutor(1) as ahead, Reducer(plan.config.aggregate, chunk, plan.config.threads) as reducer:
        for group in plan.groups:
            states = [State.empty(plan.statistics, len(plan.transforms), size) for size in sizes]
            for block, feed in _with_feeds(plan, group, ahead):
                raw = session.run(feed, outputs)
                reducer.reduce(raw, states, block.transforms, samples=len(block.samples), first=block.first)
                del raw  # freed before the next run makes its own
                progress(len(block.samples) * (block.transforms.stop - block.transforms.start))
            for position, state in enumerate(states):
                state.close(len(group))
                subset = kept[position]
                group_states[position].append(state if subset is None else state.take(subset))
                if subset is not None:
                    total = totals[position]
                    totals[position] = state if total is None else total.merge(state)

    def finish(position: int) -> Finished:
        groups, total = group_states[position], totals[position]
        group_states[position], totals[position] = [], None  # finished layers keep results only
        full = total or merge_states(groups)
        found = measure_layer(plan.measures, full, units[position], groups, kept[position])
        return Finished(found, count_faint(full, units[position]))

    with ThreadPoolExecutor(plan.config.threads or os.cpu_count()) as pool:
        return list(pool.map(finish, range(len(chunk))))


def _with_feeds(
    plan: Plan, group: npt.NDArray[np.int64], ahead: ThreadPoolExecutor
) -> Iterator[tuple[BlockPlan, dict[str, npt.NDArray[Any]]]]:
    """Yield the blocks of a group with their feeds; those of the next block are made while this one is at work."""
    pending: tuple[BlockPlan, Future[dict[str, npt.NDArray[Any]]]] | None = None
    for block in blocks(group, len(plan.transforms), plan.layout.batch):
        making = ahead.submit(_feed, plan, block)
        if pending:
            yield pending[0], pending[1].result()
        pending = block, making
    if pending:
        yield pending[0], pending[1].result()


def _feed(plan: Plan, block: BlockPlan) -> dict[str, npt.NDArray[Any]]:
    feed = plan.feeds.batch([int(index) for index in block.samples], block.transforms)
    wanted = plan.probe.fixed_batch
    if wanted is None:
        return feed
    return {
        name: np.concatenate([array, np.repeat(array[-1:], wanted - len(array), axis=0)])
        for name, array in feed.items()
    }
