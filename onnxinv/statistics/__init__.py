"""Mergeable accumulators over the samples x transforms grid: numpy only, float64, no knowledge of reports."""

from __future__ import annotations

from onnxinv.statistics.column_moments import ColumnMoments
from onnxinv.statistics.row_moments import RowMoments
from onnxinv.statistics.state import State, merge_states
from onnxinv.statistics.statistic import BLOCK_SAMPLES, Array, Block, Extent, Statistic

__all__ = [
    "BLOCK_SAMPLES",
    "Array",
    "Block",
    "ColumnMoments",
    "Extent",
    "RowMoments",
    "State",
    "Statistic",
    "merge_states",
]
