"""Frees a batch axis of fixed length: a copy of a graph that takes any number of samples, to be verified by its values.

Exporters that trace a model with one example write that example's batch size into the graph: into the shapes of inputs
and outputs, into the shapes that Reshape and Resize are given, into zero states of recurrent layers, and into constants
that are concatenated with activations. Whether the copy computes the same is for values to say: see `onnxinv.probe`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx

from onnxinv.model.rewrite import names_in, reads, subgraphs

_SHAPE_ONLY = frozenset("Shape Size".split())
"""Operators that hand on lengths, which follow the batch by themselves."""

_SHAPE_OPERAND = {"Reshape": 1, "Resize": 3, "Expand": 1}
"""Operators that are told their output's shape, and by which operand."""

_STATE_OPERANDS = {"RNN": (5,), "GRU": (5,), "LSTM": (5, 6)}
"""Operands that are the first state of recurrent operators; without them it is zero."""

_LONGEST_SHAPE = 32


def free_batch(model: onnx.ModelProto, inputs: Mapping[str, int], size: int) -> onnx.ModelProto:
    """Return a copy of the model whose batch axis is free, as far as its constants tell where the batch is.

    Args:
        model: the model; it is not changed, and at batches of `size` the copy computes the same.
        inputs: batch axis of each input that has one, counted from 0.
        size: the batch size that the graph was made for.
    """
    freed = onnx.ModelProto()
    freed.CopyFrom(model)
    _Freeing(freed.graph, inputs, size).run()
    return freed


def reached(graph: onnx.GraphProto, inputs: Iterable[str]) -> set[str]:
    """Return the tensors whose values depend on those of these inputs; lengths of axes do not count as values."""
    names = set(inputs)
    for node in graph.node:
        if node.op_type not in _SHAPE_ONLY and names.intersection(reads(node)):
            names.update(filter(None, node.output))
    return names


class _Freeing:
    """The edits of one graph; new nodes depend on the graph's inputs and constants alone, so that they stand first."""

    def __init__(self, graph: onnx.GraphProto, inputs: Mapping[str, int], size: int) -> None:
        self.graph = graph
        self.inputs = inputs
        self.size = size
        self.taken = names_in(graph)
        self.batched = reached(graph, inputs)
        self.constants = {tensor.name: tensor for tensor in graph.initializer}
        for node in graph.node:
            for attribute in node.attribute if node.op_type == "Constant" else ():
                if attribute.name == "value":
                    self.constants[node.output[0]] = attribute.t
        self.filled = {node.output[0]: node for node in graph.node if node.op_type == "ConstantOfShape"}
        self.new: list[onnx.NodeProto] = []
        self._length = ""

    def run(self) -> None:
        self._free_declarations()
        for node in self.graph.node:
            if node.op_type in _SHAPE_OPERAND:
                self._free_shape(node, _SHAPE_OPERAND[node.op_type])
            elif node.op_type in _STATE_OPERANDS:
                self._drop_zero_states(node)
            elif node.op_type == "Concat":
                self._repeat_constants(node)
        for node in reversed(self.new):
            self.graph.node.insert(0, node)

    def _free_declarations(self) -> None:
        symbol = self._name("batch", {dim.dim_param for value in self.graph.input for dim in _dims(value)})
        for value in self.graph.input:
            axis = self.inputs.get(value.name)
            if axis is not None and axis < len(_dims(value)):
                dim = _dims(value)[axis]
                dim.Clear()
                dim.dim_param = symbol
        for value in self.graph.output:
            if value.type.HasField("tensor_type"):
                value.type.tensor_type.ClearField("shape")
        _forget_shapes(self.graph)

    def _free_shape(self, node: onnx.NodeProto, operand: int) -> None:
        """Put a free length where the constant shape that an operator is told begins with the batch size."""
        attribute = next((each for each in node.attribute if each.name == "shape"), None)  # Reshape before opset 5
        inputs = [*node.input]
        if inputs[0] not in self.batched or (attribute is None and len(inputs) <= operand):
            return
        shape = [*attribute.ints] if attribute is not None else self._integers(inputs[operand])
        axes = [each for each in node.attribute if each.name == "axes"]  # Resize of the axes named alone
        if not shape or shape[0] != self.size or axes:
            return
        if node.op_type != "Reshape":
            node.input[operand] = self._with_length(shape[1:])
            return
        keeps_zeros = any(each.name == "allowzero" and each.i for each in node.attribute)
        if -1 not in shape[1:]:
            freed = [-1, *shape[1:]]
        elif keeps_zeros:
            node.input[operand] = self._with_length(shape[1:])
            return
        else:
            freed = [0, *shape[1:]]  # the length that the axis has before
        if attribute is not None:
            attribute.ints[:] = freed
        else:
            node.input[operand] = self._constant(freed)

    def _drop_zero_states(self, node: onnx.NodeProto) -> None:
        for operand in _STATE_OPERANDS[node.op_type]:
            if operand < len(node.input) and self._is_zero(node.input[operand]):
                node.input[operand] = ""

    def _repeat_constants(self, node: onnx.NodeProto) -> None:
        """Repeat a constant for each sample where it is concatenated with activations, such as a class token."""
        axis = next((each.i for each in node.attribute if each.name == "axis"), 1)
        if axis == 0 or not self.batched.intersection(node.input):
            return
        for place, name in enumerate(node.input):
            tensor = self.constants.get(name)
            if tensor is None or len(tensor.dims) < 2 or tensor.dims[0] != 1 or axis == -len(tensor.dims):
                continue
            if all(each.name != name for each in self.graph.initializer):
                copy = self._name(name)
                self.new.append(onnx.helper.make_node("Constant", [], [copy], value=tensor))
                name = copy  # noqa: PLW2901  # what is made first may not read what a node makes later
            node.input[place] = self._node("Expand", [name, self._with_length([1] * (len(tensor.dims) - 1))])

    def _integers(self, name: str) -> list[int]:
        """Return the values of a constant shape; none where it is no short list of whole numbers in the file."""
        tensor = self.constants.get(name)
        if tensor is None or tensor.data_type != onnx.TensorProto.INT64 or len(tensor.dims) != 1:
            return []
        if tensor.dims[0] > _LONGEST_SHAPE or tensor.data_location == onnx.TensorProto.EXTERNAL:
            return []
        values: npt.NDArray[np.int64] = onnx.numpy_helper.to_array(tensor)
        return [int(value) for value in values]

    def _is_zero(self, name: str) -> bool:
        filled = self.filled.get(name)
        if filled is not None:
            tensors = [each.t for each in filled.attribute if each.name == "value"]
            return not any(onnx.numpy_helper.to_array(tensor).any() for tensor in tensors)
        tensor = self.constants.get(name)
        if tensor is None or tensor.data_location == onnx.TensorProto.EXTERNAL:
            return False
        return not onnx.numpy_helper.to_array(tensor).any()

    def _with_length(self, tail: list[int]) -> str:
        """Return a tensor that holds the batch's length and then the given ones."""
        if not self._length:
            name, axis = next(iter(self.inputs.items()))
            lengths = self._node("Shape", [name])
            self._length = self._node("Gather", [lengths, self._constant([axis])])
        return self._node("Concat", [self._length, self._constant(tail)], axis=0) if tail else self._length

    def _constant(self, values: list[int]) -> str:
        tensor = onnx.numpy_helper.from_array(np.asarray(values, dtype=np.int64))
        return self._node("Constant", [], value=tensor)

    def _node(self, op: str, inputs: list[str], **attributes: Any) -> str:
        name = self._name(f"freed_batch/{op}")
        self.new.append(onnx.helper.make_node(op, inputs, [name], name=name, **attributes))
        return name

    def _name(self, wish: str, taken: Collection[str] | None = None) -> str:
        known = self.taken if taken is None else set(taken)
        name, count = wish, 1
        while name in known:
            name, count = f"{wish}_{count}", count + 1
        if taken is None:
            self.taken.add(name)
        return name


def _dims(value: onnx.ValueInfoProto) -> list[onnx.TensorShapeProto.Dimension]:
    return list(value.type.tensor_type.shape.dim)


def _forget_shapes(graph: onnx.GraphProto) -> None:
    """Remove what the graph says of the shapes of tensors inside, which would be stale."""
    del graph.value_info[:]
    for node in graph.node:
        for body in subgraphs(node):
            _forget_shapes(body)
