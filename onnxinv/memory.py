"""What a measurement keeps in memory, and how layers are cut into chunks so that it stays within a budget."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from onnxinv.errors import UsageError
from onnxinv.measures.layer import SLICE_UNITS
from onnxinv.model.layers import Layer

KEPT_UNITS = 4096
"""Units of a layer whose group states are kept where those of all units do not fit."""

_TARGET_BLOCK = 64 << 20
"""Bytes of activations that one block should yield: large enough to keep the cores busy, small beside the states."""

_OPEN_STATE = 2
"""Size of a state that is being updated, in closed ones: it holds pivots beside its sums."""


@dataclass(frozen=True)
class Memory:
    """Estimated bytes.

    Attributes:
        state: what the statistics of the largest chunk keep: group states, and the open group or, later, the
            leave-one-out states of the layers that are being finished.
        activations: what one block exposes and its copy for the reducer.
        samples: variants of the block at work and of the next one.
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
        batch: variants in one session run.
        kept_units: units of each layer whose group states are kept; None for all.
        chunks: layers measured together, chunk after chunk.
        memory: the estimate.
    """

    batch: int
    kept_units: int | None
    chunks: tuple[tuple[Layer, ...], ...]
    memory: Memory


def lay_out(
    layers: Sequence[Layer],
    *,
    state_bytes: int,
    reduced_units: Sequence[int],
    groups: int,
    batch: int | None,
    variant_bytes: int,
    threads: int,
    budget: int | None,
) -> Layout:
    """Choose batch, chunks and kept units so that the estimate stays within the budget.

    Args:
        layers: what is measured.
        state_bytes: closed state of one unit.
        reduced_units: units of each layer after aggregation.
        groups: number of groups.
        batch: variants a run, where the user or the model says so.
        variant_bytes: one variant of the primary input.
        threads: layers finished at a time; 0 for one a core.
        budget: bytes; None for half of the machine's memory.

    Raises:
        UsageError: not even one layer at a time fits.
    """
    limit = budget or _physical_memory() // 2
    exposed = sum(layer.units * np.dtype(layer.dtype).itemsize for layer in layers)
    block = min(_TARGET_BLOCK, limit // 8)  # a block is held twice, and the states need most of the room
    chosen = batch or max(1, min(256, block // max(exposed + variant_bytes, 1)))
    samples = 2 * chosen * variant_bytes
    activations = 2 * chosen * exposed
    room = limit - activations - samples
    workers = min(threads or os.cpu_count() or 1, len(layers))
    slices = [max(SLICE_UNITS, layer.units // layer.channels) for layer in layers]
    widest = max(min(units, width) for units, width in zip(reduced_units, slices, strict=True))
    total = sum(reduced_units)
    every = (groups * total + max(_OPEN_STATE * total, workers * (groups + 3) * widest)) * state_bytes
    if every <= room:
        return Layout(chosen, None, (tuple(layers),), Memory(every, activations, samples, limit))
    some = [((1 + _OPEN_STATE) * units + groups * min(units, KEPT_UNITS)) * state_bytes for units in reduced_units]
    finishing = workers * (groups + 3) * min(KEPT_UNITS, max(reduced_units)) * state_bytes
    if max(some) + finishing > room:
        need = limit - room + max(some) + finishing
        raise UsageError(
            f"The layer '{layers[some.index(max(some))].label}' alone needs about {-(-need >> 20):,} MiB, "
            f"and the budget is {limit >> 20:,} MiB.",
            "Raise --memory, lower --batch, take fewer transforms or choose --layers.",
        )
    chunks: list[list[Layer]] = [[]]
    states = [finishing]
    for layer, size in zip(layers, some, strict=True):
        if states[-1] + size > room:
            chunks.append([])
            states.append(finishing)
        chunks[-1].append(layer)
        states[-1] += size
    return Layout(chosen, KEPT_UNITS, tuple(map(tuple, chunks)), Memory(max(states), activations, samples, limit))


def _physical_memory() -> int:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):  # not every system tells
        return 8 << 30
