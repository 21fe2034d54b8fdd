"""In which pieces and session runs a group of samples is measured."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from onnxinv.statistics.statistic import BLOCK_SAMPLES

SEGMENT = 64
"""Samples whose sums float32 holds, at most; a multiple of `BLOCK_SAMPLES`."""


@dataclass(frozen=True)
class Piece:
    """Samples of one group and class.

    Attributes:
        group: number of the group.
        place: number of the class, 0 unless samples are taken class by class.
        samples: which they are.
        last: whether the group ends with them.
    """

    group: int
    place: int
    samples: npt.NDArray[np.int64]
    last: bool


@dataclass(frozen=True)
class BlockPlan:
    """One session run: some samples under a run of columns, which are transforms and perhaps the untransformed sample.

    Attributes:
        samples: which samples.
        columns: which columns.
        before: samples of the segment that come before the run's first.
        window: the samples that some statistic wants to see at once.
        place: which of these the run's samples are.
        complete: whether the window is complete with this run.
    """

    samples: npt.NDArray[np.int64]
    columns: slice
    before: int
    window: npt.NDArray[np.int64]
    place: slice
    complete: bool


def stretches(groups: Sequence[Sequence[npt.NDArray[np.int64]]], *, joined: bool) -> list[tuple[Piece, ...]]:
    """Return what is measured one after the other, segments of groups, each stretch at one desk.

    Args:
        groups: the samples, group by group and class by class.
        joined: whether a stretch goes on over the ends of groups, as long as float32 holds its sums.
    """
    found: list[tuple[Piece, ...]] = []
    for group, parts in enumerate(groups):
        cut = [(place, segment) for place, part in enumerate(parts) for segment in segments(part)]
        for position, (place, segment) in enumerate(cut):
            piece = Piece(group, place, segment, last=position == len(cut) - 1)
            if joined and found and sum(len(each.samples) for each in (*found[-1], piece)) <= SEGMENT:
                found[-1] = (*found[-1], piece)
            else:
                found.append((piece,))
    return found


def segments(group: npt.NDArray[np.int64]) -> Iterator[npt.NDArray[np.int64]]:
    """Cut the samples of a group into pieces that are each summed by themselves: what is open does not grow with it.

    They hold whole windows, all but the last, and none is left with one sample, which would have no other beside it.
    """
    windows, pieces = -(-len(group) // BLOCK_SAMPLES), -(-len(group) // SEGMENT)
    # Rounded down: the last window may be a short one, and desks wait for each other least if pieces are alike.
    bounds = [BLOCK_SAMPLES * (windows * place // pieces) for place in range(pieces)]
    return (group[low:high] for low, high in pairwise((*bounds, len(group))))


def blocks(segment: npt.NDArray[np.int64], columns: int, batch: int, window: int = 0) -> Iterator[BlockPlan]:
    """Cut a segment into session runs of at most `batch` variants, samples first.

    A run holds whole samples where all columns of one fit, else part of one sample's columns.

    Args:
        segment: the samples.
        columns: how many variants of each.
        batch: variants a run.
        window: how many samples some statistic wants to see at once; 0 or 1 for as many as a run holds.
    """
    size = window if window > 1 else max(1, batch // columns)
    for start in range(0, len(segment), size):
        samples = segment[start : start + size]
        for position, (rows, run) in enumerate(cut := list(_runs(len(samples), columns, batch))):
            complete = position == len(cut) - 1
            yield BlockPlan(samples[rows], run, start + rows.start, samples, rows, complete)


def _runs(samples: int, columns: int, batch: int) -> Iterator[tuple[slice, slice]]:
    """Yield rows and columns of the runs of one window, of equal size as far as possible."""
    if columns <= batch:
        for low, high in pairwise(_bounds(samples, -(-samples // (batch // columns)))):
            yield slice(low, high), slice(0, columns)
        return
    for row in range(samples):
        for low, high in pairwise(_bounds(columns, -(-columns // batch))):
            yield slice(row, row + 1), slice(low, high)


def _bounds(total: int, parts: int) -> list[int]:
    return [round(bound) for bound in np.linspace(0, total, parts + 1)]
