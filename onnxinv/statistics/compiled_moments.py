"""Row and column moments, updated together by compiled code: in float32, where that holds what they take."""

from __future__ import annotations

from collections.abc import Iterator
from time import perf_counter

import numpy as np

from onnxinv.statistics.column_moments import ColumnMoments
from onnxinv.statistics.compiled import Compiled
from onnxinv.statistics.row_moments import RowMoments
from onnxinv.statistics.single_moments import SINGLE
from onnxinv.statistics.single_sums import Single
from onnxinv.statistics.state import Seconds, State
from onnxinv.statistics.statistic import Block


def update_compiled(code: Compiled, state: State, grid: Single, block: Block) -> tuple[Seconds, list[slice]]:
    """Account for whole rows of some units in both moments.

    Args:
        code: what `compiled` returned.
        state: takes single blocks.
        grid: (k, transforms, units of the block) activations; copied unless neighbouring units lie side by side.
        block: which they are; its values and scratch are not looked at.

    Returns:
        How long each took, and the units of the grid whose sums float32 does not hold: these are left out.
    """
    begin = perf_counter()
    lost = list(_update(code, state, grid, block))
    half = (perf_counter() - begin) / 2
    return dict.fromkeys(SINGLE, half), lost


def _update(code: Compiled, state: State, grid: Single, block: Block) -> Iterator[slice]:
    rows, sums = state[RowMoments], state[ColumnMoments].sums
    sums.code = code
    samples, transforms, count = grid.shape
    if min(grid.strides) < 0 or grid.strides[2] != grid.itemsize:
        grid = np.ascontiguousarray(grid)
    sample_stride, column_stride = (stride // grid.itemsize for stride in grid.strides[:2])
    span = (samples - 1) * sample_stride + (transforms - 1) * column_stride + count
    flat = np.lib.stride_tricks.as_strided(grid, (span,), (grid.itemsize,))
    columns = [each.reshape(-1) for each in (sums.pivot, *sums.recent)]
    faint = np.empty(samples * count, np.intp), np.empty(samples * count, np.float32)
    done = 0
    while done < count:
        to = block.units.start + done
        added, found = code.sums.reduce_units(
            flat[done:], sample_stride, column_stride, samples, transforms, count - done,
            *columns, sums.pivot.shape[1], to, block.first, sums.doubtful,
            *rows.single_pivot, rows.std_sum, rows.std_max, rows.deviations_sum, rows.mean, rows.mean_deviations,
            np.float32(rows.faint_limit(block)), *faint,
        )  # fmt: skip
        rows.keep_faint(faint[0][:found] + to, faint[1][:found])
        done += added
        if done < count:
            yield slice(done, done := min(done + code.sums.AT_ONCE, count))
