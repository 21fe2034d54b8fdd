"""Whether a model computes with few bits, so that its numbers are less certain than those of float32."""

from __future__ import annotations

import onnx

from onnxinv.model.messages import tensors

_HALF = {onnx.TensorProto.FLOAT16, onnx.TensorProto.BFLOAT16}


def is_coarse(model: onnx.ModelProto) -> bool:
    """Return whether the model is quantised or has half-precision weights, inputs, outputs or casts."""
    graph = model.graph
    values = [*graph.input, *graph.output]
    return (
        any(_quantised(node) or _casts_to_half(node) for node in graph.node)
        or any(value.type.tensor_type.elem_type in _HALF for value in values)
        or any(tensor.data_type in _HALF for tensor in tensors(graph))
    )


def _quantised(node: onnx.NodeProto) -> bool:
    return any(word in node.op_type for word in ("Quantize", "QLinear", "Integer", "QGemm", "QAttention", "NBits"))


def _casts_to_half(node: onnx.NodeProto) -> bool:
    return node.op_type == "Cast" and any(one.name == "to" and one.i in _HALF for one in node.attribute)
