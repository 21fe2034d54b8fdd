"""Frees a batch axis of fixed length: a copy of a graph that takes any number of samples, to be verified by its values.

Exporters that trace a model with one example write that example's batch size into the graph: into the shapes of inputs
and outputs, into the shapes that Reshape and Resize are given, into zero states of recurrent layers, and into constants
that are concatenated with activations. Whether the copy computes the same is for values to say: see `onnxinv.probe`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx

from onnxinv.model.batch_places import Place, batch_places, shapes_of
from onnxinv.model.rewrite import names_in, reads, subgraphs

_SHAPE_ONLY = frozenset("Shape Size".split())
"""Operators that hand on lengths, which follow the batch by themselves."""

_SHAPE_OPERAND = {"Reshape": 1, "Resize": 3, "Expand": 1}
"""Operators that are told their output's shape, and by which operand."""

_STATE_OPERANDS = {"RNN": (5,), "GRU": (5,), "LSTM": (5, 6)}
"""Operands that are the first state of recurrent operators; without them it is zero."""

_ELEMENTWISE = frozenset("Add Sub Mul Div".split())

_LONGEST_SHAPE = 32

_END = np.iinfo(np.int64).max


def free_batch(model: onnx.ModelProto, inputs: Mapping[str, int], size: int) -> onnx.ModelProto:
    """Return a copy of the model whose batch axis is free, as far as its constants tell where the batch is.

    Args:
        model: the model; it is not changed, and at batches of `size` the copy computes the same.
        inputs: batch axis of each input that has one, counted from 0.
        size: the batch size that the graph was made for.
    """
    freed = onnx.ModelProto()
    freed.CopyFrom(model)
    shapes = shapes_of(model)
    _Freeing(freed.graph, inputs, size, batch_places(model.graph, inputs, size, shapes), shapes).run()
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

    def __init__(
        self,
        graph: onnx.GraphProto,
        inputs: Mapping[str, int],
        size: int,
        places: Mapping[str, Place],
        shapes: Mapping[str, tuple[int, ...]],
    ) -> None:
        self.graph = graph
        self.inputs = inputs
        self.size = size
        self.places = places
        self.shapes = shapes
        self.taken = names_in(graph)
        self.batched = reached(graph, inputs)
        self.constants = {tensor.name: tensor for tensor in graph.initializer}
        for node in graph.node:
            for attribute in node.attribute if node.op_type == "Constant" else ():
                if attribute.name == "value":
                    self.constants[node.output[0]] = attribute.t
                elif attribute.name == "value_ints":
                    self.constants[node.output[0]] = onnx.numpy_helper.from_array(np.asarray(attribute.ints, np.int64))
        self.beside = {
            name
            for node in graph.node
            if node.op_type == "Concat" and _concat_axis(node) != 0 and self.batched.intersection(node.input)
            for name in node.input
        }
        self.filled = {node.output[0]: node for node in graph.node if node.op_type == "ConstantOfShape"}
        self.new: list[onnx.NodeProto] = []
        self._length = ""

    def run(self) -> None:
        self._free_declarations()
        for node in self.graph.node:
            if node.op_type == "Reshape" and self._free_fold(node):
                continue
            if node.op_type in _SHAPE_OPERAND:
                self._free_shape(node, _SHAPE_OPERAND[node.op_type])
            elif node.op_type in _STATE_OPERANDS:
                self._drop_zero_states(node)
            elif node.op_type == "Concat":
                self._repeat_constants(node)
            elif node.op_type == "Slice":
                self._keep_all(node)
            elif node.op_type in _ELEMENTWISE:
                self._keep_one_row(node)
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
        reached = inputs[0] in self.batched or (node.op_type == "Expand" and node.output[0] in self.beside)
        if not reached or (attribute is None and len(inputs) <= operand):
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

    def _free_fold(self, node: onnx.NodeProto) -> bool:
        """Free the length of a Reshape that the batch lies in, alone or folded; return whether it is known which."""
        place, after = self.places.get(node.output[0]), self.shapes.get(node.output[0])
        if place is None or after is None or len(node.input) < 2:
            return False
        shape = self._integers(node.input[1])
        if len(shape) != len(after):
            return False
        axis = place.axis
        keeps_zeros = any(each.name == "allowzero" and each.i for each in node.attribute)
        if shape[axis] == -1 or (shape[axis] == 0 and not keeps_zeros):
            return True  # it follows the batch by itself
        if -1 in shape or (keeps_zeros and 0 in shape):
            node.input[1] = self._with_length(shape[axis + 1 :], shape[:axis], after[axis] // self.size)
        else:
            node.input[1] = self._constant([*shape[:axis], -1, *shape[axis + 1 :]])
        return True

    def _keep_all(self, node: onnx.NodeProto) -> None:
        """Let a Slice that takes the whole batch take it however long it is."""
        place, data = self.places.get(node.input[0]), self.shapes.get(node.input[0])
        if place is None or data is None or len(node.input) < 3:
            return
        starts, ends = self._integers(node.input[1]), self._integers(node.input[2])
        given = len(node.input) > 3 and bool(node.input[3])
        axes = self._integers(node.input[3]) if given else [*range(len(starts))]
        for position, axis in enumerate(axes if len(axes) == len(starts) == len(ends) else ()):
            if axis % len(data) == place.axis and starts[position] == 0 and ends[position] == data[place.axis]:
                node.input[2] = self._constant([*ends[:position], _END, *ends[position + 1 :]])
                return

    def _keep_one_row(self, node: onnx.NodeProto) -> None:
        """Take one row of a constant that has the same row for every sample, and meets activations."""
        if self.size == 1 or not self.batched.intersection(node.input):
            return
        rank = len(self.shapes.get(node.output[0], ()))
        for position, name in enumerate(node.input):
            row = self._same_row(name)
            if row is not None and row.ndim == rank and self.places.get(node.output[0]) == Place(0):
                node.input[position] = self._tensor(row)

    def _same_row(self, name: str) -> npt.NDArray[Any] | None:
        """Return (1, ...) of a constant that is that, once or for every sample; None where it is no such constant."""
        tensor = self.constants.get(name)
        if tensor is None or not tensor.dims or tensor.dims[0] != self.size:
            return None
        if tensor.data_location == onnx.TensorProto.EXTERNAL:
            return None
        rows: npt.NDArray[Any] = onnx.numpy_helper.to_array(tensor)
        return rows[:1] if np.array_equal(rows, np.broadcast_to(rows[:1], rows.shape)) else None

    def _drop_zero_states(self, node: onnx.NodeProto) -> None:
        for operand in _STATE_OPERANDS[node.op_type]:
            if operand < len(node.input) and self._is_zero(node.input[operand]):
                node.input[operand] = ""

    def _repeat_constants(self, node: onnx.NodeProto) -> None:
        """Repeat a constant for each sample where it is concatenated with activations, such as a class token."""
        axis = _concat_axis(node)
        if axis == 0 or not self.batched.intersection(node.input):
            return
        for place, name in enumerate(node.input):
            tensor = self.constants.get(name)
            if tensor is None or len(tensor.dims) < 2 or axis == -len(tensor.dims):
                continue
            if tensor.dims[0] == 1:
                if all(each.name != name for each in self.graph.initializer):
                    copy = self._name(name)
                    self.new.append(onnx.helper.make_node("Constant", [], [copy], value=tensor))
                    name = copy  # noqa: PLW2901  # what is made first may not read what a node makes later
            else:
                row = self._same_row(name)
                if row is None:
                    continue
                name = self._tensor(row)  # noqa: PLW2901  # the rows that the copy has are counted anew
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

    def _with_length(self, tail: Sequence[int], head: Sequence[int] = (), times: int = 1) -> str:
        """Return a tensor that holds the given lengths, and between them that of the batch, or a multiple of it."""
        if not self._length:
            name, axis = next(iter(self.inputs.items()))
            lengths = self._node("Shape", [name])
            self._length = self._node("Gather", [lengths, self._constant([axis])])
        length = self._length if times == 1 else self._node("Mul", [self._length, self._constant([times])])
        parts = [self._constant(head)] * bool(head) + [length] + [self._constant(tail)] * bool(tail)
        return self._node("Concat", parts, axis=0) if len(parts) > 1 else length

    def _constant(self, values: Sequence[int]) -> str:
        return self._tensor(np.asarray(values, dtype=np.int64))

    def _tensor(self, values: npt.NDArray[Any]) -> str:
        return self._node("Constant", [], value=onnx.numpy_helper.from_array(values))

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


def _concat_axis(node: onnx.NodeProto) -> int:
    return next((each.i for each in node.attribute if each.name == "axis"), 1)


def _forget_shapes(graph: onnx.GraphProto) -> None:
    """Remove what the graph says of the shapes of tensors inside, which would be stale."""
    del graph.value_info[:]
    for node in graph.node:
        for body in subgraphs(node):
            _forget_shapes(body)
