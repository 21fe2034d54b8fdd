"""Which tensors numpy or a measure cannot read as they are, and the node that makes float32 of them."""

from __future__ import annotations

import math
from collections.abc import Iterable

import onnx

from onnxinv.model.bfloat16 import bfloat16_tensors

_DEFAULT_DOMAINS = ("", "ai.onnx")

_QUANTISED = {
    "QLinearConv": 6, "QLinearMatMul": 6, "QLinearAdd": 6, "QLinearMul": 6, "QLinearSigmoid": 3, "QLinearLeakyRelu": 3,
    "QLinearSoftmax": 3, "QLinearAveragePool": 3, "QLinearGlobalAveragePool": 3, "QLinearReduceMean": 3,
    "QGemm": 7, "QLinearConcat": 0,
}  # fmt: skip
"""Operators that make quantised numbers, and where among their inputs the scale of those is; its zero point is next."""

_HANDS_ON = frozenset(
    "MaxPool Reshape Flatten Squeeze Unsqueeze Transpose Identity Split Slice Gather Expand Tile Pad Resize "
    "DepthToSpace SpaceToDepth ReduceMax ReduceMin".split()
)
"""Operators that make quantised numbers of the scale and the zero point that their first input has."""

_OLDEST_OPSET = 10
"""The first that has DequantizeLinear."""


def readers(model: onnx.ModelProto, names: Iterable[str]) -> dict[str, onnx.NodeProto]:
    """Return the nodes that make readable float32 of those named tensors that are not, by tensor; outputs are unnamed.

    Quantised tensors are multiplied by their scale, bfloat16 is cast. An output of the model that is quantised is left
    as it is: that is what the model hands out.
    """
    wanted = set(names)
    return _dequantisers(model, wanted) | _casts(model, wanted)


def _dequantisers(model: onnx.ModelProto, wanted: set[str]) -> dict[str, onnx.NodeProto]:
    opset = next((one.version for one in model.opset_import if one.domain in _DEFAULT_DOMAINS), 0)
    handed_out = {value.name for value in model.graph.output}
    if opset < _OLDEST_OPSET:
        return {}
    return {
        name: onnx.helper.make_node("DequantizeLinear", [name, *scale], [])
        for name, scale in _scales(model.graph).items()
        if name in wanted - handed_out
    }


def _scales(graph: onnx.GraphProto) -> dict[str, list[str]]:
    """Return scale and zero point, by name, of the quantised tensors; what QuantizeLinear makes is there as float."""
    known: dict[str, list[str]] = {}
    floats = set()
    single = _single_numbers(graph)
    for node in graph.node:
        place = _QUANTISED.get(node.op_type)
        if place is not None and len(node.input) > place and node.input[place]:
            known[node.output[0]] = list(node.input[place : place + 2])
        elif (
            node.op_type == "QuantizeLinear"
            and node.domain in _DEFAULT_DOMAINS
            and single.intersection(node.input[1:2])
        ):
            known[node.output[0]] = list(node.input[1:3])
            floats.add(node.output[0])
        elif node.op_type in _HANDS_ON and node.input and node.input[0] in known:
            # Of several outputs, only those of Split are all of the same kind: a MaxPool also hands out places.
            made = node.output if node.op_type == "Split" else node.output[:1]
            known |= dict.fromkeys(made, known[node.input[0]])
    return {name: scale for name, scale in known.items() if name not in floats}


def _single_numbers(graph: onnx.GraphProto) -> set[str]:
    """Return the constants that hold one number, whether they are kept as weights or made by nodes."""
    single = {tensor.name for tensor in graph.initializer if math.prod(tensor.dims) == 1}
    for node in graph.node:
        for value in node.attribute if node.op_type == "Constant" and node.domain in _DEFAULT_DOMAINS else ():
            of_one = math.prod(value.t.dims) == 1 if value.name == "value" else len(value.floats) == 1
            if value.name == "value_float" or of_one:
                single.add(node.output[0])
    return single


def _casts(model: onnx.ModelProto, wanted: set[str]) -> dict[str, onnx.NodeProto]:
    to = onnx.TensorProto.FLOAT
    return {name: onnx.helper.make_node("Cast", [name], [], to=to) for name in wanted & bfloat16_tensors(model)}
