"""What an input of a model is likely to hold: an image, a sequence, a table, tokens, a state or a setting."""

from __future__ import annotations

import re

import onnx

from onnxinv.data.constants import named_like_a_state
from onnxinv.data.fed_types import OPTIONAL
from onnxinv.model.rewrite import reads
from onnxinv.provenance import TensorInfo

_STATES = {"LSTM": (5, 6), "GRU": (5,), "RNN": (5,)}
"""Which operands of recurrent operators are their initial states."""

_MOVES = frozenset("Cast Concat Gather Identity Reshape Slice Split Squeeze Transpose Unsqueeze".split())
"""Operators between an input and the layers that start from parts of it."""

_ATTENDED = re.compile(r"(?i)(encoder|last)_hidden_state|hidden_states|^memory$")
"""Names of what a decoder attends to, which are like those of states."""

_BY_RANK = {2: "table", 3: "sequence", 4: "image", 5: "volume or video"}


def role_of(info: TensorInfo, graph: onnx.GraphProto) -> str:
    """Return the likely role of an input in a word or two, from its type, its axes and what reads it.

    Args:
        info: the input.
        graph: the main graph.
    """
    readers = [node for node in graph.node if info.name in reads(node)]
    if info.name in _initial_states(graph) or _is_called_state(info, graph):
        return "state"
    if info.dtype == "bool":
        return "mask" if len(info.shape) > 1 else "setting"
    if not info.dtype.startswith(("float", "bfloat", "int", "uint")):
        return "optional, left out" if info.dtype == OPTIONAL else "not numbers"
    if len(info.shape) < 2 and not _is_batch(info):
        return "setting"
    if info.dtype.startswith(("int", "uint")) and any(_looks_up(node, info.name) for node in readers):
        return "tokens"
    return _BY_RANK.get(len(info.shape), "numbers")


def _initial_states(graph: onnx.GraphProto) -> set[str]:
    """Return the tensors that recurrent operators start from, themselves or after they were cut and turned."""
    names: set[str] = set()
    for node in reversed(graph.node):
        for operand in _STATES.get(node.op_type, ()):
            names.update(filter(None, node.input[operand : operand + 1]))
        if node.op_type in _MOVES and names.intersection(node.output):
            names.update(node.input if node.op_type == "Concat" else node.input[:1])
    return names


def _is_called_state(info: TensorInfo, graph: onnx.GraphProto) -> bool:
    """Whether the name of floats beside the model's first input, which is data, is one of a state or a cache."""
    weights = {tensor.name for tensor in graph.initializer}
    first = next((value.name for value in graph.input if value.name not in weights), "")
    floats = info.dtype.startswith(("float", "bfloat")) and len(info.shape) > 1
    return floats and info.name != first and named_like_a_state(info.name) and not _ATTENDED.search(info.name)


def _is_batch(info: TensorInfo) -> bool:
    """Whether an input of one axis has a number for each sample."""
    return len(info.shape) == 1 and not isinstance(info.shape[0], int)


def _looks_up(node: onnx.NodeProto, name: str) -> bool:
    """Whether a node takes rows of an embedding by the numbers of a tensor."""
    if node.op_type == "Gather":
        return bool(node.input[1] == name)
    return node.op_type == "EmbedLayerNormalization"
