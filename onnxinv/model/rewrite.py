"""Exposes tensors of a graph as its outputs, and answers what else edits a graph must ask: names, reads, bodies."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import numpy as np
import numpy.typing as npt
import onnx
import onnx.inliner
from google.protobuf.message import Message

from onnxinv.errors import ModelError, OnnxinvError
from onnxinv.model.messages import messages
from onnxinv.model.readable import readers

MOST_NODES = 100_000
"""Nodes that local functions may stand for: each that calls another twice doubles them, and a few make billions."""

_WITHOUT_FUNCTIONS = "Export it without functions."

_Called = tuple[str, str, str]
"""Domain, name and overload: what tells functions apart."""


@dataclass(frozen=True)
class Exposed:
    """A model whose outputs are the tensors that were asked for.

    Attributes:
        proto: the rewritten model; weights in external files are still only referred to.
        outputs: name of the output that carries each tensor, in the order asked for.
    """

    proto: onnx.ModelProto
    outputs: dict[str, str]


def expose(
    model: onnx.ModelProto, tensors: Sequence[str], units: Mapping[str, npt.NDArray[np.int64]] | None = None
) -> Exposed:
    """Return a model that computes just the given tensors, each an output.

    Nodes that none of them needs are dropped. An input that is asked for is passed through an Identity, since a graph
    input may not be an output; a quantised tensor is handed out through a DequantizeLinear, one of bfloat16 through a
    Cast, so that both can be read as float32. Outputs are declared by name only, and stale shapes of intermediate
    tensors are removed: the runtime infers both. Exposing the same tensors of the result again changes nothing.

    Where only some units of a tensor are wanted, they are gathered from it, so that the others never leave the runtime.

    Args:
        model: the model, its nodes in topological order; it is not changed.
        tensors: names of tensors of the main graph; repetitions count once.
        units: by name of a tensor whose first axis is the batch, places among the units of a sample, in C order; it is
            handed out as (batch, *shape of these).

    Raises:
        ModelError: a tensor is not in the graph.
    """
    wanted = list(dict.fromkeys(tensors))
    _require(model.graph, wanted)
    rewritten = onnx.ModelProto()
    rewritten.CopyFrom(model)
    graph = rewritten.graph
    declared = {value.name: value for value in model.graph.output}
    given = _given(graph)
    taken = names_in(graph)
    copiers = {name: onnx.helper.make_node("Identity", [name], []) for name in wanted if name in given}
    copiers |= readers(model, wanted)
    outputs = {name: _copy(graph, copiers[name], taken, wanted) if name in copiers else name for name in wanted}
    for name, places in (units or {}).items():
        outputs[name] = _gather(graph, outputs[name], places, taken)
    del graph.value_info[:]
    del graph.output[:]
    graph.output.extend(declared.get(name, onnx.ValueInfoProto(name=name)) for name in outputs.values())
    _keep_needed_nodes(graph, set(outputs.values()))
    _ensure(graph, outputs)
    return Exposed(rewritten, outputs)


def inline_functions(model: onnx.ModelProto, path: Path) -> onnx.ModelProto:
    """Return the model with the bodies of its local functions in place of their calls, so that they can be exposed.

    A model without functions is returned as it is.

    Args:
        model: the model.
        path: its file, for what is said of it.

    Raises:
        ModelError: the functions call each other in a circle, stand for too many nodes, or cannot be inlined.
    """
    if not model.functions:
        return model
    if _nodes_inlined(model, path) > MOST_NODES:
        raise ModelError(
            f"The local functions of '{path}' stand for more than {MOST_NODES:,} nodes.", _WITHOUT_FUNCTIONS
        )
    try:
        return onnx.inliner.inline_local_functions(model)
    except Exception as error:  # whatever C++ raises
        raise ModelError(f"The local functions of '{path}' cannot be inlined.", _WITHOUT_FUNCTIONS) from error


def _nodes_inlined(model: onnx.ModelProto, path: Path) -> int:
    """Return how many nodes a model has when bodies stand in place of all calls, without making them.

    A body counts for no more than one node too many: the sums of hostile ones have thousands of digits.

    Raises:
        ModelError: functions call each other in a circle.
    """
    calls = {
        (each.domain, each.name, each.overload): [_callee(node) for node in _nodes_within(each)]
        for each in model.functions
    }
    counts: dict[_Called, int] = {}
    try:
        for function in TopologicalSorter(
            {key: calls.keys() & set(made) for key, made in calls.items()}
        ).static_order():
            counts[function] = min(sum(counts.get(callee, 1) for callee in calls[function]), MOST_NODES + 1)
    except CycleError as error:
        names = " -> ".join(name for _, name, _ in reversed(error.args[1][:6]))
        raise ModelError(
            f"The local functions of '{path}' cannot be inlined: they call each other in a circle: {names}.",
            _WITHOUT_FUNCTIONS,
        ) from error
    return sum(counts.get(_callee(node), 1) for node in _nodes_within(model.graph))


def _nodes_within(message: Message) -> Iterable[onnx.NodeProto]:
    return (part for part in messages(message) if isinstance(part, onnx.NodeProto))


def _callee(node: onnx.NodeProto) -> _Called:
    return node.domain, node.op_type, node.overload


def _require(graph: onnx.GraphProto, wanted: Sequence[str]) -> None:
    if not wanted:
        raise ModelError("No tensor was named that the model is to hand out.")
    known = _given(graph) | {name for node in graph.node for name in node.output if name}
    for name in wanted:
        if name not in known:
            raise ModelError(f"The graph has no tensor '{name}'.")


def _ensure(graph: onnx.GraphProto, outputs: dict[str, str]) -> None:
    produced = {name for node in graph.node for name in node.output}
    names = [value.name for value in graph.output]
    if names != list(outputs.values()) or len(set(names)) < len(names) or not produced.issuperset(names):
        raise OnnxinvError("Exposing tensors gave a broken graph.", "This is a bug in onnxinv; please report it.")


def _given(graph: onnx.GraphProto) -> set[str]:
    """Return the tensors that no node makes: inputs and initialisers."""
    sparse = {tensor.values.name for tensor in graph.sparse_initializer}
    return {value.name for value in graph.input} | {tensor.name for tensor in graph.initializer} | sparse


def names_made(graph: onnx.GraphProto, *, bodies: bool = True) -> set[str]:
    """Return the tensors that a graph defines, those of the bodies in it among them unless told otherwise."""
    names = _given(graph) | {name for node in graph.node for name in node.output if name}
    if bodies:
        names.update(*(names_made(body) for node in graph.node for body in subgraphs(node)))
    return names


def names_in(graph: onnx.GraphProto) -> set[str]:
    """Return all tensor names of a graph and of the bodies in it, which may not repeat a name from outside."""
    names = _given(graph)
    for node in graph.node:
        names.update(node.input, node.output)
        for body in subgraphs(node):
            names |= names_in(body)
    return names


def _copy(graph: onnx.GraphProto, copier: onnx.NodeProto, taken: set[str], wanted: Sequence[str]) -> str:
    """Return what the given node makes: a node just like it that is there already makes it, else it is added."""
    for node in graph.node:
        # One that is itself asked for cannot carry both: a name may not be listed twice.
        if _is_like(node, copier) and node.output[0] not in wanted:
            return str(node.output[0])
    copy = fresh(f"{copier.input[0]}/exposed", taken)
    copier.name = copy
    copier.output.append(copy)
    graph.node.append(copier)
    return copy


def _gather(graph: onnx.GraphProto, tensor: str, places: npt.NDArray[np.int64], taken: set[str]) -> str:
    """Return what holds some units of a tensor."""
    flat, chosen, gathered = (fresh(f"{tensor}/{what}", taken) for what in ("flat", "drawn", "gathered"))
    make = onnx.helper.make_node
    # A constant node: before version 4 of the representation, every initialiser had to be an input as well.
    graph.node.append(make("Constant", [], [chosen], name=chosen, value=onnx.numpy_helper.from_array(places)))
    graph.node.append(make("Flatten", [tensor], [flat], name=flat, axis=1))
    graph.node.append(make("Gather", [flat, chosen], [gathered], name=gathered, axis=1))
    return gathered


def fresh(name: str, taken: set[str]) -> str:
    """Return a name that is not taken yet, made of the given one; from now on it is."""
    while name in taken:
        name += "_"
    taken.add(name)
    return name


def _is_like(one: onnx.NodeProto, other: onnx.NodeProto) -> bool:
    return (one.op_type, one.domain, [*one.input]) == (other.op_type, other.domain, [*other.input]) and [
        *one.attribute
    ] == [*other.attribute]


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
        inner = _given(graph)
        for child in graph.node:
            names |= reads(child) - inner
            inner.update(child.output)
        names |= {value.name for value in graph.output if value.name} - inner
    return names


def subgraphs(node: onnx.NodeProto) -> Iterable[onnx.GraphProto]:
    """Yield the bodies of a control-flow node."""
    for attribute in node.attribute:
        if attribute.type == onnx.AttributeProto.GRAPH:
            yield attribute.g
        yield from attribute.graphs
