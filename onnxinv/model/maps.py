"""Which tensors are feature maps: pictures whose pixels still lie where those of the input image lay."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

import onnx

from onnxinv.model.rewrite import subgraphs

_LOSES_PLACE = frozenset(
    "Gemm MatMulInteger QLinearMatMul QGemm MatMulNBits Attention MultiHeadAttention RNN GRU LSTM FusedMatMul "
    "FusedGemm Reshape Flatten Squeeze Unsqueeze Gather GatherND GatherElements Einsum Tile OneHot Compress NonZero "
    "TopK EyeLike Range ConstantOfShape SequenceAt ConcatFromSequence ReduceMean ReduceSum ReduceMax ReduceMin "
    "ReduceL1 ReduceL2 ReduceProd ReduceLogSum ReduceLogSumExp ReduceSumSquare GlobalAveragePool GlobalMaxPool "
    "GlobalLpPool QLinearGlobalAveragePool ArgMax ArgMin Shape Size NonMaxSuppression RoiAlign MaxRoiPool".split()
)
"""Operators after which a place in the tensor is no longer a place in the image; MatMul depends on what it reads."""


def follow_maps(graph: onnx.GraphProto, images: Mapping[str, int], shapes: Mapping[str, tuple[int, ...]]) -> set[str]:
    """Return the tensors that are reached from an image through operators that leave every pixel at its place.

    Rows and columns are followed through Transpose: where columns come first, a map is mirrored and left out.

    Args:
        graph: the main graph, in topological order.
        images: channel axis of the inputs that are images, counted with the batch axis.
        shapes: raw shapes of the tensors that depend on an input, with the batch axis.
    """
    spaces = {
        name: _Space(*(axis for axis in (1, 2, 3) if axis != channel))
        for name, channel in images.items()
        if len(shapes.get(name, ())) == 4
    }
    for node in graph.node:
        read = next((spaces[name] for name in node.input if name in spaces), None)
        made = read and _space_after(node, read, shapes)
        if made:
            spaces.update({name: made for name in node.output if len(shapes.get(name, ())) == 4})
    return {name for name, space in spaces.items() if space.rows < space.columns}


class _Space(NamedTuple):
    """Which axes of a tensor are the rows and the columns of the image."""

    rows: int
    columns: int


def _space_after(node: onnx.NodeProto, space: _Space, shapes: Mapping[str, tuple[int, ...]]) -> _Space | None:
    if any(subgraphs(node)):
        return None
    if node.op_type == "Transpose":
        order = next((list(each.ints) for each in node.attribute if each.name == "perm"), [3, 2, 1, 0])
        return _Space(order.index(space.rows), order.index(space.columns))
    if node.op_type == "MatMul":
        # A dense layer with fixed weights, on channels that come last, treats every pixel by itself.
        pointwise = node.input[1] not in shapes and 3 not in space
        return space if pointwise else None
    return None if node.op_type in _LOSES_PLACE else space
