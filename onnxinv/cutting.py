"""Cuts layers into chunks that each go on from what those before them have left: less memory in the same pass."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from onnxinv.memory import Layout, Memory, Sizes, Work
from onnxinv.model.cut import INPUT

WORTH = 256 << 20
"""Bytes of memory that a further chunk has to spare, as each takes a session of its own."""

_MOST_CHUNKS = 8


def cut(work: Work, layout: Layout) -> Layout:
    """Return the layout with chunks that are one pass together, where that takes clearly less memory or fewer passes.

    Args:
        work: what is laid out.
        layout: how it is laid out where every chunk begins with the model's inputs.
    """
    if work.sources is None:
        return layout
    sizes = Sizes.of(work, desks=layout.desks, batch=layout.batch, at_once=layout.at_once, joined=layout.joined)
    bounds, largest = _bounds(_costs(work, sizes), layout.memory.budget - sizes.passing - sizes.samples)
    state = max(sizes.together(*ends)[0] for ends in pairwise(bounds))
    layers = [load.layer for load in work.loads]
    found = replace(
        layout,
        chunks=tuple(tuple(layers[slice(*ends)]) for ends in pairwise(bounds)),
        memory=Memory(state, largest - state + sizes.passing, sizes.samples, layout.memory.budget),
        carries=True,
        uncut=layout,
    )
    better = layout.passes > 1 or _price(found) < _price(layout)
    return found if better and found.memory.peak <= layout.memory.budget else layout


def _price(layout: Layout) -> int:
    return layout.memory.peak + WORTH * len(layout.chunks)


def _bounds(costs: npt.NDArray[np.float64], room: int) -> tuple[list[int], int]:
    """Return where chunks begin and the last one ends, and the bytes of the largest of them.

    Args:
        costs: (begin, end) the bytes of each chunk that there might be.
        room: bytes that none of them should take more than.
    """
    count = len(costs) - 1
    # For the layers before each, cut into so many chunks: the least that the largest takes, and where the last begins.
    least, begins = [costs[0]], [np.zeros(count + 1, np.intp)]
    for _ in range(1, min(_MOST_CHUNKS, count)):
        largest = np.maximum(least[-1][:, np.newaxis], costs)
        begins.append(largest.argmin(axis=0))
        least.append(largest.min(axis=0))
    prices = [(each[-1] > room, each[-1] + WORTH * number) for number, each in enumerate(least)]
    chunks = prices.index(min(prices))
    bounds = [count]
    for each in reversed(begins[: chunks + 1]):
        bounds.append(int(each[bounds[-1]]))
    return bounds[::-1], int(least[chunks][-1])


def _costs(work: Work, sizes: Sizes) -> npt.NDArray[np.float64]:
    """Return (begin, end) the bytes of a chunk with what is left to it and by it; infinite where there is none."""
    count, sources = len(work.loads), work.sources or ()
    kept, opened, buffers = (
        each[np.newaxis] - each[:, np.newaxis] for each in (sizes.kept, sizes.opened, sizes.buffers)
    )
    costs = kept + np.maximum(sizes.desks * opened, sizes.finishing) + sizes.desks * buffers + _carried(work)
    begin, end = np.ogrid[: count + 1, : count + 1]
    # Behind the last layer that is computed from the inputs: up to there, a chunk would compute much again.
    earliest = max((place for place, made_from in enumerate(sources) if INPUT in made_from), default=0) + 1
    return np.where((begin < end) & ((begin == 0) | (begin >= earliest)), costs, np.inf)


def _carried(work: Work) -> npt.NDArray[np.int64]:
    """Return (begin, end) the bytes of what is held for a chunk and those after it, and for those after it alone."""
    count = len(work.loads)
    last = np.full(count, -1)
    for place, made_from in enumerate(work.sources or ()):
        last[list(made_from - {INPUT})] = place  # places come in order
    sizes = np.array([work.variants * load.layer.units * load.layer.number_bytes for load in work.loads], np.int64)
    needed = np.where(last[:, np.newaxis] >= np.arange(count + 1), sizes[:, np.newaxis], 0)
    both = np.vstack([np.zeros((1, count + 1), np.int64), needed.cumsum(axis=0)])
    at = np.diagonal(both)
    return np.asarray(at[:, np.newaxis] + at - both)
