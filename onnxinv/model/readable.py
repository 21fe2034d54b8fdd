"""Which tensors numpy or a measure cannot read as they are, and the node that makes float32 of them."""

from __future__ import annotations

from collections.abc import Iterable

import onnx

from onnxinv.model.messages import tensors

_DEFAULT_DOMAINS = ("", "ai.onnx")

_QUANTISED = {
    "QLinearConv": 6, "QLinearMatMul": 6, "QLinearAdd": 6, "QLinearMul": 6, "QLinearSigmoid": 3, "QLinearLeakyRelu": 3,
    "QLinearSoftmax": 3, "QLinearAveragePool": 3, "QLinearGlobalAveragePool": 3, "QLinearReduceMean": 3,
    "QGemm": 7, "QLinearConcat": 0,
}  # fmt: skip
"""Operators that make quantised numbers, and where among their inputs the scale of those is; its zero point is next."""

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
    found = {}
    for node in model.graph.node:
        place = _QUANTISED.get(node.op_type)
        if place is None or opset < _OLDEST_OPSET or len(node.input) <= place or not node.input[place]:
            continue
        name = node.output[0]
        if name in wanted - handed_out:
            inputs = [name, *node.input[place : place + 2]]
            found[name] = onnx.helper.make_node("DequantizeLinear", inputs, [])
    return found


def _casts(model: onnx.ModelProto, wanted: set[str]) -> dict[str, onnx.NodeProto]:
    to = onnx.TensorProto.FLOAT
    return {name: onnx.helper.make_node("Cast", [name], [], to=to) for name in wanted & _bfloat16(model)}


def _bfloat16(model: onnx.ModelProto) -> set[str]:
    """Return the bfloat16 tensors that nodes make; nothing where shape inference does not get through."""
    kind = onnx.TensorProto.BFLOAT16
    values = [*model.graph.input, *model.graph.output]
    casts = (one.i for node in model.graph.node for one in node.attribute if one.name in ("to", "dtype"))
    if not (
        kind in casts
        or any(value.type.tensor_type.elem_type == kind for value in values)
        or any(tensor.data_type == kind for tensor in tensors(model.graph))
    ):
        return set()
    try:
        graph = onnx.shape_inference.infer_shapes(model).graph
    except Exception:  # whatever C++ raises for a model that contradicts itself; the runtime will say what is wrong
        return set()
    return {value.name for value in (*graph.value_info, *graph.output) if value.type.tensor_type.elem_type == kind}
