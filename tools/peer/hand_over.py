"""Hands a network over to an environment that has no ONNX: nodes as JSON, weights as arrays, in one npz file."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import onnx

from onnxinv.plan import Plan


def hand_over(plan: Plan, file: Path) -> None:
    """Write the network and the names of the layers that are measured; see `benchmark_peer`."""
    graph = plan.model.proto.graph
    nodes = [
        {
            "operator": node.op_type,
            "inputs": list(node.input),
            "output": node.output[0],
            "attributes": {each.name: onnx.helper.get_attribute_value(each) for each in node.attribute},
        }
        for node in graph.node
    ]
    told = json.dumps({"nodes": nodes, "layers": [layer.name for layer in plan.layers]})
    weights = {each.name: onnx.numpy_helper.to_array(each) for each in graph.initializer}
    np.savez(file, graph=np.array(told), **weights)
