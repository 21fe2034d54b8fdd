"""Which tensors of a model are of bfloat16, by shape inference that needs no weights."""

from __future__ import annotations

from collections.abc import Iterator

import onnx
from google.protobuf.message import Message

from onnxinv.model.messages import messages

BFLOAT16 = onnx.TensorProto.BFLOAT16


def uses_bfloat16(model: onnx.ModelProto) -> bool:
    """Return whether anything in the model, bodies of control flow included, is declared, kept or made as bfloat16."""
    return any(
        part.data_type == BFLOAT16
        if isinstance(part, onnx.TensorProto)
        else part.elem_type == BFLOAT16
        if isinstance(part, onnx.TypeProto.Tensor)
        else isinstance(part, onnx.AttributeProto) and part.i == BFLOAT16 and names_type(part)
        for part in messages(model)
    )


def names_type(attribute: onnx.AttributeProto) -> bool:
    """Return whether the number of an attribute is that of an element type, as with `to`, `dtype`, `stash_type`."""
    return attribute.name == "to" or attribute.name.endswith(("type", "precision"))


def bfloat16_tensors(model: onnx.ModelProto) -> set[str]:
    """Return the names of the bfloat16 tensors of the main graph, inputs and weights among them."""
    return narrow_in(inferred(model)) if uses_bfloat16(model) else set()


def narrow_in(graph: onnx.GraphProto) -> set[str]:
    """Return the names of the bfloat16 tensors of what `inferred` returned, or of one body in it."""
    values = (*graph.input, *graph.value_info, *graph.output)
    made = {value.name for value in values if value.type.tensor_type.elem_type == BFLOAT16}
    return made | {tensor.name for tensor in graph.initializer if tensor.data_type == BFLOAT16}


def inferred(model: onnx.ModelProto) -> onnx.GraphProto:
    """Return the model's graph with the type of every tensor, its weights turned into inputs, without outputs.

    Where inference does not get through, types stay unknown: the runtime will say what contradicts what.
    """
    weights = {tensor.name: tensor for tensor in model.graph.initializer}
    bare = onnx.ModelProto(ir_version=model.ir_version, opset_import=model.opset_import)
    bare.graph.name = "bare"
    bare.graph.node.extend(model.graph.node)
    bare.graph.input.extend(value for value in model.graph.input if value.name not in weights)
    bare.graph.input.extend(
        onnx.helper.make_tensor_value_info(tensor.name, tensor.data_type, tensor.dims) for tensor in weights.values()
    )
    try:
        return onnx.shape_inference.infer_shapes(bare).graph
    except Exception:  # whatever C++ raises for a model that contradicts itself
        return bare.graph


def type_parts(message: Message) -> Iterator[onnx.TypeProto.Tensor]:
    """Yield every type of a tensor in a message, those inside sequences and optional values among them."""
    return (part for part in messages(message) if isinstance(part, onnx.TypeProto.Tensor))
