"""Matplotlib figures of a Result, for notebooks and papers; each function returns the axes it drew on."""

from __future__ import annotations

from onnxinv.plot.channel_heatmap import heatmap
from onnxinv.plot.feature_maps import feature_maps
from onnxinv.plot.layer_profile import profile
from onnxinv.plot.st_matrix import st_matrix
from onnxinv.plot.transform_curves import transform_profile

__all__ = ["feature_maps", "heatmap", "profile", "st_matrix", "transform_profile"]
