"""Which operators do the same kind of work, so that their layers may correspond."""

from __future__ import annotations

_CLASSES = {
    "input": "Input",
    "convolution": "Conv ConvTranspose ConvInteger QLinearConv FusedConv DeformConv",
    "dense": "Gemm MatMul MatMulInteger QLinearMatMul QGemm FusedMatMul FusedGemm MatMulNBits",
    "recurrent": "LSTM GRU RNN",
    "attention": "Attention MultiHeadAttention GroupQueryAttention FlexAttention",
    "normalisation": (
        "BatchNormalization InstanceNormalization LayerNormalization GroupNormalization RMSNormalization "
        "SimplifiedLayerNormalization SkipLayerNormalization MeanVarianceNormalization LpNormalization LRN"
    ),
    "activation": (
        "Relu LeakyRelu PRelu Elu Selu Celu Gelu FastGelu Sigmoid HardSigmoid Tanh HardSwish Swish Mish Softplus "
        "Softsign ThresholdedRelu Clip QLinearLeakyRelu QLinearSigmoid Shrink"
    ),
    "pooling": (
        "MaxPool AveragePool LpPool GlobalMaxPool GlobalAveragePool GlobalLpPool ReduceMean ReduceMax ReduceSum "
        "QLinearAveragePool QLinearGlobalAveragePool MaxRoiPool RoiAlign"
    ),
    "softmax": "Softmax LogSoftmax Hardmax QLinearSoftmax",
    "arithmetic": "Add Sub Mul Div Sum Mean Max Min Pow Sqrt Exp Log Neg Abs Erf Reciprocal QLinearAdd QLinearMul",
    "resizing": "Resize Upsample GridSample",
}
_CLASS_OF = {name: kind for kind, names in _CLASSES.items() for name in names.split()}

REQUANTISED = "requantised"
"""Class of a tensor that a quantised model hands on: whatever operator it stands behind, it holds that one's output."""


def op_class(op: str) -> str:
    """Return what kind of work an operator does; one that is not known is a kind of its own."""
    return REQUANTISED if op == "DequantizeLinear" else _CLASS_OF.get(op, op)


def may_correspond(one: str, other: str) -> bool:
    """Whether a layer of one class can be that of another; see `op_class`."""
    return one == other or (REQUANTISED in (one, other) and "input" not in (one, other))
