"""Where the batch axis of a tensor is, observed on real samples, and where its channel axis is, followed in the graph."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import onnx

Tensor = npt.NDArray[Any]

_TOLERANCE = 1e-3
"""Difference, in root mean squares of the tensor, that rounding may make between two batches."""


@dataclass(frozen=True)
class BatchAxis:
    """How to bring a raw tensor to (batch, ...).

    Attributes:
        axis: the axis of the raw tensor whose length is batch x `repeats`.
        repeats: how many entries of that axis one sample has.
        outer: whether the repeats, not the samples, vary slowest along that axis.
    """

    axis: int = 0
    repeats: int = 1
    outer: bool = False

    def to_front(self, raw: Tensor) -> Tensor:
        """Return the tensor as (batch, ...); repeats become the first axis of the unit shape."""
        if self.repeats > 1:
            batch = raw.shape[self.axis] // self.repeats
            split = (self.repeats, batch) if self.outer else (batch, self.repeats)
            raw = raw.reshape(*raw.shape[: self.axis], *split, *raw.shape[self.axis + 1 :])
            batch_axis = self.axis + int(self.outer)
            raw = np.moveaxis(raw, batch_axis, 0)
            return np.moveaxis(raw, self.axis + 1, 1)
        return np.moveaxis(raw, self.axis, 0) if self.axis else raw


def observe(one: Tensor, other: Tensor, batches: tuple[int, int]) -> BatchAxis | str:
    """Find the batch axis of a tensor from two runs whose batches begin with the same sample.

    Args:
        one: the tensor of the first run.
        other: the tensor of the second run, whose batch has another size and other companions.
        batches: the two batch sizes.

    Returns:
        The batch axis, or the reason why the tensor has none that can be used.
    """
    if one.ndim != other.ndim:
        return "its number of axes depends on the batch"
    changed = [axis for axis in range(one.ndim) if one.shape[axis] != other.shape[axis]]
    if not changed:
        return "it has no batch axis"
    axis = changed[0]
    repeats, rest = divmod(one.shape[axis], batches[0])
    if len(changed) > 1 or rest or other.shape[axis] != repeats * batches[1] or not repeats:
        return "its shape depends on the samples"
    if one.size == 0:
        return "it is empty"
    for candidate in _candidates(axis, repeats):
        if _agree(candidate.to_front(one)[0], candidate.to_front(other)[0]):
            return candidate
    return "it depends on the rest of the batch"


def _candidates(axis: int, repeats: int) -> Iterator[BatchAxis]:
    yield BatchAxis(axis, repeats)
    if repeats > 1:
        yield BatchAxis(axis, repeats, outer=True)


def _agree(one: Tensor, other: Tensor) -> bool:
    one, other = one.astype(np.float64), other.astype(np.float64)
    finite = np.isfinite(one) & np.isfinite(other)
    if not np.array_equal(one[~finite], other[~finite], equal_nan=True):
        return False
    if not finite.any():
        return True
    rms = float(np.sqrt(np.mean(np.square(one[finite]))))
    return bool(np.max(np.abs(one[finite] - other[finite])) <= _TOLERANCE * rms)


_FIRST = frozenset(
    "Conv ConvTranspose ConvInteger QLinearConv DeformConv BatchNormalization InstanceNormalization GroupNormalization "
    "LRN MaxPool AveragePool LpPool GlobalAveragePool GlobalMaxPool GlobalLpPool MaxUnpool DepthToSpace SpaceToDepth "
    "Upsample".split()
)
"""Operators whose channels are axis 1 by definition."""

_LAST = frozenset(
    "Gemm MatMul MatMulInteger QLinearMatMul LayerNormalization SkipLayerNormalization RMSNormalization Attention "
    "MultiHeadAttention RNN GRU LSTM FusedMatMul FusedGemm".split()
)
"""Operators whose features are the last axis."""

_FORGETS = frozenset("Reshape Flatten Gather GatherND GatherElements Squeeze Unsqueeze Einsum Tile Expand OneHot".split())
"""Operators after which an axis number means nothing; the shape decides."""

_REDUCES = frozenset(
    "ReduceMean ReduceSum ReduceMax ReduceMin ReduceL1 ReduceL2 ReduceProd ReduceLogSum ReduceLogSumExp "
    "ReduceSumSquare ArgMax ArgMin".split()
)


def follow_channels(graph: onnx.GraphProto, inputs: Mapping[str, int]) -> dict[str, int]:
    """Follow the channel axis from the operators that define it through those that keep or move it.

    Args:
        graph: the main graph, in topological order.
        inputs: channel axis of the inputs where it is known, counted with the batch axis.

    Returns:
        Channel axis by tensor, counted with the batch axis, -1 for the last; tensors whose shape must decide are left
        out.
    """
    axes = dict(inputs)
    for node in graph.node:
        axis = _axis_after(node, next((axes[name] for name in node.input if name in axes), None))
        if axis is not None:
            axes.update((name, axis) for name in node.output if name)
    return axes


def _axis_after(node: onnx.NodeProto, axis: int | None) -> int | None:
    if node.op_type in _FIRST:
        return 1
    if node.op_type in _LAST:
        return -1
    if axis is None or node.op_type in _FORGETS:
        return None
    attributes = {attribute.name: attribute for attribute in node.attribute}
    if node.op_type == "Transpose":
        order = list(attributes["perm"].ints) if "perm" in attributes else []
        if not -len(order) <= axis < len(order):
            return None
        return order.index(axis % len(order))
    if node.op_type in _REDUCES and "keepdims" in attributes and attributes["keepdims"].i == 0:
        return None
    return axis


def channel_axis(raw_shape: tuple[int, ...], batch: BatchAxis, followed: int | None) -> int:
    """Return the channel axis as an index of the unit shape (without batch axis).

    Args:
        raw_shape: shape of the tensor as the runtime hands it out.
        batch: its batch axis.
        followed: its channel axis counted with the batch axis, None where the graph does not tell: then feature maps
            (four axes and more) have channels first, everything else has features last.
    """
    rank = len(raw_shape)
    units_rank = rank - 1 + int(batch.repeats > 1)
    if followed is None:
        followed = 1 if rank >= 4 else -1
    axis = followed % rank if -rank <= followed < rank else rank - 1
    if axis == batch.axis or units_rank <= 0:
        return max(units_rank - 1, 0)
    before = axis - int(axis > batch.axis)
    return before + int(batch.repeats > 1)
