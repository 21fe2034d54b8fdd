"""Where the channel axis of a tensor is, followed in the graph from the operators that define it."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import accumulate
from operator import mul

import onnx

from onnxinv.model.rewrite import subgraphs

Shape = tuple[int, ...]

_FIRST = frozenset(
    "Conv ConvTranspose ConvInteger QLinearConv DeformConv FusedConv BatchNormalization InstanceNormalization "
    "GroupNormalization LRN MaxRoiPool DepthToSpace SpaceToDepth".split()
)
"""Operators whose channels are axis 1 by definition, of what they read and of what they make."""

_FIRST_UNLESS_FOLLOWED = frozenset(
    "MaxPool AveragePool LpPool GlobalAveragePool GlobalMaxPool GlobalLpPool MaxUnpool QLinearAveragePool "
    "QLinearGlobalAveragePool".split()
)
"""Operators that are mostly used on feature maps, but that exporters also use for a mean or maximum of other axes."""

_LAST = frozenset(
    "Gemm MatMul MatMulInteger QLinearMatMul QGemm MatMulNBits Attention MultiHeadAttention RNN GRU LSTM FusedMatMul "
    "FusedGemm".split()
)
"""Operators whose features are the last axis."""

_LAST_UNLESS_FOLLOWED = frozenset(
    "LayerNormalization SimplifiedLayerNormalization SkipLayerNormalization SkipSimplifiedLayerNormalization "
    "RMSNormalization".split()
)
"""Operators that keep the layout and are mostly used on tokens."""

_REGROUPS = frozenset("Reshape Flatten Squeeze Unsqueeze".split())
"""Operators that keep the order of the numbers and change the axes."""

_FORGETS = frozenset(
    "GatherND GatherElements Einsum Tile OneHot Compress NonZero TopK EyeLike Range ConstantOfShape SequenceAt "
    "ConcatFromSequence".split()
)
"""Operators after which an axis number means nothing; the shape decides."""

_REDUCES = frozenset(
    "ReduceMean ReduceSum ReduceMax ReduceMin ReduceL1 ReduceL2 ReduceProd ReduceLogSum ReduceLogSumExp "
    "ReduceSumSquare".split()
)


def follow_channels(graph: onnx.GraphProto, inputs: Mapping[str, int], shapes: Mapping[str, Shape]) -> dict[str, int]:
    """Follow the channel axis from the operators that define it through those that keep or move it.

    Args:
        graph: the main graph, in topological order.
        inputs: channel axis of the inputs where it is known, counted with the batch axis.
        shapes: raw shapes of the tensors that depend on an input, with the batch axis; without its shape the channel
            axis of a tensor is forgotten.

    Returns:
        Channel axis by tensor, counted from 0 with the batch axis; tensors whose shape must decide are left out.
    """
    axes = {name: axis for name, axis in inputs.items() if axis < len(shapes.get(name, ()))}
    constants = _constants(graph)
    for node in graph.node:
        for name in filter(None, node.output):
            axis = _axis_after(node, shapes.get(name, ()), axes, shapes, constants)
            if axis is not None:
                axes[name] = axis
    for node in reversed(graph.node):
        _look_back(node, axes, shapes)
    return axes


def _look_back(node: onnx.NodeProto, axes: dict[str, int], shapes: Mapping[str, Shape]) -> None:
    """Tell what a convolution reads, and what was made from that number by number, that its channels are axis 1."""
    read = node.input[0] if node.input else ""
    if node.op_type in _FIRST | _FIRST_UNLESS_FOLLOWED:
        if read not in axes and len(shapes.get(read, ())) > 1:
            axes[read] = 1
        return
    made = node.output[0] if node.output else ""
    unmoved = made in axes and not any(subgraphs(node)) and node.op_type not in _REGROUPS | _FORGETS | {"Transpose"}
    if not unmoved or node.op_type in _LAST:
        return
    for name in node.input:
        if name not in axes and name in shapes and shapes[name] == shapes[made]:
            axes[name] = axes[made]


@dataclass(frozen=True)
class _Move:
    """A channel axis on its way through an operator that moves axes: shapes before and after."""

    node: onnx.NodeProto
    axis: int
    before: Shape
    after: Shape
    constants: Mapping[str, list[int]]


def _axis_after(
    node: onnx.NodeProto,
    shape: Shape,
    axes: Mapping[str, int],
    shapes: Mapping[str, Shape],
    constants: Mapping[str, list[int]],
) -> int | None:
    """Return the channel axis of an output with the given shape."""
    rank = len(shape)
    if rank < 2 or node.op_type in _FORGETS or any(subgraphs(node)):
        return None
    if node.op_type in _FIRST | _LAST:
        return 1 if node.op_type in _FIRST else rank - 1
    # What an operator works on comes first; a gate or an addend that was followed tells as much where that was not.
    name = next((name for name in node.input if name in axes), None)
    if name is None:
        if node.op_type in _FIRST_UNLESS_FOLLOWED:
            return 1
        return rank - 1 if node.op_type in _LAST_UNLESS_FOLLOWED else None
    axis, before = axes[name], shapes[name]
    if node.op_type in _MOVES:
        moved = _MOVES[node.op_type](_Move(node, axis, before, shape, constants))
        return moved if name == node.input[0] else None
    # Broadcasting aligns last axes.
    return axis + rank - len(before) if len(before) <= rank else None


def _after_transpose(move: _Move) -> int | None:
    every = list(range(len(move.before)))
    order = _integers(move, "perm") or every[::-1]
    return order.index(move.axis) if sorted(order) == every else None


def _after_regrouping(move: _Move) -> int | None:
    """Return the axis that has the channel axis's length and as many numbers in front of it.

    A single channel that no axis fits is looked for where a Transpose could have put it. Tokens whose features are cut
    into heads keep features last, wherever the number of heads goes.
    """
    length, leading = move.before[move.axis], math.prod(move.before[: move.axis])
    in_front = list(accumulate(move.after, mul, initial=1))
    fits = [axis for axis, here in enumerate(move.after) if here == length and in_front[axis] == leading]
    if move.axis in fits:
        return move.axis
    moved = _single_channel_moved(move) if length == 1 else None
    if moved is not None or fits:
        return fits[-1] if moved is None else moved
    tokens = len(move.before) >= 3 and move.axis == len(move.before) - 1
    cut = move.after[-1] > 1 and length % move.after[-1] == 0
    return len(move.after) - 1 if tokens and cut else None


def _single_channel_moved(move: _Move) -> int | None:
    """Return where the channel axis is, of length 1, if the shape is that of a Transpose that moves nothing else.

    Of neighbours of length 1 it is the one at the end, as from channels first to channels last and back.
    """
    others = _without(move.before, move.axis)
    found = [
        axis for axis in range(1, len(move.after)) if move.after[axis] == 1 and _without(move.after, axis) == others
    ]
    return max(found, key=lambda axis: abs(axis - move.axis), default=None)


def _without(shape: Shape, axis: int) -> Shape:
    return shape[:axis] + shape[axis + 1 :]


def _after_reduction(move: _Move) -> int | None:
    rank, lost = len(move.before), len(move.before) - len(move.after)
    if lost == 0:
        return move.axis
    removed = {each % rank for each in _integers(move, "axes") or ()}
    if move.axis in removed or len(removed) != lost:
        return None
    return move.axis - sum(each < move.axis for each in removed)


def _after_gather(move: _Move) -> int | None:
    rank, grown = len(move.before), len(move.after) - len(move.before)
    where = next((attribute.i for attribute in move.node.attribute if attribute.name == "axis"), 0) % rank
    if move.axis == where:
        return move.axis if grown == 0 else None
    return move.axis if move.axis < where else move.axis + grown


_MOVES: dict[str, Callable[[_Move], int | None]] = {
    "Transpose": _after_transpose,
    "Gather": _after_gather,
    **dict.fromkeys(_REGROUPS, _after_regrouping),
    **dict.fromkeys(_REDUCES, _after_reduction),
}


def _integers(move: _Move, name: str) -> list[int] | None:
    """Return the integers of an attribute, or of the constant second input that later opsets have in its place."""
    for attribute in move.node.attribute:
        if attribute.name == name:
            return list(attribute.ints)
    return move.constants.get(move.node.input[1]) if len(move.node.input) > 1 else None


def _constants(graph: onnx.GraphProto) -> dict[str, list[int]]:
    """Return the small integer tensors of the graph that are known without running it."""
    tensors = {tensor.name: tensor for tensor in graph.initializer}
    listed: dict[str, list[int]] = {}
    for node in graph.node:
        if node.op_type != "Constant":
            continue
        for attribute in node.attribute:
            if attribute.name == "value":
                tensors[node.output[0]] = attribute.t
            elif attribute.name in ("value_int", "value_ints"):
                listed[node.output[0]] = [*attribute.ints] or [attribute.i]
    return listed | {
        name: [int(value) for value in onnx.numpy_helper.to_array(tensor).ravel()]
        for name, tensor in tensors.items()
        if tensor.data_type == onnx.TensorProto.INT64
        and math.prod(tensor.dims) <= 16
        and tensor.data_location != onnx.TensorProto.EXTERNAL
    }
