"""Computes bfloat16 in float32, rounding after every operator: the runtime lacks most operators of bfloat16.

Every tensor of bfloat16 becomes one of float32 that holds the same numbers under the same name. What an operator with
float32 inside would round when it hands out its result is rounded by a Cast to bfloat16 and one back, which the runtime
does not take away. Weights stay as they are in the file and are cast where they are read.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import onnx

from onnxinv.model.bfloat16 import BFLOAT16, inferred, names_type, narrow_in, type_parts, uses_bfloat16
from onnxinv.model.rewrite import names_in, subgraphs

WIDENED = "The model is in bfloat16: it is computed in float32, and rounded to bfloat16 after every operator."

_FLOAT = onnx.TensorProto.FLOAT

_EXACT = frozenset(
    "Concat DepthToSpace Expand Flatten Gather GatherElements GatherND GlobalMaxPool Identity If Loop Max MaxPool Min "
    "Neg Pad ReduceMax ReduceMin Relu Reshape Scan Slice SpaceToDepth Split Squeeze Tile Transpose Unsqueeze "
    "Where".split()
)
"""Operators that hand out numbers that they were given, or what their bodies have rounded: nothing is to be rounded."""


def widened(model: onnx.ModelProto) -> onnx.ModelProto:
    """Return a model that computes the same without operators of bfloat16; inputs and outputs of bfloat16 are float32.

    An input is rounded before anything reads it. Outputs of operators that ONNX does not define, and whose type is
    therefore not known, are not rounded.

    Args:
        model: the model, its local functions inlined; it is not changed, and returned where it has no bfloat16.
    """
    if not uses_bfloat16(model):
        return model
    wide = onnx.ModelProto()
    wide.CopyFrom(model)
    _Widening(names_in(wide.graph)).widen(wide.graph, inferred(model), {}, main=True)
    return wide


class _Widening:
    """The edits of one model.

    Args:
        taken: names of tensors, to which those of new ones are added.
    """

    def __init__(self, taken: set[str]) -> None:
        self._taken = taken

    def widen(self, graph: onnx.GraphProto, typed: onnx.GraphProto, rounded: Mapping[str, str], *, main: bool) -> None:
        """Edit a graph and the bodies in it.

        Args:
            graph: the graph; it is changed.
            typed: the same with inferred types.
            rounded: what is to be read in place of inputs of the model.
            main: whether it is no body: what a body is given is rounded already.
        """
        narrow = narrow_in(typed)
        nodes: list[onnx.NodeProto] = []
        weights = self._widen_weights(graph, nodes)
        inputs = [value for value in graph.input if value.name not in weights]
        if main:
            rounded = {value.name: self._rounded(value.name, nodes) for value in inputs if value.name in narrow}
        del graph.input[:]
        graph.input.extend(inputs)
        del graph.value_info[:]
        for value in (*graph.input, *graph.output):
            for part in type_parts(value):
                part.elem_type = _FLOAT if part.elem_type == BFLOAT16 else part.elem_type
        for node, types in zip(graph.node, typed.node, strict=True):
            self._widen_node(node, types, narrow, rounded, nodes)
        nodes = [onnx.NodeProto.FromString(node.SerializeToString()) for node in nodes]
        del graph.node[:]
        graph.node.extend(nodes)

    def _widen_weights(self, graph: onnx.GraphProto, nodes: list[onnx.NodeProto]) -> set[str]:
        """Rename weights, cast them to what was their name, and return those names."""
        weights = set()
        for tensor in graph.initializer:
            if tensor.data_type == BFLOAT16:
                name = tensor.name
                tensor.name = self._name(f"{name}/bfloat16")
                nodes.append(_cast(tensor.name, name, _FLOAT))
                weights.add(name)
        return weights

    def _widen_node(
        self,
        node: onnx.NodeProto,
        types: onnx.NodeProto,
        narrow: set[str],
        rounded: Mapping[str, str],
        nodes: list[onnx.NodeProto],
    ) -> None:
        node.input[:] = [rounded.get(name, name) for name in node.input]
        for body, of_body in zip(subgraphs(node), subgraphs(types), strict=True):
            self.widen(body, of_body, rounded, main=False)
        stays_narrow = False
        for attribute in node.attribute:
            if names_type(attribute) and attribute.i == BFLOAT16:
                attribute.i = _FLOAT
            elif attribute.t.data_type == BFLOAT16 and node.op_type == "ConstantOfShape":
                value = onnx.numpy_helper.to_array(attribute.t).astype(np.float32)
                attribute.t.CopyFrom(onnx.numpy_helper.from_array(value))
            elif attribute.t.data_type == BFLOAT16:
                stays_narrow = True
        nodes.append(node)
        is_exact = node.op_type in _EXACT and node.domain in ("", "ai.onnx")
        for place, name in enumerate(node.output):
            if name in narrow and not is_exact:
                node.output[place] = self._name(f"{name}/{'bfloat16' if stays_narrow else 'float32'}")
                if stays_narrow:
                    nodes.append(_cast(node.output[place], name, _FLOAT))
                else:
                    self._rounded(node.output[place], nodes, name)

    def _rounded(self, name: str, nodes: list[onnx.NodeProto], to: str = "") -> str:
        """Add what rounds a tensor, and return the result's name."""
        to = to or self._name(f"{name}/rounded")
        narrow = self._name(f"{to}/bfloat16")
        nodes += [_cast(name, narrow, BFLOAT16), _cast(narrow, to, _FLOAT)]
        return to

    def _name(self, wish: str) -> str:
        while wish in self._taken:
            wish += "_"
        self._taken.add(wish)
        return wish


def _cast(name: str, to: str, kind: int) -> onnx.NodeProto:
    return onnx.helper.make_node("Cast", [name], [to], to=kind)
