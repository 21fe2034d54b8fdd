"""How many entries an embedding has that a model's whole numbers are looked up in."""

from __future__ import annotations

import onnx

_HANDS_ON = frozenset("Identity Cast Reshape Flatten Squeeze Unsqueeze Transpose".split())
"""Operators through which a whole number stays what it is."""


def vocabulary_sizes(model: onnx.ModelProto) -> dict[str, int]:
    """Return, for each input that the graph looks up in a table, the length of the shortest such table.

    Only tables that are initialisers are seen, and only look-ups in the main graph: a Gather whose indices are the
    input, perhaps cast or reshaped.
    """
    graph = model.graph
    tables = {tensor.name: tuple(tensor.dims) for tensor in graph.initializer}
    origin = {value.name: value.name for value in graph.input if value.name not in tables}
    sizes: dict[str, int] = {}
    for node in graph.node:
        if node.op_type in _HANDS_ON and node.input and node.input[0] in origin:
            origin[node.output[0]] = origin[node.input[0]]
        if node.op_type != "Gather" or len(node.input) != 2:
            continue
        dims, name = tables.get(node.input[0], ()), origin.get(node.input[1])
        axis = next((attribute.i for attribute in node.attribute if attribute.name == "axis"), 0)
        if name is not None and -len(dims) <= axis < len(dims):
            sizes[name] = min(dims[axis], sizes.get(name, dims[axis]))
    return sizes
