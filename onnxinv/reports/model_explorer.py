"""Node data for Model Explorer, which colours the nodes of the model's own graph by a measure."""

from __future__ import annotations

import json
from collections.abc import Iterator

from onnxinv.provenance import Json
from onnxinv.reports import register
from onnxinv.reports.colours import PALETTE, colour, mean_scale, share_of
from onnxinv.reports.report import Report
from onnxinv.result import LayerResult, Result

_SHOWN_DIGITS = 4
"""Significant digits of a value: it stands in a node of the graph, and exactly in `result.json`."""

_RESERVED = "results"
"""The one name that cannot be a key: Model Explorer would take the data for that of several graphs."""


@register("model-explorer")
class ModelExplorerReport(Report):
    """Node data for Google's Model Explorer, with which the nodes of the model's graph are coloured by their mean.

    Values are keyed by the name of the output tensor and by that of the node, for which the adapter for ONNX looks; a
    layer without a value is left out. Colours go from 0 (dark violet) to the highest mean (yellow). The text holds the
    first measure; written to a file, every other one has a file of its own beside it. With the packages
    `ai-edge-model-explorer` and `model-explorer-onnx`:
    `model-explorer net.onnx --extensions=model_explorer_onnx --node_data_paths=nv.json`.
    """

    def render(self, result: Result) -> str:
        """Return the node data of the first measure as JSON text, in ASCII."""
        return _text(result, result.measures[0]) if result.measures else '{"results": {}}\n'

    def beside(self, result: Result) -> dict[str, str]:
        """Return the node data of the other measures."""
        return {key: _text(result, key) for key in result.measures[1:]}


def _text(result: Result, measure: str) -> str:
    values = {layer.index: mean for layer in result.layers if (mean := layer.measures[measure].mean) is not None}
    having = [layer for layer in result.layers if layer.index in values]
    outputs = {info.name for info in result.meta.model.outputs}
    # Where two things have one name, a node comes before a tensor, and the first output of a node stands for it.
    keyed = [(key, layer) for layer in having for key in _node_keys(layer, outputs)]
    keyed += [(layer.name, layer) for layer in having]
    results: dict[str, Json] = {}
    for key, layer in keyed:
        results.setdefault(key, {"value": float(f"{values[layer.index]:.{_SHOWN_DIGITS}g}")})
    results.pop(_RESERVED, None)
    shown = [each["value"] for each in results.values()]
    content = {"name": measure, "results": results, **_colours(shown, mean_scale(result, measure))}
    return json.dumps(content, indent=1, allow_nan=False) + "\n"


def _node_keys(layer: LayerResult, outputs: set[str]) -> Iterator[str]:
    """Yield the names that the adapter for ONNX gives to the boxes of a layer."""
    if layer.node:
        yield layer.node
    if not layer.node or layer.name in outputs:
        yield f"[value] {layer.name}"  # inputs and outputs of the model have boxes of their own


def _colours(values: list[float], scale: tuple[float, float]) -> Json:
    """Return the gradient, which Model Explorer spans from the lowest value to the highest, as a part of our scale."""
    if not values:
        return {}
    lowest, highest = min(values), max(values)
    low, high = share_of(lowest, scale), share_of(highest, scale)
    if not low < high:
        return {"thresholds": [{"value": highest, "bgColor": colour(high)}]}
    inner = (place / (len(PALETTE) - 1) for place in range(len(PALETTE)))
    shares = [low, *(share for share in inner if low < share < high), high]
    stops = [{"stop": round((share - low) / (high - low), 6), "bgColor": colour(share)} for share in shares]
    return {"gradient": stops}
