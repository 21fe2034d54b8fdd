"""Hands a network and its variants over to an environment that has no ONNX: JSON and arrays in files of numpy."""

from __future__ import annotations

import json
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import onnx

from onnxinv.plan import Plan


def write_network(plan: Plan, file: Path) -> None:
    """Write the network and the names of the layers that are measured; see `torch_network`.

    Raises:
        ValueError: the channels of a layer do not lie along its first axis, as tmeasures takes them to.
    """
    graph = plan.model.proto.graph
    astray = [layer.name for layer in plan.layers if layer.channel_axis != 0]
    if astray:
        raise ValueError(f"Channels lie elsewhere than along the first axis in {', '.join(astray)}.")
    nodes = [
        {
            "operator": node.op_type,
            "inputs": list(node.input),
            "output": node.output[0],
            "attributes": {each.name: onnx.helper.get_attribute_value(each) for each in node.attribute},
        }
        for node in graph.node
    ]
    layers = {f"{layer.index:04d}": layer.name for layer in plan.layers}
    weights = {each.name: onnx.numpy_helper.to_array(each) for each in graph.initializer}
    np.savez(file, graph=np.array(json.dumps({"nodes": nodes, "layers": layers})), **weights)


def write_variants(plan: Plan, file: Path) -> None:
    """Write the variants as the engine would make them: (samples x transforms, ...), samples varying slowest."""
    feeds, columns = plan.feeds, slice(0, len(plan.transforms))
    every = [int(sample) for sample in plan.samples]
    made: np.ndarray | None = None

    def make(place: int) -> tuple[int, np.ndarray]:
        return place, feeds.batch(every[place : place + 1], columns)[feeds.primary.name]

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for place, variants in pool.map(make, range(len(every))):
            if made is None:
                shape = (len(every) * len(variants), *variants.shape[1:])
                made = np.lib.format.open_memmap(file, "w+", variants.dtype, shape)
            made[place * len(variants) : (place + 1) * len(variants)] = variants
