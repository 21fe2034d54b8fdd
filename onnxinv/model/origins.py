"""Where measured tensors come from: the nodes that make them, and the measured tensors they are computed from."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import onnx

from onnxinv.model.rewrite import reads

_LOOKS_AT_SHAPE = frozenset("Shape Size EyeLike RandomNormalLike RandomUniformLike".split())
"""Operators whose outputs do not depend on the numbers that they are given."""

_DEFAULT_DOMAINS = ("", "ai.onnx")


@dataclass(frozen=True)
class Origin:
    """Where a tensor comes from.

    Attributes:
        node: name of the node that makes it; empty for an input of the model, and where the node has none.
        after: places of the other measured tensors that it is computed from with no measured one in between, ascending.
    """

    node: str
    after: tuple[int, ...]


def origins(graph: onnx.GraphProto, measured: Sequence[str]) -> list[Origin]:
    """Return where each measured tensor comes from, on paths along which numbers flow.

    What the body of an If, a Loop or a Scan reads counts for all that the node makes. What depends on the shape of a
    tensor alone, such as the second input of a Reshape that flattens, does not come from it.

    Args:
        graph: the main graph, its nodes in topological order.
        measured: names of tensors, each before those that are computed from it.
    """
    places = {name: place for place, name in enumerate(measured)}
    # The measured tensors behind each tensor as bits of a number: unions cost next to nothing, however many there are.
    behind = {name: 1 << place for name, place in places.items()}
    nodes: dict[str, str] = {}
    sources = [0] * len(measured)
    for node in graph.node:
        found = 0
        for name in _numbers_read(node):
            found |= behind.get(name, 0)
        for name in filter(None, node.output):
            nodes[name] = node.name
            if name in places:
                sources[places[name]] = found
            else:
                behind[name] = found
    return [Origin(nodes.get(name, ""), _bits(found)) for name, found in zip(measured, sources, strict=True)]


def _numbers_read(node: onnx.NodeProto) -> Iterable[str]:
    """Return the tensors whose numbers matter to a node."""
    if node.domain in _DEFAULT_DOMAINS:
        if node.op_type in _LOOKS_AT_SHAPE:
            return ()
        if node.op_type == "CastLike":  # the second input says which type
            return tuple(node.input[:1])
    return reads(node)


def _bits(number: int) -> tuple[int, ...]:
    """Return the places of the bits that are set."""
    found = []
    while number:
        lowest = number & -number
        found.append(lowest.bit_length() - 1)
        number ^= lowest
    return tuple(found)
