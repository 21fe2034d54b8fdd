"""Row and column moments, which are updated together in float32 where that holds what they take."""

from __future__ import annotations

from time import perf_counter

from onnxinv.statistics.column_moments import ColumnMoments
from onnxinv.statistics.row_moments import RowMoments
from onnxinv.statistics.single_sums import SingleSums, Summed, single_sums
from onnxinv.statistics.state import Seconds, State
from onnxinv.statistics.statistic import Block, Statistic

SINGLE: frozenset[type[Statistic]] = frozenset((RowMoments, ColumnMoments))
"""The statistics that can be updated in float32, both or neither."""


def takes_single(state: State) -> bool:
    """Whether a state has both, of activations that float32 holds."""
    return set(state.kinds) >= SINGLE and state[ColumnMoments].single


def update_single(state: State, block: Block) -> Seconds | None:
    """Account for a block of float32 values in both.

    Args:
        state: takes single blocks.
        block: of float32, with a scratch of `room_for` its values.

    Returns:
        How long each took; None where float32 does not hold what they take, and nothing was accounted for.
    """
    begin = perf_counter()
    rows, columns = state[RowMoments], state[ColumnMoments]
    sums = single_sums(block.values, rows.start(block), columns.single_pivot(block), block.scratch)
    if sums is None:
        return None
    add_sums(state, sums, block)
    half = (perf_counter() - begin) / 2
    return dict.fromkeys(SINGLE, half)


def add_summed(state: State, summed: Summed, block: Block) -> Seconds:
    """Account in both for sums that were taken elsewhere; the block's values are not looked at.

    Returns:
        How long each took.
    """
    begin = perf_counter()
    if summed.pivot is not None:
        state[ColumnMoments].begin(summed.pivot, block.units)
    add_sums(state, summed.sums, block)
    half = (perf_counter() - begin) / 2
    return dict.fromkeys(SINGLE, half)


def add_sums(state: State, sums: SingleSums, block: Block) -> None:
    """Account in both for the sums of a block."""
    state[RowMoments].add_single(sums, block)
    state[ColumnMoments].add_single(sums, block)
