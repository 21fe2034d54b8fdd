"""Times tmeasures' normalized variance on a network and its variants; runs in an environment that has torch.

Neither onnx nor onnxinv need be installed there: the network comes as arrays, see `benchmark_graph`.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from collections.abc import Callable, Sequence
from importlib.metadata import version
from typing import Any

import numpy as np
import torch
from tmeasures import pytorch as measures
from torch.nn import functional

_BATCH = 32
"""What tmeasures takes unless told otherwise."""


class Network(measures.ActivationsModule):
    """Runs an ONNX graph of the benchmark in torch, and hands out the layers.

    Args:
        nodes: operator, inputs, output and attributes of each.
        weights: by name.
        layers: outputs that are measured.
    """

    def __init__(self, nodes: Sequence[dict[str, Any]], weights: dict[str, torch.Tensor], layers: list[str]) -> None:
        super().__init__()
        self._nodes, self._weights, self._layers = nodes, weights, layers

    def activation_names(self) -> list[str]:
        """Return the names of the layers."""
        return self._layers

    def forward_activations(self, images: torch.Tensor) -> list[torch.Tensor]:
        """Return the layers of a batch."""
        values = {**self._weights, "image": images}
        for node in self._nodes:
            inputs = [values[name] for name in node["inputs"]]
            values[node["output"]] = _OPERATORS[node["operator"]](inputs, node["attributes"])
        return [values[name] for name in self._layers]


class Variant(measures.PyTorchTransformation):
    """Looks up what one transform makes of a sample, which stands for itself as its number."""

    def __init__(self, variants: torch.Tensor, transform: int) -> None:
        super().__init__()
        self._variants, self._transform = variants, transform

    def parameters(self) -> torch.Tensor:
        """Return the number of the transform."""
        return torch.tensor([self._transform])

    def __call__(self, sample: torch.Tensor) -> torch.Tensor:
        """Return the variant of a sample."""
        return self._variants[int(sample), self._transform]


def main() -> None:
    """Read the folder that was handed over, measure, and print what was timed as JSON."""
    network, variants, samples = sys.argv[1:]
    given = np.load(network)
    graph = json.loads(str(given["graph"]))
    weights = {name: torch.from_numpy(given[name]) for name in given.files if name != "graph"}
    model = Network(graph["nodes"], weights, graph["layers"]).eval()
    made = np.load(variants)
    every = torch.from_numpy(made.reshape(int(samples), -1, *made.shape[1:]))
    transforms = measures.PyTorchTransformationSet([Variant(every, place) for place in range(every.shape[1])])
    options = measures.PyTorchMeasureOptions(batch_size=_BATCH, verbose=False)
    with torch.no_grad():
        model.forward_activations(every[0])
    begin, busy = time.perf_counter(), time.process_time()
    result = measures.NormalizedVarianceInvariance().eval(torch.arange(len(every)), transforms, model, options)
    seconds = time.perf_counter() - begin
    parts = {"normalized": result, "transformational": result.x_result, "sample": result.y_result}
    found = {f"{part}/{place}": layer for part, each in parts.items() for place, layer in enumerate(each.layers)}
    np.savez(f"{variants}.peer.npz", **{key: layer.numpy() for key, layer in found.items()})
    print(
        json.dumps(
            {
                "seconds": seconds,
                "busy": time.process_time() - busy,
                "inferences": 2 * len(made),  # once for each of the two variances
                "batch": _BATCH,
                "peak": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
                "layers": len(result.layers),
                "versions": f"tmeasures {version('tmeasures')}, torch {version('torch')}",
            }
        )
    )


def _conv(inputs: Sequence[torch.Tensor], attributes: dict[str, Any]) -> torch.Tensor:
    padding, groups = attributes["pads"][:2], attributes["group"]
    return functional.conv2d(*inputs, stride=attributes["strides"], padding=padding, groups=groups)


def _max_pool(inputs: Sequence[torch.Tensor], attributes: dict[str, Any]) -> torch.Tensor:
    padding = attributes.get("pads", [0, 0])[:2]
    return functional.max_pool2d(inputs[0], attributes["kernel_shape"], attributes["strides"], padding)


_OPERATORS: dict[str, Callable[[Sequence[torch.Tensor], dict[str, Any]], torch.Tensor]] = {
    "Add": lambda inputs, _: inputs[0] + inputs[1],
    "Clip": lambda inputs, _: inputs[0].clamp(inputs[1], inputs[2]),
    "Conv": _conv,
    "Flatten": lambda inputs, _: inputs[0].flatten(1),
    "Gemm": lambda inputs, _: functional.linear(*inputs),
    "GlobalAveragePool": lambda inputs, _: inputs[0].mean((2, 3), keepdim=True),
    "MaxPool": _max_pool,
    "Relu": lambda inputs, _: inputs[0].relu(),
}
"""The operators of `networks`, as torch has them."""


if __name__ == "__main__":
    main()
