"""Exposes tensors of a graph as its outputs; the only code that edits a graph."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import onnx

from onnxinv.errors import ModelError


@dataclass(frozen=True)
class Exposed:
    """A model whose outputs are the tensors that were asked for.

    Attributes:
        proto: the rewritten model; weights in external files are still only referred to.
        outputs: name of the output that carries each tensor, in the order asked for.
    """

    proto: onnx.ModelProto
    outputs: dict[str, str]


def expose(model: onnx.ModelProto, tensors: Sequence[str]) -> Exposed:
    """Return a model that computes just the given tensors, each an output.

    Nodes that none of them needs are dropped. An input that is asked for is passed through an Identity, since a graph
    input may not be an output. Outputs are declared by name only, and stale shapes of intermediate tensors are removed:
    the runtime infers both. Exposing the same tensors of the result again changes nothing.

    Args:
        model: the model; it is not changed.
        tensors: names of tensors of the main graph; repetitions count once.

    Raises:
        ModelError: a tensor is not in the graph.
    """
    wanted = list(dict.fromkeys(tensors))
    inputs = {value.name for value in model.graph.input} | {tensor.name for tensor in model.graph.initializer}
    produced = {name for node in model.graph.node for name in node.output if name}
    for name in wanted:
        if name not in produced | inputs:
            raise ModelError(f"The graph has no tensor '{name}'.")
    rewritten = onnx.ModelProto()
    rewritten.CopyFrom(model)
    graph = rewritten.graph
    del graph.value_info[:]
    declared = {value.name: value for value in model.graph.output}
    del graph.output[:]
    taken, outputs = produced | inputs, {}
    for name in wanted:
        outputs[name] = _copy_of_input(graph, name, taken) if name in inputs else name
        graph.output.append(declared.get(outputs[name], onnx.ValueInfoProto(name=outputs[name])))
    _keep_needed_nodes(graph, set(outputs.values()))
    return Exposed(rewritten, outputs)


def _copy_of_input(graph: onnx.GraphProto, name: str, taken: set[str]) -> str:
    """Return a tensor that equals the input: that of an Identity already there, else that of a new one."""
    for node in graph.node:
        if node.op_type == "Identity" and node.domain == "" and list(node.input) == [name]:
            return str(node.output[0])
    copy = f"{name}/exposed"
    while copy in taken:
        copy += "_"
    taken.add(copy)
    graph.node.append(onnx.helper.make_node("Identity", [name], [copy], name=copy))
    return copy


def _keep_needed_nodes(graph: onnx.GraphProto, wanted: set[str]) -> None:
    needed, kept = set(wanted), []
    for node in reversed(graph.node):
        if needed.intersection(node.output):
            needed.update(reads(node))
            kept.append(node)
    if len(kept) < len(graph.node):
        nodes = [onnx.NodeProto.FromString(node.SerializeToString()) for node in reversed(kept)]
        del graph.node[:]
        graph.node.extend(nodes)


def reads(node: onnx.NodeProto) -> set[str]:
    """Return the tensors that a node reads, those that its subgraphs take from outside among them."""
    names = {name for name in node.input if name}
    for graph in subgraphs(node):
        inner = {value.name for value in graph.input} | {tensor.name for tensor in graph.initializer}
        for child in graph.node:
            names |= reads(child) - inner
            inner.update(child.output)
        names |= {value.name for value in graph.output} - inner
    return names


def subgraphs(node: onnx.NodeProto) -> Iterable[onnx.GraphProto]:
    """Yield the bodies of a control-flow node."""
    for attribute in node.attribute:
        if attribute.type == onnx.AttributeProto.GRAPH:
            yield attribute.g
        yield from attribute.graphs
