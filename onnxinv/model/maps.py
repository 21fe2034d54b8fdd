"""Which tensors are feature maps: pictures whose pixels still lie where those of the input image lay."""

from __future__ import annotations

from collections.abc import Collection, Mapping

import onnx

from onnxinv.model.rewrite import subgraphs

_LOSES_PLACE = frozenset(
    "Gemm MatMul MatMulInteger QLinearMatMul QGemm MatMulNBits Attention MultiHeadAttention RNN GRU LSTM FusedMatMul "
    "FusedGemm Reshape Flatten Squeeze Unsqueeze Gather GatherND GatherElements Einsum Tile OneHot Compress NonZero "
    "TopK EyeLike Range ConstantOfShape SequenceAt ConcatFromSequence ReduceMean ReduceSum ReduceMax ReduceMin "
    "ReduceL1 ReduceL2 ReduceProd ReduceLogSum ReduceLogSumExp ReduceSumSquare GlobalAveragePool GlobalMaxPool "
    "GlobalLpPool QLinearGlobalAveragePool ArgMax ArgMin Shape Size NonMaxSuppression RoiAlign MaxRoiPool".split()
)
"""Operators after which a place in the tensor is no longer a place in the image."""


def follow_maps(graph: onnx.GraphProto, images: Collection[str], shapes: Mapping[str, tuple[int, ...]]) -> set[str]:
    """Return the tensors that are reached from an image through operators that leave every pixel at its place.

    Args:
        graph: the main graph, in topological order.
        images: inputs of the model that are images.
        shapes: raw shapes of the tensors that depend on an input, with the batch axis.
    """
    maps = {name for name in images if len(shapes.get(name, ())) == 4}
    for node in graph.node:
        if node.op_type in _LOSES_PLACE or any(subgraphs(node)) or not maps.intersection(node.input):
            continue
        maps.update(name for name in node.output if len(shapes.get(name, ())) == 4)
    return maps
