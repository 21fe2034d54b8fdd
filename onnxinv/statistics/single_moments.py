"""Row and column moments, which are updated together in float32 where that holds what they take."""

from __future__ import annotations

from time import perf_counter

from onnxinv.statistics.column_moments import ColumnMoments
from onnxinv.statistics.row_moments import RowMoments
from onnxinv.statistics.single_sums import single_sums
from onnxinv.statistics.state import Seconds, State
from onnxinv.statistics.statistic import Block, Statistic

SINGLE: frozenset[type[Statistic]] = frozenset((RowMoments, ColumnMoments))
"""The statistics that can be updated in float32, both or neither."""


def takes_single(state: State, transforms: int) -> bool:
    """Whether a state has both, and a run of so many transforms makes whole rows."""
    return set(state.kinds) >= SINGLE and state[RowMoments].transforms == transforms


def update_single(state: State, block: Block) -> Seconds | None:
    """Account for a block of float32 values in both.

    Args:
        state: takes single blocks.
        block: whole rows, with a scratch of float32.

    Returns:
        How long each took; None where float32 does not hold what they take, and nothing was accounted for.
    """
    start = perf_counter()
    rows, columns = state[RowMoments], state[ColumnMoments]
    sums = single_sums(block.values, columns.single_pivot(block), block.scratch)
    if sums is None:
        return None
    rows.add_single(sums, block)
    columns.add_single(sums, block)
    half = (perf_counter() - start) / 2
    return dict.fromkeys(SINGLE, half)
