"""What a measurement keeps in memory, and how layers are cut into chunks so that it stays within a budget."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass

from onnxinv.errors import UsageError
from onnxinv.model.layers import Layer

KEPT_UNITS = 4096
"""Units of a layer whose group states are kept where those of all units do not fit."""

_TARGET_BLOCK = 256 << 20
"""Bytes of activations that one block should yield: several samples of each, so that states are seldom touched."""

_AT_ONCE = 3
"""Tensors that the runtime needs at once: what an operator takes, what it makes, and one that waits for its branch."""

OPEN_STATE = 2
"""Size of a state that is being updated, in closed ones: it holds pivots beside its sums."""


@dataclass(frozen=True)
class Load:
    """Bytes that measuring one layer takes, over all the ways in which it is looked at.

    Attributes:
        layer: the layer.
        group: closed states of one group, all units.
        kept: closed states of one group, of the units whose group states are kept where not all are.
        full: closed states of all samples, all units.
        open: states of the group that is being measured.
        finishing: one state of the units that are finished at a time.
        buffers: activations that are collected until statistics can use them, and statistics of the first pass.
    """

    layer: Layer
    group: int
    kept: int
    full: int
    open: int
    finishing: int
    buffers: int = 0


@dataclass(frozen=True)
class Memory:
    """Estimated bytes.

    Attributes:
        state: what the statistics of the largest chunk keep: group states, and the open group or, later, the
            leave-one-out states of the layers that are being finished.
        activations: what one block exposes and its copy for the reducer, and what the largest chunk collects; where
            layers are not handed out whole, what the runtime holds of them besides.
        samples: variants of the block at work and of the next one, and what transforms keep.
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
    loads: Sequence[Load],
    *,
    groups: int,
    batch: int | None,
    variant_bytes: int,
    operator_bytes: int = 0,
    passing_bytes: int = 0,
    threads: int,
    budget: int | None,
) -> Layout:
    """Choose batch, chunks and kept units so that the estimate stays within the budget.

    Args:
        loads: what is measured, layer by layer.
        groups: number of groups.
        batch: variants a run, where the user or the model says so.
        variant_bytes: one variant of the primary input.
        operator_bytes: what transforms keep to be quick.
        passing_bytes: of one variant, what the runtime holds for a while and does not hand out; see `passing_bytes`.
        threads: layers finished at a time; 0 for one a core.
        budget: bytes; None for half of the machine's memory.

    Raises:
        UsageError: not even one layer at a time fits.
    """
    layers = [load.layer for load in loads]
    limit = budget or _physical_memory() // 2
    exposed = sum(layer.units * layer.number_bytes for layer in layers)
    block = min(_TARGET_BLOCK, limit // 8)  # a block is held twice, and the states need most of the room
    chosen = batch or max(1, min(256, block // max(exposed + passing_bytes + variant_bytes, 1)))
    samples = 2 * chosen * variant_bytes + operator_bytes
    activations = chosen * (2 * exposed + passing_bytes)
    room = limit - activations - samples
    workers = min(threads or os.cpu_count() or 1, len(layers))
    finishing = workers * (groups + 3) * max(load.finishing for load in loads)
    every = groups * sum(load.group for load in loads) + max(sum(load.open for load in loads), finishing)
    buffers = sum(load.buffers for load in loads)
    if every + buffers <= room:
        return Layout(chosen, None, (tuple(layers),), Memory(every, activations + buffers, samples, limit))
    some = [load.full + load.open + groups * load.kept for load in loads]
    alone = [size + load.buffers for size, load in zip(some, loads, strict=True)]
    if max(alone) + finishing > room:
        need = limit - room + max(alone) + finishing
        raise UsageError(
            f"The layer '{layers[alone.index(max(alone))].label}' alone needs about {-(-need >> 20):,} MiB, "
            f"and the budget is {limit >> 20:,} MiB.",
            "Raise --memory, lower --batch, take fewer transforms or choose --layers.",
        )
    chunks: list[list[Load]] = [[]]
    states = [finishing]
    for load, size in zip(loads, some, strict=True):
        if states[-1] + size + sum(each.buffers for each in chunks[-1]) + load.buffers > room:
            chunks.append([])
            states.append(finishing)
        chunks[-1].append(load)
        states[-1] += size
    largest = max(range(len(chunks)), key=lambda chunk: states[chunk] + sum(each.buffers for each in chunks[chunk]))
    collected = sum(each.buffers for each in chunks[largest])
    return Layout(
        chosen,
        KEPT_UNITS,
        tuple(tuple(load.layer for load in chunk) for chunk in chunks),
        Memory(states[largest], activations + collected, samples, limit),
    )


def passing_bytes(layers: Sequence[Layer], measured: Sequence[Layer]) -> int:
    """Return what the runtime holds of one variant for a while where layers are not handed out whole.

    Args:
        layers: as they are.
        measured: what is handed out of them.
    """
    whole = (one.units * one.number_bytes for one, other in zip(layers, measured, strict=True) if other.drawn)
    return _AT_ONCE * max(whole, default=0)


def _physical_memory() -> int:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):  # not every system tells
        return 8 << 30
