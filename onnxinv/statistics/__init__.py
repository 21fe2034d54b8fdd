"""Mergeable accumulators over the samples x transforms grid: numpy only, float64, no knowledge of reports."""

from __future__ import annotations

from onnxinv.statistics.column_moments import ColumnMoments
from onnxinv.statistics.row_moments import RowMoments
from onnxinv.statistics.state import State, merge_states
from onnxinv.statistics.statistic import Array, Block, Statistic

__all__ = ["Array", "Block", "ColumnMoments", "RowMoments", "State", "Statistic", "merge_states"]
