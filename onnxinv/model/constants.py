"""Which small tensors of a graph are known without running it: constants, fixed shapes, and what follows from them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx

Array = npt.NDArray[Any]

_LARGEST = 64
"""Elements of a tensor that is followed; conditions and shapes have few, and products of two stay small."""

_UNKNOWN = -(2**61) - 12_345
"""Stands for a free dimension in a shape; no file means this number."""

_MOVES = frozenset("Identity Gather Slice Squeeze Unsqueeze Reshape".split())
"""Operators that hand on the elements of their first input: those of a shape may be free where others are fixed."""

_COMPUTES = frozenset(
    "Cast CastLike Not And Or Xor Equal Greater GreaterOrEqual Less LessOrEqual Add Sub Mul Div Mod Neg Abs Sign Min "
    "Max Where ReduceProd ReduceSum ReduceMin ReduceMax IsNaN IsInf Floor Ceil Sqrt".split()
)
"""Operators that are computed where all of their inputs are known."""

_DEFAULT_DOMAINS = ("", "ai.onnx")


def known_values(model: onnx.ModelProto, wanted: Iterable[str]) -> dict[str, Array]:
    """Return the values of those wanted tensors of the main graph that are the same whatever the model is fed.

    Args:
        model: the model, its nodes in topological order; weights in external files are taken for unknown.
        wanted: names of small tensors, such as conditions.
    """
    makers = {name: node for node in model.graph.node for name in node.output if name}
    needed = _needed(makers, wanted)
    # Shapes cost an inference over the whole graph: only where one is asked for.
    shapes = _fixed_shapes(model) if any(makers[name].op_type in ("Shape", "Size") for name in needed) else {}
    values = {
        tensor.name: onnx.numpy_helper.to_array(tensor)
        for tensor in model.graph.initializer
        if tensor.name in _read_by(makers, needed) | set(wanted) and _is_small(tensor)
    }
    for node in model.graph.node:
        if needed.intersection(node.output) and node.domain in _DEFAULT_DOMAINS:
            value = _value_of(node, values, shapes, model)
            if value is not None and value.size <= _LARGEST:
                values[node.output[0]] = value
    return {name: values[name] for name in wanted if name in values and not _has_unknown(values[name])}


def _needed(makers: Mapping[str, onnx.NodeProto], wanted: Iterable[str]) -> set[str]:
    """Return the tensors that the wanted ones are computed from, back to shapes and to operators not followed."""
    needed: set[str] = set()
    pending = list(wanted)
    while pending:
        name = pending.pop()
        node = makers.get(name)
        if node is None or name in needed:
            continue
        needed.add(name)
        if node.op_type in _MOVES | _COMPUTES | {"Concat", "ConstantOfShape"}:
            pending.extend(filter(None, node.input))
    return needed


def _read_by(makers: Mapping[str, onnx.NodeProto], needed: Iterable[str]) -> set[str]:
    return {name for each in needed for name in makers[each].input}


def _value_of(
    node: onnx.NodeProto, values: Mapping[str, Array], shapes: Mapping[str, list[int]], model: onnx.ModelProto
) -> Array | None:
    """Return what the node makes, None where that is not known."""
    kind = node.op_type
    if kind in ("Shape", "Size"):
        return _shape(node, shapes.get(node.input[0]))
    if len(node.output) != 1 or not all(name in values for name in node.input if name):
        return None
    unknown = [_has_unknown(values[name]) for name in node.input if name]
    if kind == "Constant":
        small = all(_is_small(attribute.t) for attribute in node.attribute if attribute.name == "value")
        return _run(node, values, model) if small else None
    if kind == "ConstantOfShape":
        fixed = not any(unknown) and 0 <= math.prod(map(int, values[node.input[0]].ravel())) <= _LARGEST
        return _run(node, values, model) if fixed else None
    allowed = kind == "Concat" or (kind in _MOVES and not any(unknown[1:])) or (kind in _COMPUTES and not any(unknown))
    return _run(node, values, model) if allowed else None


def _shape(node: onnx.NodeProto, shape: list[int] | None) -> Array | None:
    if shape is None:
        return None
    if node.op_type == "Size":
        return None if _UNKNOWN in shape else np.array(math.prod(shape), np.int64)
    limits = {attribute.name: attribute.i for attribute in node.attribute}
    return np.array(shape[limits.get("start", 0) : limits.get("end", len(shape))], np.int64)


def _run(node: onnx.NodeProto, values: Mapping[str, Array], model: onnx.ModelProto) -> Array | None:
    """Return what ONNX's reference implementation makes of the known inputs."""
    from onnx.reference import ReferenceEvaluator  # half a second to import, and few models need it

    names = list(dict.fromkeys(filter(None, node.input)))
    graph = onnx.helper.make_graph(
        [node],
        "one",
        [onnx.helper.make_tensor_value_info(name, _element(values[name]), None) for name in names],
        [onnx.ValueInfoProto(name=node.output[0])],
    )
    one = onnx.helper.make_model(graph, opset_imports=list(model.opset_import), ir_version=model.ir_version)
    try:
        with np.errstate(all="ignore"):
            made: Any = ReferenceEvaluator(one).run(None, {name: values[name] for name in names})
            return np.asarray(made[0])
    except Exception:  # a damaged node raises whatever its implementation runs into; the runtime will say what is wrong
        return None


def _element(value: Array) -> int:
    return int(onnx.helper.np_dtype_to_tensor_dtype(value.dtype))


def _fixed_shapes(model: onnx.ModelProto) -> dict[str, list[int]]:
    """Return the shapes that follow from those of the inputs, which the runtime enforces; declared ones are ignored."""
    bare = onnx.ModelProto()
    bare.CopyFrom(model)
    del bare.graph.value_info[:]
    for output in bare.graph.output:
        output.type.tensor_type.ClearField("shape")
    try:
        graph = onnx.shape_inference.infer_shapes(bare, data_prop=True).graph
    except Exception:  # whatever C++ raises for a model that contradicts itself; the runtime will say what is wrong
        return {}
    weights = {tensor.name: list(tensor.dims) for tensor in graph.initializer}
    values = [*graph.value_info, *graph.output, *graph.input]
    found = {
        value.name: [one.dim_value if one.dim_value > 0 else _UNKNOWN for one in value.type.tensor_type.shape.dim]
        for value in values
        if value.type.tensor_type.HasField("shape")
    }
    return found | weights


def _is_small(tensor: onnx.TensorProto) -> bool:
    external = tensor.data_location == onnx.TensorProto.EXTERNAL
    return not external and tensor.data_type != onnx.TensorProto.STRING and math.prod(tensor.dims) <= _LARGEST


def _has_unknown(value: Array) -> bool:
    return value.dtype == np.int64 and bool((value == _UNKNOWN).any())
