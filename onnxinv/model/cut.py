"""Cuts a graph at some of its tensors: from which of them others are computed, and the part behind them as a model."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

import onnx

from onnxinv.model.axes import BatchAxis
from onnxinv.model.layers import Layer
from onnxinv.model.readable import readers
from onnxinv.model.rewrite import fresh, names_in, reads

INPUT = -1
"""Stands among the places of layers for the model's inputs."""

_SHAPE_ONLY = frozenset("Shape Size".split())
"""Operators that read how long axes are, and no values."""

_WHOLE = frozenset(("float32", "float64"))
"""Types of which the runtime hands out all that it goes on with."""


def sources(graph: onnx.GraphProto, tensors: Collection[str], *, values: bool = False) -> dict[str, frozenset[str]]:
    """Return, for every tensor that a node makes, what it is computed from: the nearest of these tensors, and inputs.

    Constants are no source, and neither is a tensor of its own.

    Args:
        graph: its nodes in topological order.
        tensors: where computing may begin.
        values: whether only those count whose values matter, not those whose shape is all that is asked for.
    """
    given = {value.name for value in graph.input} - {tensor.name for tensor in graph.initializer}
    nearest: dict[str, frozenset[str]] = {name: frozenset([name]) for name in given}
    found: dict[str, frozenset[str]] = {}
    for node in graph.node:
        read = () if values and node.op_type in _SHAPE_ONLY else reads(node)
        made_from: frozenset[str] = frozenset().union(*(nearest.get(name, ()) for name in read))
        for name in filter(None, node.output):
            found[name] = made_from
            nearest[name] = frozenset([name]) if name in tensors else made_from
    return found


def carriable(model: onnx.ModelProto, layers: Sequence[Layer]) -> list[Layer]:
    """Return the layers that can be an input just as they come out, and for some samples as well as for all.

    They are no inputs as it is, whole, and one sample after the other. Half precision is left out: within a graph the
    runtime goes on with more digits than it hands out.
    """
    other = {value.name for value in model.graph.input} | readers(model, [layer.name for layer in layers]).keys()
    # A tensor of one number a sample may have no axis but the batch.
    return [
        layer
        for layer in layers
        if layer.dtype in _WHOLE and layer.name not in other
        if layer.batch == BatchAxis() and not layer.drawn and layer.shape != (1,)
    ]


def sources_of(model: onnx.ModelProto, layers: Sequence[Layer]) -> list[set[int]]:
    """Return, for each layer, the places of those layers that it is computed from and that can be an input.

    Where computing it begins with the model's inputs, if these are not a layer of their own, `INPUT` is among them.
    """
    places = {layer.name: place for place, layer in enumerate(layers)}
    inputs = {value.name for value in model.graph.input}
    found = sources(model.graph, {layer.name for layer in carriable(model, layers)}, values=True)
    return [
        {INPUT if name in inputs else places[name] for name in found.get(layer.name, {layer.name} & inputs)}
        for layer in layers
    ]


def behind(model: onnx.ModelProto, given: Mapping[str, onnx.ValueInfoProto]) -> onnx.ModelProto:
    """Return a model that computes the same outputs from tensors that are given to it.

    Nodes, weights and inputs that these outputs do not need any more are dropped.

    Args:
        model: the model, its nodes in topological order; it is not changed.
        given: type and shape of tensors that it is to take as inputs, by name; none of them one of its outputs. Those
            that no output needs are not asked for.
    """
    cut = onnx.ModelProto()
    cut.CopyFrom(model)
    graph = cut.graph
    wanted, kept = {value.name for value in graph.output}, []
    for node in reversed(graph.node):
        if wanted.intersection(node.output):
            wanted.update(reads(node) - given.keys())
            kept.append(onnx.NodeProto.FromString(node.SerializeToString()))
    read = {name for node in kept for name in reads(node)}
    taken = names_in(graph)
    for node in kept:
        # One that makes a given tensor beside another that is needed makes it for nobody.
        for place, name in enumerate(node.output):
            if name in given:
                node.output[place] = fresh(f"{name}/computed", taken)
    inputs = [value for value in graph.input if value.name in read]
    weights = [tensor for tensor in graph.initializer if tensor.name in read | wanted]
    sparse = [tensor for tensor in graph.sparse_initializer if tensor.values.name in read | wanted]
    parts = (
        (graph.node, reversed(kept)),
        (graph.input, [*inputs, *(value for name, value in given.items() if name in read)]),
        (graph.initializer, weights),
        (graph.sparse_initializer, sparse),
    )
    for field, messages in parts:
        copies = [type(each).FromString(each.SerializeToString()) for each in messages]
        del field[:]
        field.extend(copies)
    return cut
