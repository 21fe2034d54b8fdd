"""What a measurement keeps in memory, and how layers are cut into chunks so that it stays within a budget."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from itertools import accumulate, pairwise
from typing import Self

import numpy as np
import numpy.typing as npt

from onnxinv.errors import UsageError
from onnxinv.model.layers import Layer

KEPT_UNITS = 4096
"""Units of a layer whose group states are kept, at most: standard errors hardly change with more, the time does."""

_TARGET_BLOCK = 128 << 20
"""Bytes of activations that one block should yield: several samples of each, so that states are seldom touched."""

_BLOCKS_SHARE = 3
"""Part of the memory that the blocks at work may take: the states need most of the room."""

_LEAST_SAMPLES = 1, 4
"""Samples that a block should hold, however large they are, the more the better."""

_MOST_SAMPLES = 8
"""Samples of a block, at most."""

_SUM_BYTES = 4
"""Bytes of one of the sums of a block."""

_RUN = 5 << 20
"""Bytes of the largest tensor that one run of the model should make: what is made next finds it in the caches."""

_PASSING = 8
"""Tensors of the largest size that the runtime may hold at once: it also keeps what it may need again."""

_SUMMING = 3
"""Tensors that it needs to sum one: what is left after each of two shifts, and the squares."""

OPEN_STATE = 2
"""Size of a state that is being updated, in closed ones: it holds pivots beside its sums."""


@dataclass(frozen=True)
class Joined:
    """Bytes that states of a layer take where all its units are summed over several groups together.

    Attributes:
        full: states of all samples, all units.
        open: states of what is being measured.
    """

    full: int
    open: int


@dataclass(frozen=True)
class Load:
    """Bytes that measuring one layer takes, over all the ways in which it is looked at.

    Attributes:
        layer: the layer.
        group: closed states of one group, all units.
        kept: closed states of one group, of the units whose group states are kept.
        full: closed states of all samples, all units.
        open: states of the group that is being measured.
        finishing: one state of the units that are finished at a time.
        buffers: activations that are collected until statistics can use them, and statistics of the first pass.
        summed: whether blocks hand out sums of its activations in their place.
        copies: how often the activations of a block are there at a time: 1 where each lands in the place of the last.
        joined: states where all units are summed over several groups together; None where they cannot be.
    """

    layer: Layer
    group: int
    kept: int
    full: int
    open: int
    finishing: int
    buffers: int = 0
    summed: bool = False
    copies: int = 2
    joined: Joined | None = None

    def states(self, *, joined: bool) -> Joined:
        """Return the states of all units, and the open ones; joined as far as the layer can be."""
        return self.joined if joined and self.joined else Joined(self.full, self.open)

    def block(self, batch: int, columns: int) -> int:
        """Return the bytes that a block of so many variants hands out, and what is made of them."""
        raw = self.copies * batch * self.layer.units * self.layer.number_bytes
        # Start, total and deviations of each row; total, squares and pivot of each column. The activations themselves
        # wait in the runtime, and are handed out where float32 does not hold their sums.
        sums = 3 * (-(-batch // columns) + columns) * self.layer.units * _SUM_BYTES
        return raw + sums if self.summed else raw


@dataclass(frozen=True)
class Memory:
    """Estimated bytes.

    Attributes:
        state: what the statistics of the largest chunk keep: group states, and the open groups or, later, the
            leave-one-out states of the layers that are being finished.
        activations: what the blocks at work expose and their copies for the reducer, and what the largest chunk
            collects; where layers are not handed out whole, what the runtime holds of them besides.
        samples: variants of the blocks at work, and what transforms keep.
        budget: what must not be exceeded.
    """

    state: int
    activations: int
    samples: int
    budget: int

    @property
    def peak(self) -> int:
        """Estimated peak beside the interpreter, the libraries and the model itself."""
        return self.state + self.activations + self.samples


@dataclass(frozen=True)
class Layout:
    """How the measurement is cut up.

    Attributes:
        batch: variants that are measured together, in one block.
        at_once: of these, how many are in one run of the model, at most.
        kept_units: units of each layer whose group states are kept; None where no layer has more.
        chunks: layers measured together, chunk after chunk.
        desks: groups measured at the same time.
        memory: the estimate.
        joined: whether units whose group states are not kept are summed over several groups together.
        carries: whether a chunk goes on from what those before it have left, and all of them are one pass.
        uncut: the layout where none does; None where that is this one.
    """

    batch: int
    at_once: int
    kept_units: int | None
    chunks: tuple[tuple[Layer, ...], ...]
    desks: int
    memory: Memory
    joined: bool = False
    carries: bool = False
    uncut: Layout | None = None

    @property
    def passes(self) -> int:
        """How often each variant goes through the model, or the part of it that a chunk needs."""
        return 1 if self.carries else len(self.chunks)


@dataclass(frozen=True)
class Work:
    """What is laid out.

    Attributes:
        loads: what is measured, layer by layer.
        groups: number of groups.
        columns: variants of each sample.
        batch: variants a run, where the user or the model says so.
        variant_bytes: one variant of the primary input.
        operator_bytes: what transforms keep to be quick.
        passing_bytes: of one variant, what the runtime holds for a while and does not hand out; see `passing_bytes`.
        largest_bytes: of one variant, the largest tensor that is measured, where a block may be run in parts; else 0.
        threads: layers finished at a time.
        desks: groups measured at the same time, at most.
        joins: stretches that there are where units are summed over several groups together; 0 where they may not be.
        sources: see `sources_of`; None where no chunk can go on from what others have left.
        variants: that are run, all samples together.
    """

    loads: Sequence[Load]
    groups: int
    columns: int
    batch: int | None
    variant_bytes: int
    operator_bytes: int
    passing_bytes: int
    largest_bytes: int
    threads: int
    desks: int
    joins: int = 0
    sources: Sequence[AbstractSet[int]] | None = None
    variants: int = 0


@dataclass(frozen=True)
class Sizes:
    """What layers take where they are measured in one way.

    Attributes:
        samples: bytes of the variants of the blocks at work, and what transforms keep.
        passing: bytes that the runtime holds for a while.
        kept: bytes of states that stay, of the layers before each, and of all.
        opened: bytes of their states that are open, at one desk, likewise.
        buffers: bytes of their activations at one desk, likewise.
        desks: groups measured at the same time.
        finishing: bytes of what is finished at a time.
    """

    samples: int
    passing: int
    kept: npt.NDArray[np.int64]
    opened: npt.NDArray[np.int64]
    buffers: npt.NDArray[np.int64]
    desks: int
    finishing: int

    @classmethod
    def of(cls, work: Work, *, desks: int, batch: int, at_once: int, joined: bool) -> Self:
        """Return the sizes where so many groups are measured at a time, in blocks of that many variants."""
        states = [load.states(joined=joined) for load in work.loads]
        workers = min(work.threads, len(work.loads))
        return cls(
            2 * desks * batch * work.variant_bytes + work.operator_bytes,
            desks * min(batch, at_once) * work.passing_bytes,
            _before(state.full + work.groups * load.kept for state, load in zip(states, work.loads, strict=True)),
            _before(state.open for state in states),
            _before(load.buffers + load.block(batch, work.columns) for load in work.loads),
            desks,
            workers * (work.groups + 3) * max(load.finishing for load in work.loads),
        )

    def together(self, begin: int, end: int) -> tuple[int, int]:
        """Return the bytes of states, and of activations, of the layers from one to before another."""
        kept, opened, buffers = (int(each[end] - each[begin]) for each in (self.kept, self.opened, self.buffers))
        # Nothing is open any more when values are finished.
        return kept + max(self.desks * opened, self.finishing), self.desks * buffers


def _before(sizes: Iterable[int]) -> npt.NDArray[np.int64]:
    return np.fromiter(accumulate(sizes, initial=0), np.int64)


def lay_out(work: Work, budget: int | None) -> Layout:
    """Choose batch, chunks and desks so that the estimate stays within the budget.

    Every chunk runs the model again: as few of them as possible come first, then blocks of more than one sample, then
    as many desks as there may be.

    Args:
        work: what is laid out.
        budget: bytes; None for half of the machine's memory.

    Raises:
        UsageError: not even one layer at a time fits.
    """
    limit = budget or _physical_memory() // 2
    ways = {False: work.groups}
    if work.joins and any(load.joined for load in work.loads):
        ways[True] = work.joins
    found = [
        _lay_out(work, limit, desks, rows, joined=joined)
        for joined, most in ways.items()
        for desks in _counts(min(work.desks, most))
        for rows in _LEAST_SAMPLES
    ]
    layouts = [each for each in found if isinstance(each, Layout)]
    if layouts:
        return min(layouts, key=lambda each: _rank(each, work))
    # One desk needs least.
    raise min((each for each in found if isinstance(each, _Short)), key=lambda each: each.need).error(limit)


def _rank(layout: Layout, work: Work) -> tuple[int, bool, int, bool, int]:
    """Return what is smallest for the best layout."""
    small = layout.batch < _LEAST_SAMPLES[-1] * work.columns  # states are touched for every sample
    # Where memory does not do for as many desks as there may be, the less of it is touched the better.
    short = layout.desks < min(work.desks, work.groups)
    return len(layout.chunks), small, -layout.desks, layout.joined != short, -layout.batch


def _counts(most: int) -> set[int]:
    return {max(1, most), -(-most // 2), -(-most // 4), 1}


@dataclass(frozen=True)
class _Short:
    """A layer that does not fit alone, and the bytes that it needs."""

    layer: Layer
    need: int

    def error(self, limit: int) -> UsageError:
        return UsageError(
            f"The layer '{self.layer.label}' alone needs about {-(-self.need >> 20):,} MiB, "
            f"and the budget is {limit >> 20:,} MiB.",
            "Raise --memory, lower --batch, take fewer transforms or choose --layers.",
        )


def _lay_out(work: Work, limit: int, desks: int, rows: int, *, joined: bool) -> Layout | _Short:
    """Return the layout with so many desks, and blocks of that many samples where memory allows it."""
    loads = work.loads
    layers = [load.layer for load in loads]
    exposed = sum(layer.units * layer.number_bytes for layer in layers)
    most = limit // _BLOCKS_SHARE // max(load.copies for load in loads) // desks
    if work.batch is not None:
        batch = at_once = work.batch
    elif work.largest_bytes:
        at_once = max(1, _RUN // work.largest_bytes)
        handed_out = most - at_once * work.passing_bytes
        batch = _batch(exposed + work.variant_bytes, work.columns, rows, handed_out)
    else:
        at_once = batch = _batch(exposed + work.passing_bytes + work.variant_bytes, work.columns, rows, most)
    sizes = Sizes.of(work, desks=desks, batch=batch, at_once=at_once, joined=joined)
    room = limit - sizes.passing - sizes.samples
    alone = [sum(sizes.together(place, place + 1)) for place in range(len(layers))]
    if max(alone) > room:
        return _Short(layers[alone.index(max(alone))], limit - room + max(alone))
    bounds = [0]
    for place in range(1, len(layers)):
        if sum(sizes.together(bounds[-1], place + 1)) > room:
            bounds.append(place)
    bounds.append(len(layers))
    state, collected = max((sizes.together(*ends) for ends in pairwise(bounds)), key=sum)
    return Layout(
        batch,
        at_once,
        KEPT_UNITS if any(load.kept < load.group for load in loads) else None,
        tuple(tuple(layers[slice(*ends)]) for ends in pairwise(bounds)),
        desks,
        Memory(state, sizes.passing + collected, sizes.samples, limit),
        joined,
    )


def _batch(variant_bytes: int, columns: int, rows: int, most_bytes: int) -> int:
    """Return how many variants one run should take: at least that many whole rows where memory allows it."""
    most = most_bytes // max(variant_bytes, 1)
    wanted = max(_TARGET_BLOCK // max(variant_bytes, 1), rows * columns)
    return max(1, min(_MOST_SAMPLES * columns, wanted, most))


def passing_bytes(layers: Sequence[Layer], measured: Sequence[Layer]) -> int:
    """Return what the runtime holds of one variant for a while where layers are not handed out whole.

    Args:
        layers: as they are.
        measured: what is handed out of them.
    """
    whole = (one.units * one.number_bytes for one, other in zip(layers, measured, strict=True) if other.drawn)
    return _PASSING * max(whole, default=0)


def largest_bytes(layers: Sequence[Layer]) -> int:
    """Return the bytes of the largest of these tensors, of one variant."""
    return max((layer.units * layer.number_bytes for layer in layers), default=0)


def summing_bytes(loads: Sequence[Load]) -> int:
    """Return what the runtime holds of one variant for a while where it sums layers: a few copies of one of them."""
    return _SUMMING * max((load.layer.units * _SUM_BYTES for load in loads if load.summed), default=0)


def _physical_memory() -> int:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):  # not every system tells
        return 8 << 30
