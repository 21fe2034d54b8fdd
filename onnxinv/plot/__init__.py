"""Matplotlib figures of a Result, for notebooks and papers; each function returns the axes it drew on."""

from __future__ import annotations

from onnxinv.plot.feature_maps import feature_maps
from onnxinv.plot.st_matrix import st_matrix

__all__ = ["feature_maps", "st_matrix"]
