"""The host reducer: brings raw activations into the statistics, in float64, a cache-sized piece at a time."""

from __future__ import annotations

import math
import os
import threading
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from onnxinv.config import Aggregate
from onnxinv.model.layers import Layer
from onnxinv.statistics import Array, Block, State

_PIECE = 1 << 18
"""Activations reduced at a time: as float64 they fit the last-level cache, and calls cost little beside the work."""


class Reducer:
    """Reduces the layers of a chunk with a few threads; use it as a context manager.

    Args:
        aggregate: what is done to the activations before anything else.
        layers: the layers, in the order of the raw tensors.
        threads: 0 for one a core.
    """

    def __init__(self, aggregate: Aggregate, layers: Sequence[Layer], threads: int) -> None:
        self._aggregate = aggregate
        self._layers = layers
        self._scales: dict[int, float] = {}
        self._pool = ThreadPoolExecutor(threads or os.cpu_count() or 1)

    def __enter__(self) -> Self:
        """Return the reducer."""
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop the threads."""
        self._pool.shutdown(cancel_futures=True)

    def reduce(
        self, raw: Sequence[npt.NDArray[Any]], states: Sequence[State], transforms: slice, *, samples: int, first: bool
    ) -> None:
        """Account for one session run.

        Args:
            raw: the layers' tensors as the runtime hands them out; a padded batch may hold more than is counted.
            states: the open states of the group, one a layer.
            transforms: which transforms were run.
            samples: how many samples.
            first: whether the group begins with this run.
        """
        tasks = []
        run = transforms.stop - transforms.start
        for layer, tensor, state in zip(self._layers, raw, states, strict=True):
            batch = layer.batch.to_front(tensor)[: samples * run]
            values = self._aggregated(batch.reshape(len(batch), *layer.shape), layer)
            grid = values.reshape(samples, run, -1)
            scale = self._scales[layer.index] = _largest(grid) if first else self._scales[layer.index]
            step = max(64, _PIECE // (samples * run))
            for start in range(0, grid.shape[2], step):
                units = slice(start, min(start + step, grid.shape[2]))
                tasks.append((state, grid, transforms, units, first, scale))
        for _ in self._pool.map(_reduce_piece, tasks, chunksize=1):
            pass

    def _aggregated(self, batch: npt.NDArray[Any], layer: Layer) -> npt.NDArray[Any]:
        if self._aggregate in ("channel", "unit"):
            return batch
        space = tuple(axis for axis in range(1, batch.ndim) if axis != layer.channel_axis + 1)
        if self._aggregate == "activation-max":
            return batch.max(axis=space) if space else batch
        return batch.mean(axis=space, dtype=np.float64) if space else batch


def _largest(grid: npt.NDArray[Any]) -> float:
    """Return the largest finite magnitude."""
    largest = float(max(grid.max(), -grid.min()))
    if math.isfinite(largest):
        return largest
    magnitudes = np.abs(grid)
    return float(np.max(magnitudes, where=np.isfinite(magnitudes), initial=0))


class _Scratch(threading.local):
    """Two buffers a thread: the piece as float64, and room for the statistics to work in."""

    def __init__(self) -> None:
        self._buffers = np.empty((2, 0))

    def of(self, shape: tuple[int, ...]) -> tuple[Array, Array]:
        size = int(np.prod(shape))
        if self._buffers.shape[1] < size:
            self._buffers = np.empty((2, size))
        return self._buffers[0, :size].reshape(shape), self._buffers[1, :size].reshape(shape)


_scratch = _Scratch()


def _reduce_piece(task: tuple[State, npt.NDArray[Any], slice, slice, bool, float]) -> None:
    state, grid, transforms, units, first, scale = task
    piece = grid[:, :, units]
    values, scratch = _scratch.of(piece.shape)
    np.copyto(values, piece)
    with np.errstate(all="ignore"):  # non-finite activations end as nan and are counted
        state.update(Block(values, transforms, units, first, scale, scratch))
