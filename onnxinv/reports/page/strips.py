"""The values of all channels as strips of colour: one column a layer, as numbers small enough for a page."""

from __future__ import annotations

import base64
from itertools import pairwise

import numpy as np
import numpy.typing as npt

from onnxinv.result import LayerResult, Result

ROWS = 96
"""Rows of a column; a layer with more channels has their means in runs of neighbours."""

_TOP, _BEYOND, _NOTHING = 250, 251, 255
"""Largest step of the scale, what lies beyond it, and what has no value."""

_SHARE = 98
"""Percentile of all values at which the scale ends: few values far out must not take all colours."""


def scale_of(result: Result, key: str) -> tuple[float, float]:
    """Return the values at both ends of the colours."""
    values = np.concatenate([_channels(result, key, layer) for layer in result.layers] or [np.zeros(0)])
    finite = values[np.isfinite(values)]
    if not finite.size:
        return 0.0, 1.0
    low, high = min(0.0, float(np.percentile(finite, 100 - _SHARE))), float(np.percentile(finite, _SHARE))
    return low, high if high > low else low + 1


def strips(result: Result, key: str, scale: tuple[float, float]) -> str:
    """Return (layers, ROWS) bytes in base64: where on the scale each value lies."""
    low, high = scale
    columns = np.full((len(result.layers), ROWS), _NOTHING, np.uint8)
    for place, layer in enumerate(result.layers):
        values = _rows(_channels(result, key, layer))
        if values.size:
            steps = np.round((np.clip(values, low, high) - low) / (high - low) * _TOP)
            columns[place] = np.where(np.isnan(values), _NOTHING, np.where(values > high, _BEYOND, steps))
    return base64.b64encode(columns.tobytes()).decode()


def counts(result: Result, key: str) -> list[int]:
    """Return how many values each layer has."""
    return [_channels(result, key, layer).size for layer in result.layers]


def _channels(result: Result, key: str, layer: LayerResult) -> npt.NDArray[np.float64]:
    if layer.measures[key].reason is not None or result.lacks_values:
        return np.zeros(0)
    return np.asarray(result.values(key, layer)).reshape(-1)


def _rows(values: npt.NDArray[np.float64]) -> npt.NDArray[np.float64]:
    """Return as many values as there are rows: each repeated, or means of neighbours."""
    if values.size <= ROWS:
        return values[np.arange(ROWS) * values.size // ROWS] if values.size else values
    bounds = np.arange(ROWS + 1) * values.size // ROWS
    with np.errstate(all="ignore"):
        return np.array([values[low:high].mean() for low, high in pairwise(bounds.tolist())])
