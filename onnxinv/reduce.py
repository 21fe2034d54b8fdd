"""The host reducer: brings raw activations into the statistics, in float64, a cache-sized piece at a time."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Collection, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from itertools import pairwise
from time import perf_counter
from types import TracebackType
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from onnxinv.measures import Measure
from onnxinv.schedule import BlockPlan
from onnxinv.spent import Spent
from onnxinv.statistics import Array, Block, RowMoments, State, Statistic
from onnxinv.statistics.compiled import Compiled
from onnxinv.statistics.compiled_moments import update_compiled
from onnxinv.statistics.single_moments import SINGLE, add_summed, takes_single, update_single
from onnxinv.statistics.single_sums import Summed, is_held, room_for
from onnxinv.statistics.state import Seconds
from onnxinv.subjects import Subject
from onnxinv.views import Look

_SINGLE_UNITS = 1 << 13
"""Units reduced in float32 at a time, at most: long runs of memory are read quickly, and small sums stay in a cache."""

_COMPILED_UNITS = 1 << 15
"""Units that compiled code reduces at a call, at most: several threads find enough to do in a large layer."""

_PIECE = 1 << 18
"""Activations reduced at a time: as float64 they fit the last-level cache, and calls cost little beside the work."""

Raw = npt.NDArray[Any]

_NOTHING = np.empty(0, np.float32)
"""Stands for activations where only their sums are known."""

Task = Callable[[], Seconds]
"""Updates some statistics of a subject, and says how long each kind took."""


@dataclass(frozen=True)
class Part:
    """What one update is about.

    Attributes:
        transforms: which transforms the columns begin with.
        reference: which column holds the untransformed samples; None where nothing asked for it.
        before: samples of the group that come before its first.
        labels: (k,) class of each sample; None where they have none.
        beforehand: whether it is of the untransformed samples that some statistics must know before they begin.
    """

    transforms: slice
    reference: int | None
    before: int
    labels: npt.NDArray[np.int64] | None = None
    beforehand: bool = False


@dataclass(frozen=True)
class _Work:
    """Something that takes time: a kind of statistic of a subject, or, where that is None, making its view."""

    subject: Subject
    beforehand: bool
    kind: type[Statistic] | None = None

    def done_for(self) -> list[Measure]:
        """Return the measures that need it."""
        return [
            measure
            for measure in self.subject.measures
            if (kinds := self._kinds(measure)) and (self.kind is None or self.kind in kinds)
        ]

    def _kinds(self, measure: Measure) -> Sequence[type[Statistic]]:
        kinds = measure.kinds()
        return [first for kind in kinds for first in kind.untransformed] if self.beforehand else kinds


class Reducer:
    """Reduces the subjects of a chunk with a few threads; use it as a context manager.

    Args:
        threads: 1 for none but that of the caller.
        single: whether sums may be taken in float32, where that holds them.
        code: takes these, see `compiled`; None where numpy does.

    Attributes:
        map: calls a function with each of some items in these threads.
    """

    def __init__(self, threads: int, *, single: bool = False, code: Compiled | None = None) -> None:
        self._may_be_single = single
        self._code = code
        self._seconds: Spent[_Work] = Spent()
        self._scales: dict[Subject, float] = {}
        self._pool = ThreadPoolExecutor(threads) if threads > 1 else None
        self.map: Callable[..., Iterator[Any]] = self._pool.map if self._pool else map

    def __enter__(self) -> Self:
        """Return the reducer."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop the threads."""
        self.close()

    def close(self) -> None:
        """Stop the threads."""
        if self._pool is not None:
            self._pool.shutdown(cancel_futures=True)

    def reduce(self, subjects: Sequence[Subject], raw: Sequence[Raw], states: Sequence[State], part: Part) -> None:
        """Account for some samples.

        Args:
            subjects: what is looked at.
            raw: (k, columns, *shape) activations of each subject's layer.
            states: the open states of the group, one a subject.
            part: which transforms, and the rest that is known of the samples.
        """
        looks = list(self.map(lambda subject, tensor: self._look(subject, tensor, part), subjects, raw))
        tasks: list[tuple[Subject, Task]] = []
        for subject, state, (look, seconds) in zip(subjects, states, looks, strict=True):
            self._seconds.charge(seconds, _Work(subject, part.beforehand))
            tasks += [(subject, task) for task in self._tasks(subject, state, look, part)]
        done = self.map(lambda task: task[1](), tasks)
        for (subject, _), took in zip(tasks, done, strict=True):
            self._seconds.include((_Work(subject, part.beforehand, kind), seconds) for kind, seconds in took.items())

    def add_sums(
        self, subjects: Sequence[Subject], summed: Sequence[Summed], states: Sequence[State], part: Part
    ) -> list[bool]:
        """Account for some samples by sums that were taken elsewhere, as far as float32 holds them.

        Args:
            subjects: what is looked at, all units as they are.
            summed: the sums of each.
            states: the open states of the group, one a subject; they take single blocks.
            part: all transforms, and the rest that is known of the samples.

        Returns:
            Whether each was accounted for; the others must be reduced.
        """

        def add(subject: Subject, found: Summed, state: State) -> Seconds | None:
            if not is_held(found.sums):
                return None
            if found.largest is not None:
                self._scales[subject] = found.largest
            return _add_sums(state, found, part, self._scales[subject])

        done = list(self.map(add, subjects, summed, states))
        for subject, took in zip(subjects, done, strict=True):
            if took is not None:
                self._seconds.include((_Work(subject, False, kind), seconds) for kind, seconds in took.items())
        return [took is not None for took in done]

    def spent(self) -> Spent[Measure]:
        """Return the seconds that went into each measure, added up over threads.

        The time that a view took is divided between the measures that look at it, that of a statistic between those of
        them that need it.
        """
        spent: Spent[Measure] = Spent()
        for work, seconds in self._seconds.items():
            spent.charge(seconds, *work.done_for())
        return spent

    def _look(self, subject: Subject, raw: Raw, part: Part) -> tuple[Look, float]:
        start = perf_counter()
        look = subject.view.look(raw, part.transforms, part.reference if subject.reference else None)
        if part.before == 0:
            self._scales[subject] = _largest(look.grid)
        return look, perf_counter() - start

    def _tasks(self, subject: Subject, state: State, look: Look, part: Part) -> list[Task]:
        scale, kinds = self._scales[subject], state.kinds
        tasks: list[Task] = []
        if any(kind.whole for kind in kinds):
            tasks.append(partial(_reduce_whole, state, look, part, scale))
        pieces = [kind for kind in kinds if not kind.whole]
        if self._may_be_single and _is_single(look.grid) and takes_single(state):
            reduce: Callable[..., Seconds]
            if self._code is not None and look.grid.shape[1] == state[RowMoments].transforms:
                reduce, units = partial(_reduce_compiled, self._code), _COMPILED_UNITS
            else:
                reduce, units = _reduce_single, _SINGLE_UNITS
            tasks += [partial(reduce, state, look, some, part, scale) for some in _cut(look.grid, units)]
            pieces = [kind for kind in pieces if kind not in SINGLE]
        if pieces:
            tasks += [
                partial(_reduce_piece, state, look, some, part, scale, pieces)
                for some in _cut(look.grid, max(64, _PIECE // math.prod(look.grid.shape[:2])))
            ]
        return tasks


class Windows:
    """Collects the runs of a window where one run does not hold it.

    Args:
        layers: how many layers are collected.
        columns: variants of each sample.
    """

    def __init__(self, layers: int, columns: int) -> None:
        self._columns = columns
        self._buffers: list[Raw] = [np.empty(0)] * layers

    def add(self, raw: Sequence[Raw], block: BlockPlan) -> Sequence[Raw] | None:
        """Account for a run and return the window's activations where that completes it.

        Args:
            raw: (k, columns of the run, *shape) activations of the layers.
            block: the run.
        """
        run = block.columns.stop - block.columns.start
        if run == self._columns and len(block.samples) == len(block.window):
            return raw
        for position, tensor in enumerate(raw):
            shape = (len(block.window), self._columns, *tensor.shape[2:])
            buffer = self._buffers[position]
            if buffer.shape[1:] != shape[1:] or len(buffer) < len(block.window):
                buffer = self._buffers[position] = np.empty(shape, tensor.dtype)
            buffer[block.place, block.columns] = tensor
        return [buffer[: len(block.window)] for buffer in self._buffers] if block.complete else None


def _largest(grid: Raw) -> float:
    """Return the largest finite magnitude."""
    largest = float(max(grid.max(), -grid.min()))
    if math.isfinite(largest):
        return largest
    magnitudes = np.abs(grid)
    return float(np.max(magnitudes, where=np.isfinite(magnitudes), initial=0))


class _Scratch(threading.local):
    """Buffers of a thread: the piece as float64, and room for the statistics to work in, float64 or float32."""

    def __init__(self) -> None:
        self._buffers = np.empty((2, 0))
        self._single = np.empty(0, np.float32)

    def single(self, size: int) -> npt.NDArray[np.float32]:
        if self._single.size < size:
            self._single = np.empty(size, np.float32)
        return self._single

    def of(self, shape: tuple[int, ...]) -> tuple[Array, Array]:
        size = int(np.prod(shape))
        if self._buffers.shape[1] < size:
            self._buffers = np.empty((2, size))
        return self._buffers[0, :size].reshape(shape), self._buffers[1, :size].reshape(shape)


_scratch = _Scratch()


def _cut(grid: Raw, size: int) -> Iterator[slice]:
    """Return pieces of the outer units with at most about that many units, of equal size as far as possible."""
    outer, inner = grid.shape[2:]
    pieces = min(outer, -(-outer * inner // size))
    bounds = [outer * place // pieces for place in range(pieces + 1)]
    return (slice(low, high) for low, high in pairwise(bounds))


def _reduce_single(state: State, look: Look, some: slice, part: Part, scale: float) -> Seconds:
    """Reduce a piece in float32, or in float64 where that does not hold it."""
    piece = look.grid[:, :, some]
    shape = piece.shape[0], piece.shape[1], piece.shape[2] * piece.shape[3]
    values = piece.astype(np.float32, copy=False).reshape(shape)
    scratch = _scratch.single(room_for(*shape))
    units = slice(some.start * look.inner, some.stop * look.inner)
    with np.errstate(all="ignore"):  # non-finite activations end as nan and are counted
        done = update_single(state, Block(values, part.transforms, units, part.before, scale, scratch, single=True))
    return _reduce_piece(state, look, some, part, scale, SINGLE) if done is None else done


def _reduce_compiled(code: Compiled, state: State, look: Look, some: slice, part: Part, scale: float) -> Seconds:
    """Reduce whole rows of a piece in float32; those units in float64 that it does not hold."""
    piece = look.grid[:, :, some]
    shape = piece.shape[0], piece.shape[1], piece.shape[2] * piece.shape[3]
    values = piece.astype(np.float32, copy=False).reshape(shape)
    begin = some.start * look.inner
    units = slice(begin, some.stop * look.inner)
    block = Block(_NOTHING, part.transforms, units, part.before, scale, _NOTHING, single=True)
    spent: Spent[type[Statistic]] = Spent()
    took, lost = update_compiled(code, state, values, block)
    spent.include(took.items())
    for few in lost:
        double, scratch = _scratch.of((*shape[:2], few.stop - few.start))
        np.copyto(double, values[:, :, few])
        units = slice(begin + few.start, begin + few.stop)
        block = Block(double, part.transforms, units, part.before, scale, scratch, single=True)
        with np.errstate(all="ignore"):  # non-finite activations end as nan and are counted
            spent.include(state.update(block, only=SINGLE).items())
    return dict(spent)


def _add_sums(state: State, summed: Summed, part: Part, scale: float) -> Seconds:
    units = summed.sums.start.shape[1]
    spent: Spent[type[Statistic]] = Spent()
    with np.errstate(all="ignore"):  # a sum of large deviations may leave the range of float32
        for start in range(0, units, _SINGLE_UNITS):
            some = slice(start, min(start + _SINGLE_UNITS, units))
            block = Block(_NOTHING, part.transforms, some, part.before, scale, _NOTHING, single=True)
            spent.include(add_summed(state, summed.of(some), block).items())
    return dict(spent)


def _reduce_piece(
    state: State, look: Look, some: slice, part: Part, scale: float, kinds: Collection[type[Statistic]]
) -> Seconds:
    piece = look.grid[:, :, some]
    shape = piece.shape[0], piece.shape[1], piece.shape[2] * piece.shape[3]
    values, scratch = _scratch.of(shape)
    np.copyto(values.reshape(piece.shape), piece)
    reference = None
    if look.reference is not None:
        reference = look.reference[:, some].reshape(len(piece), -1).astype(np.float64)
    units = slice(some.start * look.inner, some.stop * look.inner)
    block = Block(
        values, part.transforms, units, part.before, scale, scratch, reference, part.labels, _is_single(look.grid)
    )
    with np.errstate(all="ignore"):  # non-finite activations end as nan and are counted
        return state.update(block, only=kinds)


def _reduce_whole(state: State, look: Look, part: Part, scale: float) -> Seconds:
    grid, reference = look.flat()
    units = slice(0, grid.shape[2])
    block = Block(
        grid, part.transforms, units, part.before, scale, np.empty(0), reference, part.labels, _is_single(grid)
    )
    with np.errstate(all="ignore"):
        return state.update(block, whole=True)


def _is_single(grid: Raw) -> bool:
    return bool(np.can_cast(grid.dtype, np.float32))
