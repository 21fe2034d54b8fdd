"""What an input of a model is likely to hold: an image, a sequence, a table, tokens, a state or a setting."""

from __future__ import annotations

import onnx

from onnxinv.model.rewrite import reads
from onnxinv.result import TensorInfo

_RECURRENT = frozenset("LSTM GRU RNN".split())
_FIRST_STATE = 5
"""Where among the inputs of a recurrent operator its initial states begin."""

_BY_RANK = {2: "table", 3: "sequence", 4: "image", 5: "volume or video"}


def role_of(info: TensorInfo, graph: onnx.GraphProto) -> str:
    """Return the likely role of an input in a word or two, from its type, its axes and what reads it.

    Args:
        info: the input.
        graph: the main graph.
    """
    readers = [node for node in graph.node if info.name in reads(node)]
    states = [node for node in readers if node.op_type in _RECURRENT and info.name in node.input[_FIRST_STATE:]]
    if states:
        return "state"
    if info.dtype == "bool":
        return "mask" if len(info.shape) > 1 else "setting"
    if not info.dtype.startswith(("float", "bfloat", "int", "uint")):
        return "not numbers"
    if len(info.shape) < 2 and not _is_batch(info):
        return "setting"
    if info.dtype.startswith(("int", "uint")) and any(_looks_up(node, info.name) for node in readers):
        return "tokens"
    return _BY_RANK.get(len(info.shape), "numbers")


def _is_batch(info: TensorInfo) -> bool:
    """Whether an input of one axis has a number for each sample."""
    return len(info.shape) == 1 and not isinstance(info.shape[0], int)


def _looks_up(node: onnx.NodeProto, name: str) -> bool:
    """Whether a node takes rows of an embedding by the numbers of a tensor."""
    if node.op_type == "Gather":
        return bool(node.input[1] == name)
    return node.op_type == "EmbedLayerNormalization"
