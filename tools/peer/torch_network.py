"""Runs a network that was handed over in torch; for an environment that has tmeasures, but neither onnx nor onnxinv."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import torch
from tmeasures.pytorch import ActivationsModule
from torch.nn import functional


class Network(ActivationsModule):
    """Runs an ONNX graph in torch, no operator in place, and hands out the layers.

    Args:
        nodes: operator, inputs, output and attributes of each.
        weights: by name.
        layers: outputs that are measured, by the keys of their values.
    """

    def __init__(
        self, nodes: Sequence[dict[str, Any]], weights: Mapping[str, torch.Tensor], layers: Mapping[str, str]
    ) -> None:
        super().__init__()
        self._nodes, self._weights, self._layers = nodes, weights, layers

    def activation_names(self) -> list[str]:
        """Return the keys of the layers."""
        return list(self._layers)

    def forward_activations(self, images: torch.Tensor) -> list[torch.Tensor]:
        """Return the layers of a batch, (batch, *units) each."""
        values = {**self._weights, "image": images}
        for node in self._nodes:
            inputs = [values[name] for name in node["inputs"]]
            values[node["output"]] = _OPERATORS[node["operator"]](inputs, node["attributes"])
        return [values[name] for name in self._layers.values()]


def network(file: str, precision: torch.dtype = torch.float32) -> Network:
    """Return the network of a file that `hand_over` wrote, its weights in this precision."""
    given = np.load(file)
    graph = json.loads(str(given["graph"]))
    weights = {name: torch.from_numpy(given[name]) for name in given.files if name != "graph"}
    floating = {name: each.to(precision) if each.is_floating_point() else each for name, each in weights.items()}
    return Network(graph["nodes"], floating, graph["layers"]).eval()


def variants(file: str, samples: int) -> np.ndarray:
    """Return all variants, (samples, transforms, *shape)."""
    made = np.load(file)
    return made.reshape(samples, -1, *made.shape[1:])


def _conv(inputs: Sequence[torch.Tensor], attributes: dict[str, Any]) -> torch.Tensor:
    return functional.conv2d(
        *inputs,
        stride=attributes["strides"],
        padding=_padding(attributes),
        dilation=attributes.get("dilations", 1),
        groups=attributes["group"],
    )


def _max_pool(inputs: Sequence[torch.Tensor], attributes: dict[str, Any]) -> torch.Tensor:
    return functional.max_pool2d(
        inputs[0],
        attributes["kernel_shape"],
        attributes["strides"],
        _padding(attributes),
        attributes.get("dilations", 1),
        bool(attributes.get("ceil_mode", 0)),
    )


def _gemm(inputs: Sequence[torch.Tensor], attributes: dict[str, Any]) -> torch.Tensor:
    if {"alpha": 1, "beta": 1} | attributes != {"alpha": 1, "beta": 1, "transB": 1}:
        raise ValueError(f"torch has no linear layer with {attributes}.")
    return functional.linear(*inputs)


def _padding(attributes: dict[str, Any]) -> list[int]:
    before, behind = attributes.get("pads", [0] * 4)[:2], attributes.get("pads", [0] * 4)[2:]
    if before != behind:
        raise ValueError(f"torch pads both sides alike, not {attributes['pads']}.")
    return before


_OPERATORS: dict[str, Callable[[Sequence[torch.Tensor], dict[str, Any]], torch.Tensor]] = {
    "Add": lambda inputs, _: inputs[0] + inputs[1],
    "Clip": lambda inputs, _: inputs[0].clamp(inputs[1], inputs[2]),
    "Conv": _conv,
    "Div": lambda inputs, _: inputs[0] / inputs[1],
    "Elu": lambda inputs, attributes: functional.elu(inputs[0], attributes.get("alpha", 1.0)),
    "Flatten": lambda inputs, _: inputs[0].flatten(1),
    "Gemm": _gemm,
    "GlobalAveragePool": lambda inputs, _: inputs[0].mean((2, 3), keepdim=True),
    "MaxPool": _max_pool,
    "Relu": lambda inputs, _: inputs[0].relu(),
    "Sub": lambda inputs, _: inputs[0] - inputs[1],
}
"""The operators of the shipped models and of `networks`, as torch has them."""
